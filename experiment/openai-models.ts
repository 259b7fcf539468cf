/**
 * What is known of models of OpenAI's own API as judges. Nothing here was tried against the vendor's API; a model that is not
 * listed is asked as the experiment file says. The prices are those of several public tables that agree, since the vendor's
 * page lists newer models only. Change the date with any change.
 */
import type { TokenPrice } from './judge-models';

export interface OpenAiModel {
  price: TokenPrice;
  /** The Batch API. */
  batchPrice: TokenPrice;
  /** Gives the log-probabilities of its tokens. */
  logprobs: boolean;
}

/** The day on which prices were read; every figure made from them names it. */
export const OPENAI_PRICES_AS_OF = '2026-11-30';

const half = (price: TokenPrice): TokenPrice => ({ input: price.input / 2, output: price.output / 2 });

function model(input: number, output: number): OpenAiModel {
  const price = { input, output };
  return { price, batchPrice: half(price), logprobs: true };
}

const MODELS: Readonly<Record<string, OpenAiModel>> = {
  'gpt-4o-2024-08-06': model(2.5, 10),
  'gpt-4o-2024-11-20': model(2.5, 10),
  'gpt-4o': model(2.5, 10),
  'gpt-4o-mini-2024-07-18': model(0.15, 0.6),
  'gpt-4o-mini': model(0.15, 0.6),
  'gpt-4.1-2025-04-14': model(2, 8),
  'gpt-4.1': model(2, 8),
  'gpt-4.1-mini-2025-04-14': model(0.4, 1.6),
  'gpt-4.1-mini': model(0.4, 1.6),
  'gpt-4.1-nano-2025-04-14': model(0.1, 0.4),
  'gpt-4.1-nano': model(0.1, 0.4),
};

/** Null for a model that the table does not know. */
export function openAiModel(id: string): OpenAiModel | null {
  return Object.hasOwn(MODELS, id) ? (MODELS[id] as OpenAiModel) : null;
}

export const KNOWN_OPENAI_MODELS: readonly string[] = Object.keys(MODELS);
