/**
 * How the completions of a cell and the judgements of a metric are cut into shards, the units that commit.
 *
 * Shards are cut from what is *missing*, in a fixed order, every one full but the last. Taking away finished shards
 * leaves the boundaries of the others where they were, so a restart makes the very same shards (same key, same batch,
 * same tokens), while a larger sample count or a new question only adds shards.
 */
import { keyOf, type Sha256 } from './canonical';
import type { PlannedCell, Question } from './plan';
import { completionId } from './rows';
import { withoutPause, type Steps } from './steps';

export interface CompletionTask {
  id: Sha256;
  question: Question;
  sample: number;
}

export interface Shard<T> {
  key: Sha256;
  items: T[];
}

/** How many completions a cell has of a question. */
export function samplesOf(cell: Pick<PlannedCell, 'samplesPerQuestion' | 'samplesOf'>, question: Sha256): number {
  if (cell.samplesOf === undefined) return cell.samplesPerQuestion;
  return Object.hasOwn(cell.samplesOf, question) ? (cell.samplesOf[question] as number) : 0;
}

const knownTasks = new WeakMap<PlannedCell, { questions: Question[]; tasks: CompletionTask[] }>();

/**
 * All completions of a cell: by question key, then sample, so that the samples of a question share a batch. Remembered
 * for as long as the cell's plan is: every step of an experiment begins with them.
 */
export function completionTasks(cell: PlannedCell, questions: Question[]): readonly CompletionTask[] {
  return withoutPause(completionTasksInSteps(cell, questions));
}

/** The same with a pause after each: the ids of a million are seconds of work. */
export function* completionTasksInSteps(cell: PlannedCell, questions: Question[]): Steps<readonly CompletionTask[]> {
  const known = knownTasks.get(cell);
  if (known?.questions === questions) return known.tasks;
  const ordered = [...questions].sort((a, b) => (a.key < b.key ? -1 : 1));
  const tasks: CompletionTask[] = [];
  for (const question of ordered) {
    const samples = samplesOf(cell, question.key);
    for (let sample = 0; sample < samples; sample++) {
      tasks.push({ id: completionId(cell.contextKey, question.key, sample), question, sample });
      yield;
    }
  }
  knownTasks.set(cell, { questions, tasks });
  return tasks;
}

/** Cuts the items whose id is not in `done`. A shard's key names its content, so the same items are the same shard. */
export function shardsOf<T extends { id: Sha256 }>(
  items: readonly T[],
  done: ReadonlySet<Sha256>,
  size: number,
): Shard<T>[] {
  const missing = items.filter((item) => !done.has(item.id));
  const shards: Shard<T>[] = [];
  for (let start = 0; start < missing.length; start += size) {
    const part = missing.slice(start, start + size);
    shards.push({ key: keyOf(part.map((item) => item.id)), items: part });
  }
  return shards;
}

/** Judgements per batch shard: one Message Batch each. */
export const BATCH_SHARD_SIZE = 5000;

/** With more shards a configuration's history would pass 1,000 events. */
const MOST_LIVE_SHARDS = 100;

/**
 * Judgements per live shard, from how many there are in each group of a configuration (a shard never mixes groups): at
 * least 50, and so many that there are at most 100 shards, or one a group where there are more groups than that.
 */
export function judgeShardSize(groups: readonly number[]): number {
  const total = groups.reduce((sum, count) => sum + count, 0);
  const shards = (size: number): number => groups.reduce((sum, count) => sum + Math.ceil(count / size), 0);
  let size = Math.max(50, Math.ceil(total / 80));
  while (shards(size) > MOST_LIVE_SHARDS && size < total) size = Math.ceil(size * 1.1);
  return size;
}
