/**
 * The name of the judge whose scores make the figures: the experiment file's `judge`. Plans, shards and rows name it as
 * they name the file's further `judges`, none of which may therefore be called so.
 */
import type { OtherJudgeSpec, Spec } from './spec';
import { isStandIn } from './stand-in';

export const MAIN_JUDGE = 'judge';

/** An experiment as far as it says what judges are asked. */
export interface Judged {
  metrics: readonly Pick<Spec['metrics'][number], 'name'>[];
}

/** Whether anybody judges: an experiment may have all of its metrics from scorers. */
export function isJudged({ metrics }: Judged): boolean {
  return metrics.length > 0;
}

/** Whether the main judge's verdicts are those of a stand-in, which is no model. */
export function byStandIn(spec: Pick<Spec, 'judge'> & Judged): boolean {
  return isJudged(spec) && isStandIn(spec.judge);
}

/** What reports call the main judge. */
export function judgeLabel(spec: Pick<Spec, 'judge'> & Judged): string {
  return isJudged(spec) ? spec.judge.model : 'scorers';
}

/** Whether a metric has a scorer, so that no judge has a part in it. */
export function isScored({ scorers = [] }: Pick<Spec, 'scorers'>, metric: string): boolean {
  return scorers.some(({ name }) => name === metric);
}

/** The judges that are asked something, by name. */
export function askedJudges(spec: Pick<Spec, 'judge' | 'judges'> & Judged): Record<string, OtherJudgeSpec> {
  return isJudged(spec) ? namedJudges(spec) : {};
}

/** All judges of an experiment by name: the main one, which judges by every metric, and then the further ones. */
export function namedJudges({ judge, judges }: Pick<Spec, 'judge' | 'judges'>): Record<string, OtherJudgeSpec> {
  return { [MAIN_JUDGE]: { ...judge, metrics: null }, ...judges };
}
