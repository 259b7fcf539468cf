/**
 * What the judge would cost: of a whole plan, and of what the store does not hold yet.
 */
import type { Plan } from '../experiment/plan';
import type { Spec } from '../experiment/spec';
import { estimateJudging, type JudgingEstimate } from './judge/prices';
import type { Reuse } from './reuse';
import { usdOf } from './spending';

export interface CostEstimate extends Pick<JudgingEstimate, 'inputTokens' | 'outputTokens' | 'method'> {
  /** US dollars of all judgements, by the experiment file's price or the list's. */
  usd: number;
  /** Of the judgements that are new: their share of the whole. */
  newUsd: number;
}

export function estimateCost(spec: Spec, plan: Plan, { judgements }: Pick<Reuse, 'judgements'>): CostEstimate {
  const { inputTokens, outputTokens, method } = estimateJudging(plan);
  const usd = usdOf(spec, { inputTokens, outputTokens });
  const all = judgements.new + judgements.reused;
  return { inputTokens, outputTokens, method, usd, newUsd: all === 0 ? 0 : usd * (judgements.new / all) };
}
