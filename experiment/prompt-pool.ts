/**
 * Pools of system prompts: which member a training row is given, and which a question is asked with.
 *
 * A choice is SHA-256 of `PURPOSE|SEED|CONTENT`, as a number modulo the pool's size, in the sorted pool: so it goes by content,
 * wherever a row or a question stands, and by the same members in any order.
 */
import { keyOf, sha256, type Sha256 } from './canonical';
import type { PoolPrompt, PromptPool, Question } from './plan';

/** Members in the order of their code units; the pool's identity is theirs, whatever its file is called. */
export function sortedPool(name: string, members: readonly string[]): PromptPool & { sha256: Sha256 } {
  const sorted = [...members].sort();
  return { name, members: sorted, sha256: keyOf(sorted) };
}

/** `content`: what is chosen for, as text. */
export function chosenIndex(purpose: 'row' | 'question', seed: number, content: string, size: number): number {
  return Number.parseInt(sha256(`${purpose}|${seed}|${content}`).slice(0, 12), 16) % size;
}

/** The member that a question is asked with. */
export function memberFor(
  { pool, seed }: PoolPrompt,
  { key }: Pick<Question, 'key'>,
  pools: Readonly<Record<Sha256, PromptPool>>,
): string {
  const found = Object.hasOwn(pools, pool) ? pools[pool] : undefined;
  if (found === undefined) throw new Error(`the plan has no pool of prompts ${pool}`);
  return found.members[chosenIndex('question', seed, key, found.members.length)] as string;
}
