/**
 * What the judges would cost: of a whole plan, and of what the store does not hold yet.
 */
import { namedJudges } from '../experiment/main-judge';
import type { Plan } from '../experiment/plan';
import type { Spec } from '../experiment/spec';
import { estimateJudging, judgeUsd, type JudgingEstimate } from './prices';
import type { Reuse } from '../artifacts/reuse';

export interface JudgeCost {
  /** Name in the file's `judges`, or `MAIN_JUDGE`. */
  judge: string;
  model: string;
  batch: boolean;
  requests: number;
  inputTokens: number;
  outputTokens: number;
  /** US dollars of all its requests, by the file's price or the list's; null when the price is not known. */
  usd: number | null;
  /** Of the requests that are new: their share of the whole. */
  newUsd: number | null;
}

export interface CostEstimate extends Pick<JudgingEstimate, 'inputTokens' | 'outputTokens' | 'method'> {
  /** US dollars of all judgements. A judge without a known price counts as 0; `judges` says so. */
  usd: number;
  newUsd: number;
  judges: JudgeCost[];
}

export function estimateCost(spec: Spec, plan: Plan, { byJudge }: Pick<Reuse, 'byJudge'>): CostEstimate {
  const judges = Object.entries(namedJudges(spec)).map(([name, judge]): JudgeCost => {
    const estimate = estimateJudging(plan, { of: (metric) => metric.judge === name });
    const usd = judgeUsd(judge, estimate, judge.mode === 'batch');
    const count = byJudge[name] ?? { new: 0, reused: 0 };
    const all = count.new + count.reused;
    return {
      judge: name,
      model: judge.model,
      batch: judge.mode === 'batch',
      requests: estimate.judgements,
      inputTokens: estimate.inputTokens,
      outputTokens: estimate.outputTokens,
      usd,
      newUsd: usd === null ? null : all === 0 ? 0 : usd * (count.new / all),
    };
  });
  const sum = (what: 'inputTokens' | 'outputTokens' | 'usd' | 'newUsd'): number =>
    judges.reduce((total, each) => total + (each[what] ?? 0), 0);
  return {
    inputTokens: sum('inputTokens'),
    outputTokens: sum('outputTokens'),
    method: estimateJudging(plan, { cells: [] }).method,
    usd: sum('usd'),
    newUsd: sum('newUsd'),
    judges,
  };
}
