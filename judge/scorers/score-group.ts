/**
 * Scores what a rule has not scored yet of a group. It is done where judging is cut into shards: rules take microseconds an
 * answer, so that handing them to another activity would be most of the work. Only what a pattern is slow on is handed over.
 */
import type { Store } from '../../artifacts/store';
import type { Sha256 } from '../../experiment/canonical';
import type { Question } from '../../experiment/plan';
import type { JudgementRequest } from '../../experiment/rows';
import type { Scorer } from '../../experiment/scorers';
import { shardsOf, type Shard } from '../../experiment/shards';
import { commitScores, SCORER_SHARD_SIZE } from './commit';
import { scoresByRule } from './rules';

interface Group {
  /** Its name in the store. */
  group: string;
  scorer: Scorer;
  /** All of the group, sorted by id. */
  requests: readonly JudgementRequest[];
  questionOf: (completion: Sha256) => Question;
}

/** `done`: ids of those that are committed. Returns what a pattern takes long on, which is still to be scored. */
export async function scoreByRule(
  store: Store,
  { group, scorer, requests, questionOf }: Group,
  done: ReadonlySet<Sha256>,
): Promise<Shard<JudgementRequest>[]> {
  const slow: Shard<JudgementRequest>[] = [];
  for (const shard of shardsOf(requests, done, SCORER_SHARD_SIZE)) {
    const { key, items } = shard;
    const answered = items.map(({ completion, answer }) => ({ answer, question: questionOf(completion) }));
    const scores = await scoresByRule(scorer, answered);
    if (scores === null) {
      slow.push(shard);
      continue;
    }
    const scored = items.map((request, index) => ({ request, score: scores[index] as number }));
    await commitScores(store, { stage: 'judgements', group, key }, scorer.metric, scored);
  }
  return slow;
}
