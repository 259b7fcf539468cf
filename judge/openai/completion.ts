/**
 * Reads a chat completion. Servers of many makes send them, so a 200 may hold anything; what can not be read is said in words.
 */
import type { TokenTable } from '../../experiment/expected-score';
import { isTokenCount, type MessageReply } from '../client';

type Fields = Record<string, unknown>;

const fields = (value: unknown): Fields => (typeof value === 'object' && value !== null ? (value as Fields) : {});

/** What a completion's reason for its end is among those of messages. */
const REASONS: Readonly<Record<string, string>> = {
  stop: 'end_turn',
  length: 'max_tokens',
  content_filter: 'refusal',
};

/**
 * Returns in words what the body is instead of a usable completion. `tokens` is absent where the server sends no
 * log-probabilities at all, and empty where it sends none for this reply.
 */
export function readCompletion(data: unknown): MessageReply | string {
  const { choices, model, usage } = fields(data);
  if (!Array.isArray(choices)) return 'no chat completion';
  const { message, finish_reason: reason, logprobs } = fields(choices[0]);
  const { content, refusal } = fields(message);
  if (typeof model !== 'string' || typeof reason !== 'string') return 'a completion without model or finish_reason';
  if (content !== null && content !== undefined && typeof content !== 'string')
    return 'a completion whose text is none';
  const { prompt_tokens: inputTokens, completion_tokens: outputTokens = 0 } = fields(usage);
  if (!isTokenCount(inputTokens) || !isTokenCount(outputTokens)) return 'a completion without usable token counts';
  const refused = typeof refusal === 'string' && refusal !== '';
  const tokens = readTokens(logprobs);
  if (tokens === null) return 'a completion whose log-probabilities are none';
  return {
    text: refused ? refusal : (content ?? ''),
    stopReason: refused ? 'refusal' : (REASONS[reason] ?? reason),
    model,
    inputTokens,
    outputTokens,
    ...(tokens === undefined ? {} : { tokens }),
  };
}

/** Of the first token; null for what is no table. */
function readTokens(logprobs: unknown): TokenTable | undefined | null {
  if (logprobs === null || logprobs === undefined) return undefined;
  const { content } = fields(logprobs);
  if (content === null || content === undefined) return undefined;
  if (!Array.isArray(content)) return null;
  if (content.length === 0) return [];
  const { top_logprobs: top } = fields(content[0]);
  if (!Array.isArray(top)) return null;
  const table = top.map(fields).map(({ token, logprob }) => ({ token, logprob }));
  const usable = table.every(
    ({ token, logprob }) => typeof token === 'string' && typeof logprob === 'number' && logprob <= ROUNDING,
  );
  return usable ? (table as TokenTable) : null;
}

/** A logarithm of a probability that a server computed in few bits. */
const ROUNDING = 0.01;
