/**
 * The name of the judge whose scores make the figures: the experiment file's `judge`. Plans, shards and rows name it as
 * they name the file's further `judges`, none of which may therefore be called so.
 */
import type { OtherJudgeSpec, Spec } from './spec';

export const MAIN_JUDGE = 'judge';

/** All judges of an experiment by name: the main one, which judges by every metric, and then the further ones. */
export function namedJudges({ judge, judges }: Pick<Spec, 'judge' | 'judges'>): Record<string, OtherJudgeSpec> {
  return { [MAIN_JUDGE]: { ...judge, metrics: null }, ...judges };
}
