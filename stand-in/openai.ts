/**
 * The stand-in's side of the OpenAI API: POST /v1/chat/completions, as much of it as a judge needs. A request for
 * stand-in-judge-2 is answered by that judge; whatever other model is asked for, the reply is stand-in-judge-1's and says so.
 */
import type { Sha256 } from '../experiment/canonical';
import { STAND_IN_MODEL, STRICT_STAND_IN_MODEL } from '../experiment/stand-in';
import { Refused } from './http-exchange';
import { firstTokens } from './logprobs';
import { MOST_OUTPUT_TOKENS } from './models';
import { type Asked, textOf, tokens } from './params';
import { type Reply, textsOf } from './reply';
import { otherVerdict } from './scoring';
import { checkSchema, type Schema } from './structured';

/** Throws `Refused`. */
export function readChat(params: unknown): Asked {
  if (typeof params !== 'object' || params === null) {
    throw new Refused('bad_request', 'the request must be a JSON object');
  }
  const {
    messages,
    stream,
    n,
    max_tokens: old,
    max_completion_tokens: most,
    response_format: format,
    logprobs,
    top_logprobs: top,
    model,
  } = params as Record<string, unknown>;
  if (stream === true) throw new Refused('bad_request', 'stream: this stand-in does not stream');
  if (n !== undefined && n !== null && n !== 1) throw new Refused('bad_request', 'n: this stand-in answers once');
  if (!Array.isArray(messages)) throw new Refused('bad_request', 'messages: must be a list');
  const system: string[] = [];
  let prompt = '';
  (messages as { role?: unknown; content?: unknown }[]).forEach(({ role, content }, index) => {
    const text = textOf(content, `messages.${index}.content`);
    if (role === 'system' || role === 'developer') system.push(text);
    else if (role === 'user') prompt = text;
  });
  if (prompt === '') throw new Refused('bad_request', 'messages: one of the user is required');
  const schema = schemaOf(format);
  const rubric = system.join('\n');
  const maxTokens = most ?? old ?? MOST_OUTPUT_TOKENS;
  if (typeof maxTokens !== 'number' || !Number.isInteger(maxTokens) || maxTokens < 1) {
    throw new Refused('bad_request', 'max_completion_tokens: must be a positive whole number');
  }
  const inputTokens = tokens(rubric + prompt) + (schema === null ? 0 : tokens(JSON.stringify(schema)));
  const asked = model === STRICT_STAND_IN_MODEL ? STRICT_STAND_IN_MODEL : STAND_IN_MODEL;
  const topLogprobs = readTop(logprobs, top);
  return {
    ...{ model: asked, system: rubric, prompt, schema, maxTokens, inputTokens },
    ...(topLogprobs === null ? {} : { topLogprobs }),
  };
}

const MOST_TOP = 20;

/** Null: none are asked for. */
function readTop(logprobs: unknown, top: unknown): number | null {
  if (logprobs === undefined || logprobs === null || logprobs === false) {
    if (top === undefined || top === null) return null;
    throw new Refused('bad_request', 'top_logprobs: needs logprobs');
  }
  const most = top ?? 0;
  if (typeof most !== 'number' || !Number.isInteger(most) || most < 0 || most > MOST_TOP) {
    throw new Refused('bad_request', `top_logprobs: must be a whole number up to ${MOST_TOP}`);
  }
  return most;
}

/** A chat completion. Only its first token has log-probabilities: no judge needs more. */
export function completionOf(asked: Asked, reply: Reply, sha256: Sha256): Record<string, unknown> {
  const reasons = { end_turn: 'stop', max_tokens: 'length', refusal: 'content_filter' };
  return {
    id: `chatcmpl-stand-in-${sha256.slice(0, 24)}`,
    object: 'chat.completion',
    created: Math.floor(Date.now() / 1000),
    model: asked.model,
    choices: [
      {
        index: 0,
        message: { role: 'assistant', content: reply.text, refusal: null },
        logprobs: logprobsOf(asked, reply),
        finish_reason: reasons[reply.stopReason],
      },
    ],
    usage: {
      prompt_tokens: asked.inputTokens,
      completion_tokens: reply.outputTokens,
      total_tokens: asked.inputTokens + reply.outputTokens,
    },
  };
}

function logprobsOf(asked: Asked, { text }: Reply): Record<string, unknown> | null {
  const { topLogprobs } = asked;
  if (topLogprobs === undefined) return null;
  const { parts, judged } = textsOf(asked);
  const table = firstTokens(text, judged, MOST_TOP, otherVerdict(parts, text));
  const [first] = table;
  if (text === '' || first === undefined) return { content: [], refusal: null };
  return { content: [{ ...first, top_logprobs: table.slice(0, topLogprobs) }], refusal: null };
}

function schemaOf(format: unknown): Schema | null {
  const { type, json_schema: named } = (format ?? {}) as { type?: unknown; json_schema?: { schema?: unknown } };
  if (type !== 'json_schema') return null;
  const schema = named?.schema;
  checkSchema(schema, 'response_format.json_schema.schema');
  return schema;
}
