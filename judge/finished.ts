/** A verdict as it is kept: the row that the judgement's id determines, and how it came about. The same in every mode. */
import type { Judgement, JudgementProvenance, JudgementRequest } from '../experiment/rows';
import type { FinishedJudgement } from '../artifacts/journal';

export function finishedJudgement(
  { id, completion, instrument, repeat }: JudgementRequest,
  metric: string,
  verdict: Pick<Judgement, 'status' | 'score' | 'verdict' | 'scores' | 'raw'>,
  provenance: Omit<JudgementProvenance, 'id'>,
): FinishedJudgement {
  return {
    row: { id, completion, metric, instrument, repeat, ...verdict, raw: verdict.raw.toWellFormed() },
    provenance: { id, ...provenance },
  };
}
