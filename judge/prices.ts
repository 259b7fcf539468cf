/**
 * What usage of a judge costs, by the experiment file's price or by the table of models. Prices change; every figure made
 * from the table names its date.
 */
import { judgeOf } from '../artifacts/plans';
import { judgeModel, PRICES_AS_OF, type TokenPrice } from '../experiment/judge-models';
import type { JudgeSpec, Spec } from '../experiment/spec';

export { PRICES_AS_OF };

export interface TokenUsage {
  inputTokens: number;
  outputTokens: number;
}

/** US dollars of direct requests, or null for a model that the table does not know: an unknown price is not zero. */
export function costOf(model: string, usage: TokenUsage): number | null {
  const known = judgeModel(model);
  return known === null ? null : usdAt(known.price, usage);
}

/**
 * US dollars by a judge's own price, else by the table; `batch`: through Message Batches, at half the price. Null when
 * the price is not known.
 */
export function judgeUsd(
  { kind, model, price }: Pick<JudgeSpec, 'kind' | 'model' | 'price'>,
  usage: TokenUsage,
  batch: boolean,
): number | null {
  if (kind === 'stand-in' || kind === 'local') return 0;
  if (price !== null) return usdAt(price, usage) * (batch ? 0.5 : 1);
  const known = judgeModel(model);
  return known === null ? null : usdAt(batch ? known.batchPrice : known.price, usage);
}

/**
 * US dollars of a usage, by the experiment file's price or the list's. A model without any known price counts as 0.
 * `judge`: its name. `batch`: paid through Message Batches.
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
