/**
 * The stand-in for clients that speak only the OpenAI API: POST /v1/chat/completions, as little of it as such a judge
 * needs. The model's name is not looked at; every reply is stand-in-judge-1's and says so.
 */
import type { Sha256 } from '../experiment/canonical';
import { STAND_IN_MODEL } from '../experiment/stand-in';
import { Refused } from './http-exchange';
import { MOST_OUTPUT_TOKENS } from './models';
import { type Asked, textOf, tokens } from './params';
import type { Reply } from './reply';
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
  return { model: STAND_IN_MODEL, system: rubric, prompt, schema, maxTokens, inputTokens };
}

/** A chat completion; it holds log probabilities in any case, since this judge is always sure. */
export function completionOf(asked: Asked, reply: Reply, sha256: Sha256): Record<string, unknown> {
  const token = { token: reply.text, logprob: 0, bytes: null };
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
        logprobs: { content: [{ ...token, top_logprobs: [token] }], refusal: null },
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

function schemaOf(format: unknown): Schema | null {
  const { type, json_schema: named } = (format ?? {}) as { type?: unknown; json_schema?: { schema?: unknown } };
  if (type !== 'json_schema') return null;
  const schema = named?.schema;
  checkSchema(schema, 'response_format.json_schema.schema');
  return schema;
}
