/**
 * What is known of judge models: which request parameters each accepts, what it costs, and its limits, each with where
 * and when it was read. Nothing here was tried against the vendor's API; a model that is not listed is asked as the
 * experiment file says.
 *
 * Validation, defaults, requests and estimates read this table. Raise `checked` with any change.
 */
import type { Rate } from './rates';
import { STAND_IN_MODEL, STRICT_STAND_IN_MODEL } from './stand-in';

/** US dollars per million tokens. */
export interface TokenPrice {
  input: number;
  output: number;
}

/** What an organization may ask of one model in a minute. */
type TierLimits = Record<Rate, number>;

export interface JudgeModel {
  /** Sampling parameters: the first `anthropic-version` that refuses them, or `never` where every version does. */
  temperature: { refusedFrom: string } | 'never';
  /** `output_config.effort`. */
  effort: boolean;
  /** `output_config.format` with a JSON schema; the combined form needs it. */
  structuredOutputs: boolean;
  /** Whether the conversation may end in a turn of the assistant. Flamingo sends none. */
  prefill: boolean;
  /** Thinks unless told not to: its thoughts would count to `max_tokens`, so requests switch it off. */
  thinksByDefault: boolean;
  price: TokenPrice;
  /** Message Batches. */
  batchPrice: TokenPrice;
  /** Tokens. Shorter prompts are not cached, and the reply does not say so; null: nothing is cached. */
  minCacheablePrefix: number | null;
  /** Tokens that the model's tokenizer makes where Haiku 4.5's makes one. */
  tokenFactor: number;
  /** By the account's tier; empty where there are none. */
  limits: Readonly<Record<string, TierLimits>>;
  /** Day from which the vendor's own API answers no more, when that is past. */
  retired: string | null;
  /** Where this was read, and the latest day. */
  source: string;
  checked: string;
}

/** The date of the list prices; every figure made from them names it. */
export const PRICES_AS_OF = '2026-10-08';

/** From this `anthropic-version` on the API refuses `temperature`, `top_p` and `top_k` for every model. */
const NO_SAMPLING_PARAMETERS = { refusedFrom: '2026-10-21' };

/** As read for all of them in August 2026, and confirmed for Haiku 5.5 on 2026-10-08. */
const TIERS = {
  start: { requestsPerMinute: 1000, inputTokensPerMinute: 2_000_000, outputTokensPerMinute: 400_000 },
  build: { requestsPerMinute: 5000, inputTokensPerMinute: 5_000_000, outputTokensPerMinute: 1_000_000 },
  scale: { requestsPerMinute: 10_000, inputTokensPerMinute: 10_000_000, outputTokensPerMinute: 2_000_000 },
};

const HAIKU_4_5: JudgeModel = {
  temperature: NO_SAMPLING_PARAMETERS,
  effort: false,
  structuredOutputs: true,
  prefill: true,
  thinksByDefault: false,
  price: { input: 1, output: 5 },
  batchPrice: { input: 0.5, output: 2.5 },
  minCacheablePrefix: 4096,
  tokenFactor: 1,
  limits: TIERS,
  retired: null,
  source: 'platform.claude.com/docs: models, pricing, rate limits, structured outputs, API versioning',
  checked: PRICES_AS_OF,
};

/** Programs of this repository that stand in for a judge; they take what Haiku 4.5 takes. */
const STAND_IN: JudgeModel = {
  ...HAIKU_4_5,
  price: { input: 0, output: 0 },
  batchPrice: { input: 0, output: 0 },
  minCacheablePrefix: null,
  limits: {},
  source: 'this repository',
};

const MODELS: Readonly<Record<string, JudgeModel>> = {
  'claude-haiku-4-5-20251001': HAIKU_4_5,
  'claude-haiku-4-5': HAIKU_4_5,
  'claude-haiku-5-5': {
    temperature: 'never',
    effort: true,
    structuredOutputs: true,
    prefill: false,
    thinksByDefault: true,
    // for prompts of up to 100,000 tokens; longer ones cost five times as much
    price: { input: 0.1, output: 0.5 },
    batchPrice: { input: 0.05, output: 0.25 },
    minCacheablePrefix: 512,
    tokenFactor: 1.3,
    limits: TIERS,
    retired: null,
    source: 'platform.claude.com/docs: models, pricing, rate limits',
    checked: PRICES_AS_OF,
  },
  'claude-sonnet-4-20250514': {
    temperature: NO_SAMPLING_PARAMETERS,
    effort: false,
    structuredOutputs: false,
    prefill: true,
    thinksByDefault: false,
    price: { input: 3, output: 15 },
    batchPrice: { input: 1.5, output: 7.5 },
    minCacheablePrefix: 1024,
    tokenFactor: 1,
    limits: {},
    retired: '2026-06-15',
    source:
      'platform.claude.com/docs: release notes (retirement), batch processing (prices), structured outputs (4.5 on)',
    checked: PRICES_AS_OF,
  },
  [STAND_IN_MODEL]: STAND_IN,
  [STRICT_STAND_IN_MODEL]: STAND_IN,
};

/** Null for a model that the table does not know. */
export function judgeModel(id: string): JudgeModel | null {
  return Object.hasOwn(MODELS, id) ? (MODELS[id] as JudgeModel) : null;
}

/** The vendor's models; stand-ins are not among them. */
export const KNOWN_CLAUDE_MODELS: readonly string[] = Object.keys(MODELS).filter((id) => !id.startsWith('stand-in'));

/** Whether a temperature can be sent; true for unknown models unless the API version refuses it for all. */
export function acceptsTemperature(model: string, apiVersion: string): boolean {
  const { temperature } = judgeModel(model) ?? { temperature: NO_SAMPLING_PARAMETERS };
  // versions are dates: they compare as text
  return temperature !== 'never' && apiVersion < temperature.refusedFrom;
}
