/**
 * A judgement's request as OpenAI's chat completions take it. Servers that speak this API differ in what else they accept, so
 * nothing is sent that the instrument does not ask for.
 */
import type { Instrument } from '../../experiment/plan';
import type { ScoresSchema } from '../scores-schema';

export interface ChatParams {
  readonly model: string;
  readonly messages: readonly { readonly role: 'system' | 'user'; readonly content: string }[];
  readonly max_tokens?: number;
  readonly max_completion_tokens?: number;
  readonly temperature?: number;
  readonly logprobs?: true;
  readonly top_logprobs?: number;
  readonly response_format?: {
    readonly type: 'json_schema';
    readonly json_schema: { readonly name: 'scores'; readonly strict: true; readonly schema: ScoresSchema };
  };
}

/** OpenAI's own models of today refuse the older name, and other servers do not all know the newer one. */
const NEWER_LIMIT = 'api.openai.com/';

export function chatParams(
  { model, maxTokens, temperature, expected, endpoint }: Instrument,
  { system, content, schema }: { system: string | null; content: string; schema: ScoresSchema | null },
): ChatParams {
  return {
    model,
    ...(endpoint?.startsWith(NEWER_LIMIT) ? { max_completion_tokens: maxTokens } : { max_tokens: maxTokens }),
    ...(temperature === null ? {} : { temperature }),
    ...(expected === undefined ? {} : { logprobs: true, top_logprobs: expected.topLogprobs }),
    ...(schema === null
      ? {}
      : { response_format: { type: 'json_schema', json_schema: { name: 'scores', strict: true, schema } } }),
    messages: [
      ...(system === null ? [] : [{ role: 'system' as const, content: system }]),
      { role: 'user' as const, content },
    ],
  };
}
