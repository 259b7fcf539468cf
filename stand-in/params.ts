/**
 * Reads the body of a Messages request and holds it to the API's rules, as far as a judge can break them. What the API
 * takes but this stand-in can not do (tools, streams, images, thinking) is refused, never ignored.
 */
import { Refused } from './http-exchange';
import { MOST_INPUT_TOKENS, MOST_OUTPUT_TOKENS, type Models } from './models';
import { checkSchema, type Schema } from './structured';

/** What is asked, in the terms that the stand-in needs. */
export interface Asked {
  model: string;
  system: string;
  /** The last user turn. */
  prompt: string;
  schema: Schema | null;
  maxTokens: number;
  inputTokens: number;
  /** OpenAI's API: how many likely first tokens are asked for; absent = no log-probabilities. */
  topLogprobs?: number;
}

/** The only version that takes sampling parameters. */
const OLD_VERSION = '2023-06-01';
const SAMPLING = ['temperature', 'top_p', 'top_k'];
const COUNTED = ['model', 'messages', 'system', 'output_config', 'cache_control', 'thinking', 'tools', 'tool_choice'];
const KNOWN = [
  ...COUNTED,
  'max_tokens',
  'stop_sequences',
  'metadata',
  'service_tier',
  'stream',
  'inference_geo',
  'diagnostics',
];
const ROLES: unknown[] = ['user', 'assistant', 'system'];
const NOT_DONE_HERE = ['tools', 'tool_choice'];

type Params = Record<string, unknown>;

/** `params` of a Messages request. `version`: the header `anthropic-version`. Throws `Refused`. */
export function readMessage(params: unknown, version: string | undefined, models: Models): Asked {
  checkVersion(version);
  checkKeys(params, version === OLD_VERSION ? [...KNOWN, ...SAMPLING] : KNOWN);
  const asked = readAsked(params, models);
  checkSampling(params);
  if (params['stream'] !== undefined && params['stream'] !== false) {
    throw new Refused('bad_request', 'stream: this stand-in does not stream');
  }
  const maxTokens = params['max_tokens'];
  if (typeof maxTokens !== 'number' || !Number.isInteger(maxTokens) || maxTokens < 0) {
    throw new Refused('bad_request', 'max_tokens: must be a whole number');
  }
  if (maxTokens > MOST_OUTPUT_TOKENS) {
    throw new Refused(
      'bad_request',
      `max_tokens: ${maxTokens} > ${MOST_OUTPUT_TOKENS}, which is the maximum allowed number of output tokens for ${asked.model}`,
    );
  }
  return { ...asked, maxTokens };
}

/** The same for count_tokens. */
export function readCounted(params: unknown, version: string | undefined, models: Models): Asked {
  checkVersion(version);
  checkKeys(params, COUNTED);
  return readAsked(params, models);
}

/** Throws `Refused`. */
export function parseBody(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    throw new Refused('bad_request', 'the request body is not valid JSON');
  }
}

/** About four characters of English are a token. */
export function tokens(text: string): number {
  return Math.ceil(text.length / 4);
}

/** Throws `Refused`. */
export function checkVersion(version: string | undefined): void {
  if (version === undefined) throw new Refused('bad_request', 'anthropic-version: header is required');
  if (!/^\d{4}-\d{2}-\d{2}$/.test(version)) {
    throw new Refused('bad_request', `anthropic-version: ${JSON.stringify(version)} is not a valid version`);
  }
}

/** Some clients write out that they have no tools. */
function isEmptyList(value: unknown): boolean {
  return Array.isArray(value) && value.length === 0;
}

/** The text of a content: a string, or text blocks. Throws `Refused`. */
export function textOf(content: unknown, place: string): string {
  const text = typeof content === 'string' ? content : Array.isArray(content) ? textOfBlocks(content, place) : null;
  if (text === null) throw new Refused('bad_request', `${place}: must be a string or a list of text blocks`);
  if (!text.isWellFormed()) throw new Refused('bad_request', 'the request body has no low surrogate in string');
  return text;
}

function checkKeys(params: unknown, known: readonly string[]): asserts params is Params {
  if (typeof params !== 'object' || params === null || Array.isArray(params)) {
    throw new Refused('bad_request', 'the request must be a JSON object');
  }
  for (const key of Object.keys(params)) {
    if (!known.includes(key)) throw new Refused('bad_request', `${key}: Extra inputs are not permitted`);
    if (NOT_DONE_HERE.includes(key) && !isEmptyList((params as Params)[key]))
      throw new Refused('bad_request', `${key}: this stand-in has no tools`);
  }
}

function readAsked(params: Params, models: Models): Asked {
  models.check(params['model']);
  const system = params['system'] === undefined ? '' : textOf(params['system'], 'system');
  const messages = params['messages'];
  if (!Array.isArray(messages) || messages.length === 0) {
    throw new Refused('bad_request', 'messages: at least one message is required');
  }
  let prompt = '';
  let length = system.length;
  messages.forEach((message: { role?: unknown; content?: unknown } | null, index) => {
    if (!ROLES.includes(message?.role)) {
      throw new Refused('bad_request', `messages.${index}.role: must be one of ${ROLES.join(', ')}`);
    }
    prompt = textOf(message?.content, `messages.${index}.content`);
    if (prompt === '') throw new Refused('bad_request', `messages.${index}: must have non-empty content`);
    length += prompt.length;
  });
  if ((messages.at(-1) as { role: string }).role !== 'user') {
    throw new Refused('bad_request', 'messages: this model does not support prefill: the last one must be of the user');
  }
  const thinking = params['thinking'] as { type?: unknown } | undefined;
  if (thinking !== undefined && thinking.type !== 'disabled') {
    throw new Refused('bad_request', 'thinking: this stand-in does not think');
  }
  const schema = readSchema(params['output_config']);
  // the schema becomes a part of the prompt
  const inputTokens = Math.ceil(length / 4) + (schema === null ? 0 : tokens(JSON.stringify(schema)));
  if (inputTokens > MOST_INPUT_TOKENS) {
    throw new Refused('bad_request', `prompt is too long: ${inputTokens} tokens > ${MOST_INPUT_TOKENS} maximum`);
  }
  return { model: params['model'], system, prompt, schema, maxTokens: 0, inputTokens };
}

function textOfBlocks(blocks: readonly unknown[], place: string): string {
  return blocks
    .map((block, index) => {
      const { type, text } = (block ?? {}) as { type?: unknown; text?: unknown };
      if (type === 'text' && typeof text === 'string') return text;
      throw new Refused('bad_request', `${place}.${index}: this stand-in reads only text blocks`);
    })
    .join('');
}

function readSchema(config: unknown): Schema | null {
  if (config === undefined) return null;
  if (typeof config !== 'object' || config === null)
    throw new Refused('bad_request', 'output_config: must be an object');
  const { format, ...rest } = config as { format?: unknown };
  if ('effort' in rest) {
    throw new Refused('bad_request', 'output_config.effort: This model does not support the effort parameter.');
  }
  const [extra] = Object.keys(rest);
  if (extra !== undefined) throw new Refused('bad_request', `output_config.${extra}: Extra inputs are not permitted`);
  if (format === undefined || format === null) return null;
  const { type, schema, ...more } = format as { type?: unknown; schema?: unknown };
  if (type !== 'json_schema') throw new Refused('bad_request', "output_config.format.type: must be 'json_schema'");
  const [other] = Object.keys(more);
  if (other !== undefined) {
    throw new Refused('bad_request', `output_config.format.${other}: Extra inputs are not permitted`);
  }
  checkSchema(schema);
  return schema;
}

function checkSampling({ temperature, top_p: topP, top_k: topK }: Params): void {
  const within = (value: unknown): boolean => typeof value === 'number' && value >= 0 && value <= 1;
  if (temperature !== undefined && !within(temperature)) {
    throw new Refused('bad_request', 'temperature: must be between 0 and 1');
  }
  if (topP !== undefined && !within(topP)) throw new Refused('bad_request', 'top_p: must be between 0 and 1');
  if (topK !== undefined && !(Number.isInteger(topK) && Number(topK) >= 0)) {
    throw new Refused('bad_request', 'top_k: must be a whole number');
  }
  if (temperature !== undefined && topP !== undefined) {
    throw new Refused('bad_request', '`temperature` and `top_p` cannot both be specified for this model.');
  }
}
