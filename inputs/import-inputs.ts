/**
 * Puts what a plan refers to into the store, by hash, so that every worker sees it.
 */
import { extname } from 'node:path';
import type { Store } from '../artifacts/store';
import type { ArtifactRef, Plan, PlannedConfiguration } from '../experiment/plan';
import { GivenImport } from './answers/completion-writer';
import type { Expanded } from '../experiment/expand/expand';

/**
 * The plan with its rows, pairs, given answers and own trainers in the store. Configurations that train on the same rows
 * share one artifact.
 */
export async function importInputs(store: Store, expanded: Expanded): Promise<Plan> {
  const { plan, trainingRows, heldOutRows, trainers, given, pairs } = expanded;
  for (const cell of plan.configurations.flatMap(({ cells }) => cells)) {
    const completions = given[cell.id];
    if (completions === undefined) continue;
    const answers = await GivenImport.begin(store, cell);
    for (const completion of completions) await answers.add(completion);
    await answers.finish();
  }
  const stored = new Map<string, ArtifactRef>();
  for (const rows of new Set([...Object.values(trainingRows), ...Object.values(heldOutRows)])) {
    stored.set(rows, await store.putBytes(rows, '.jsonl'));
  }
  const refOf = (rows: string | undefined): ArtifactRef | null =>
    rows === undefined ? null : (stored.get(rows) as ArtifactRef);
  const configurations: PlannedConfiguration[] = [];
  for (const configuration of plan.configurations) {
    const trainer = trainers[configuration.name];
    configurations.push({
      ...configuration,
      trainingRows: refOf(trainingRows[configuration.name]),
      heldOutRows: refOf(heldOutRows[configuration.name]),
      ...(trainer === undefined ? {} : { trainer: await storedTrainer(store, trainer) }),
    });
  }
  if (plan.pairs === undefined || pairs === null) return { ...plan, configurations };
  return { ...plan, configurations, pairs: { ...plan.pairs, rows: await store.putBytes(pairs, '.jsonl') } };
}

async function storedTrainer(
  store: Store,
  { files, ...limits }: Expanded['trainers'][string],
): Promise<NonNullable<PlannedConfiguration['trainer']>> {
  const stored: Record<string, ArtifactRef> = {};
  for (const [path, bytes] of Object.entries(files)) stored[path] = await store.putBytes(bytes, extname(path));
  return { ...limits, files: stored };
}
