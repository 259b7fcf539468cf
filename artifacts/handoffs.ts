/**
 * What programs said of models that were handed over to them: the form of their result file, and the results in the store.
 */
import { z } from 'zod';
import { keyOf, type Sha256 } from '../experiment/canonical';
import type { ArtifactRef, PlannedHandoff } from '../experiment/plan';
import { readDocument } from './documents';
import { readOrPutAside } from './healing';
import { adapterOf } from './rows';
import type { Manifest, Store, WorkKey } from './store';

/** One number of a program about a model. */
export interface HandoffScore {
  value: number;
  /** Standard error, as the program computes it. */
  stderr?: number;
  /** How many items it is over. */
  n?: number;
}

/** By metric, in the program's order. */
export type HandoffScores = Record<string, HandoffScore>;

/** UTF-16 units of a result file: thousands of metrics. */
const LONGEST_SCORES = 1_000_000;
const LONGEST_NAME = 100;

const SCORE = z.strictObject({
  value: z.number(),
  stderr: z.number().min(0).nullish(),
  n: z.int().min(1).nullish(),
});
const SCORES = z.record(z.string(), SCORE);

/** What a program wrote. Throws an `Error` that says what is wrong with it. */
export function parseScores(text: string): HandoffScores {
  if (text.length > LONGEST_SCORES)
    throw new Error(`it has more than ${LONGEST_SCORES.toLocaleString('en')} characters`);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    const hint = /\b(?:NaN|Infinity)\b/.test(text)
      ? '; JSON has no NaN and no Infinity: leave out what has no value'
      : '';
    throw new Error(`it is not JSON (${(error as Error).message})${hint}`, { cause: error });
  }
  const read = SCORES.safeParse(value);
  if (!read.success) {
    const [issue] = read.error.issues;
    const place = issue?.path.map(String).join('.') || 'the file';
    throw new Error(`it is not {METRIC: {"value": NUMBER, "stderr": NUMBER, "n": COUNT}}: ${place}: ${issue?.message}`);
  }
  const entries = Object.entries(read.data);
  if (entries.length === 0) throw new Error('it has no metric');
  for (const [name] of entries) {
    if (name.length === 0 || name.length > LONGEST_NAME || /\p{Cc}/u.test(name) || !name.isWellFormed())
      throw new Error(`a metric has a name of 1 to ${LONGEST_NAME} printable characters, not ${JSON.stringify(name)}`);
  }
  return Object.fromEntries(
    entries.map(([name, { value: number, stderr, n }]) => [
      name,
      { value: number, ...(stderr == null ? {} : { stderr }), ...(n == null ? {} : { n }) },
    ]),
  );
}

/** An adapter that was lost and trained again may have other bytes: what was said of the old one is not said of it. */
export function handoffWork({ key }: PlannedHandoff, adapter: Sha256 | null): WorkKey {
  return { stage: 'handoffs', key: keyOf({ handoff: key, adapter }) };
}

/** Of the present adapter; null where there is none, or only a damaged result, which is put aside. */
export async function storedHandoff(
  store: Store,
  planned: PlannedHandoff,
): Promise<{ scores: HandoffScores; manifest: Manifest } | null> {
  const adapter = await adapterOf(store, planned.context.recipe);
  if (adapter === undefined) return null;
  const work = handoffWork(planned, adapter);
  const manifest = await store.manifest(work);
  if (manifest === null) return null;
  const ref = manifest.results['scores'] as ArtifactRef;
  return readOrPutAside(store, work, manifest, async () => ({
    scores: await readDocument<HandoffScores>(store, ref, SCORES, 'result of a handoff'),
    manifest,
  }));
}
