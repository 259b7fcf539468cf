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

export interface CompletionTask {
  id: Sha256;
  question: Question;
  sample: number;
}

export interface Shard<T> {
  key: Sha256;
  items: T[];
}

/** All completions of a cell: by question key, then sample, so that the samples of a question share a batch. */
export function completionTasks(cell: PlannedCell, questions: Question[]): CompletionTask[] {
  const ordered = [...questions].sort((a, b) => (a.key < b.key ? -1 : 1));
  return ordered.flatMap((question) =>
    Array.from({ length: cell.samplesPerQuestion }, (_, sample) => ({
      id: completionId(cell.contextKey, question.key, sample),
      question,
      sample,
    })),
  );
}

/** Cuts the items whose id is not in `done`. A shard's key names its content, so the same items are the same shard. */
export function shardsOf<T extends { id: Sha256 }>(items: T[], done: ReadonlySet<Sha256>, size: number): Shard<T>[] {
  const missing = items.filter((item) => !done.has(item.id));
  const shards: Shard<T>[] = [];
  for (let start = 0; start < missing.length; start += size) {
    const part = missing.slice(start, start + size);
    shards.push({ key: keyOf(part.map((item) => item.id)), items: part });
  }
  return shards;
}

/**
 * Judgements per shard: at least 50, and so many that a configuration of some thousand judgements stays under 100
 * shards and its history under 1,000 events.
 */
export function judgeShardSize(judgementsOfConfiguration: number): number {
  return Math.max(50, Math.ceil(judgementsOfConfiguration / 80));
}
