/**
 * Says before a large report is built in the command's own process that it may need more memory than Node lets this process have:
 * that limit stands from the process's start on, and who reaches it ends without a word of ours.
 */
import { getHeapStatistics } from 'node:v8';
import type { StoredPlan } from '../artifacts/plans';
import type { Store } from '../artifacts/store';
import type { Plan } from '../experiment/plan';
import { gatherResults, type GatheredResults } from '../report/write-report';
import { say } from './output';
import pc from './paint';

/** Bytes that a report takes for each answer, with a few verdicts on it. */
const BYTES_EACH = 5_000;
/** Of what is needed: memory that is nearly full is searched for garbage again and again. */
const ROOM = 1.5;

/** Null where it fits. `limit`: bytes that this process may have. */
export function memoryNote(
  { configurations }: Pick<Plan, 'configurations'>,
  limit = getHeapStatistics().heap_size_limit,
): string | null {
  let answers = 0;
  for (const { cells } of configurations) for (const cell of cells) answers += cell.completions;
  const needed = answers * BYTES_EACH;
  if (needed <= limit) return null;
  const option = `NODE_OPTIONS=--max-old-space-size=${1000 * Math.ceil((ROOM * needed) / 1e9)}`;
  return (
    `The report of ${answers.toLocaleString('en')} answers takes about ${gigabytes(needed)} GB of memory, and Node lets this ` +
    `command have ${gigabytes(limit)}. Should it end as out of memory, put ${option} before the command.`
  );
}

export function sayMemory(plan: Pick<Plan, 'configurations'>): void {
  const note = memoryNote(plan);
  if (note !== null) say(pc.yellow(note));
}

/** All that a report takes, read by this process. `output`: as for `gatherResults`. */
export function gatherHere(store: Store, stored: StoredPlan, output: string): Promise<GatheredResults> {
  sayMemory(stored.plan);
  return gatherResults(store, stored, output);
}

function gigabytes(bytes: number): string {
  return (bytes / 1e9).toFixed(1);
}
