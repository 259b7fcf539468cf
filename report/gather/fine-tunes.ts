/**
 * How the fine-tunes came about, and the cells along training. Where a later training kept the adapters of some steps, their
 * logs tell whether it was the same training or another one.
 */
import { readDocument } from '../../artifacts/documents';
import { readRows } from '../../artifacts/rows';
import type { Manifest, Store } from '../../artifacts/store';
import type { Sha256 } from '../../experiment/canonical';
import { keptAdapterKey, keptSteps } from '../../experiment/kept-steps';
import type { ArtifactRef, Plan, PlannedConfiguration } from '../../experiment/plan';
import type { FineTuneProvenance, KeptLater, ReportInput } from '../report-input';
import type { ReportRows } from './report-rows';
import { z } from 'zod';
import { probeOf } from './probes';

/** What the attempt that committed the adapter wrote down. */
type RecordedAttempt = Pick<
  FineTuneProvenance,
  'attempts' | 'endings' | 'resumedFrom' | 'host' | 'device' | 'versions' | 'at'
>;

const ATTEMPT = z.looseObject({ attempts: z.number(), host: z.string(), device: z.string(), at: z.string() });

/** One for each configuration whose fine-tune is there. */
export async function fineTuneProvenance(
  store: Store,
  configurations: readonly PlannedConfiguration[],
): Promise<FineTuneProvenance[]> {
  const all: FineTuneProvenance[] = [];
  for (const { name, recipeKey } of configurations) {
    const manifest = recipeKey === null ? null : await store.manifest({ stage: 'adapters', key: recipeKey });
    const attempt = manifest?.provenance['attempt'];
    if (recipeKey === null || manifest == null || attempt === undefined) continue;
    const recorded = await readDocument<RecordedAttempt>(store, attempt, ATTEMPT, 'record of an attempt');
    const { attempts, endings, resumedFrom, host, device, versions, at } = recorded;
    all.push({
      configuration: name,
      ...probeOf(manifest),
      recipeKey,
      adapterSha256: (manifest.results['weights'] as ArtifactRef).sha256,
      steps: numberOf(manifest.facts['steps']),
      trainedTokens: numberOf(manifest.facts['trainedTokens']),
      rowsTruncated: numberOf(manifest.facts['rowsTruncated']),
      seconds: numberOf(manifest.facts['seconds']),
      attempts,
      endings,
      resumedFrom,
      host,
      device,
      versions,
      at,
    });
  }
  return all;
}

function numberOf(fact: unknown): number | null {
  return typeof fact === 'number' ? fact : null;
}

/** `cells`: those of the whole plan. */
export async function alongTrainingInput(
  store: Store,
  plan: Plan,
  cells: readonly ReportRows[],
): Promise<Pick<ReportInput, 'alongTraining'>> {
  const kept = cells.filter(({ cell }) => cell.step !== undefined);
  if (kept.length === 0) return {};
  const later: KeptLater[] = [];
  for (const { name, recipeKey } of plan.configurations) {
    if (recipeKey !== null) later.push(...(await keptLater(store, plan, name, recipeKey)));
  }
  return { alongTraining: { cells: kept, later } };
}

/** One for each training that kept adapters and is not the one that finished. */
async function keptLater(store: Store, plan: Plan, configuration: string, recipeKey: Sha256): Promise<KeptLater[]> {
  const finished = await store.manifest({ stage: 'adapters', key: recipeKey });
  if (finished === null) return [];
  const log = await stepsOf(store, finished);
  const byAttempt = new Map<string, KeptLater>();
  for (const step of keptSteps(plan, recipeKey)) {
    const kept = await store.manifest({ stage: 'adapters', key: keptAdapterKey(recipeKey, step) });
    if (kept === null || kept.committed.attempt === finished.committed.attempt) continue;
    const { attempt, host, at } = kept.committed;
    const own = await stepsOf(store, kept);
    const same = own.length === step && own.every((line, index) => line === log[index]);
    const known = byAttempt.get(attempt) ?? { configuration, steps: [], host, at, same: true };
    byAttempt.set(attempt, { ...known, steps: [...known.steps, step], same: known.same && same });
  }
  return [...byAttempt.values()];
}

/** Loss and gradient norm of every step, to the last digit: equal ones are of equal weights. */
async function stepsOf(store: Store, { key, results: { log } }: Manifest): Promise<string[]> {
  if (log === undefined) throw new Error(`the adapter ${key} has no training log`);
  const rows = await readRows<{ step: number; loss: number; gradNorm: number }>(store, log);
  return rows.map(({ step, loss, gradNorm }) => `${step} ${loss} ${gradNorm}`);
}
