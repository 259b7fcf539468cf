/**
 * What usage of a judge costs, by the experiment file's price or by the table of models. Prices change; every figure made
 * from the table names its date.
 */
import { judgeOf } from '../artifacts/plans';
import { endpointIdentity, isOpenAi } from '../experiment/endpoint';
import { judgeModel, PRICES_AS_OF, type TokenPrice } from '../experiment/judge-models';
import { openAiModel } from '../experiment/openai-models';
import type { Instrument } from '../experiment/plan';
import type { JudgeSpec, Spec } from '../experiment/spec';
import { isStandIn } from '../experiment/stand-in';

export { PRICES_AS_OF };

export interface TokenUsage {
  inputTokens: number;
  outputTokens: number;
}

/** US dollars of direct requests, or null for a model that the table does not know: an unknown price is not zero. */
export function costOf(asked: Pick<Instrument, 'model' | 'endpoint'>, usage: TokenUsage): number | null {
  const known = listPrices(asked);
  return known === null ? null : usdAt(known.price, usage);
}

/** A model of the same name on another server has another price. */
function listPrices({
  model,
  endpoint,
}: Pick<Instrument, 'model' | 'endpoint'>): { price: TokenPrice; batchPrice: TokenPrice } | null {
  if (endpoint === undefined) return judgeModel(model);
  return isOpenAi(endpoint) ? openAiModel(model) : null;
}

/**
 * US dollars by a judge's own price, else by the table; `batch`: through the provider's batches, at half the price. Null when
 * the price is not known.
 */
export function judgeUsd(
  { kind, model, price, endpoint }: Pick<JudgeSpec, 'kind' | 'model' | 'price' | 'endpoint'>,
  usage: TokenUsage,
  batch: boolean,
): number | null {
  if (kind === 'local' || isStandIn({ kind, model })) return 0;
  if (price !== null) return usdAt(price, usage) * (batch ? 0.5 : 1);
  const known = listPrices({ model, ...(endpoint && { endpoint: endpointIdentity(endpoint.baseUrl) }) });
  return known === null ? null : usdAt(batch ? known.batchPrice : known.price, usage);
}

/**
 * US dollars of a usage, by the experiment file's price or the list's. A model without any known price counts as 0.
 * `judge`: its name. `batch`: paid through batches.
 */
export function usdOf(
  spec: Spec,
  usage: TokenUsage,
  { judge, batch = false }: { judge: string; batch?: boolean },
): number {
  return judgeUsd(judgeOf(spec, judge), usage, batch) ?? 0;
}

function usdAt(price: TokenPrice, { inputTokens, outputTokens }: TokenUsage): number {
  return (inputTokens * price.input + outputTokens * price.output) / 1e6;
}
