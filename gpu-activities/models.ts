/**
 * Where the base model lies on this host.
 */
import { hostname } from 'node:os';
import { join } from 'node:path';
import { withHeartbeat } from '../activities/heartbeat';
import { UnreadableInput } from '../inputs/files';
import { hashModelFiles, hashModelFolder, isModelFile } from '../inputs/model-folder';
import type { StoredPlan } from '../artifacts/plans';
import { keyOf } from '../experiment/canonical';
import type { ModelIdentity, PlannedConfiguration } from '../experiment/plan';
import { failure, FAILURES } from '../workflows/failures';
import type { ModelFolders } from './dependencies';

/** `folder`: where the plan's local model lies. Fails with `InvalidInput` when the folder is not what was planned with. */
export async function modelFor(
  models: ModelFolders,
  model: ModelIdentity,
  folder: string | null,
): Promise<{ path: string } | { hub: string; revision: string }> {
  switch (model.kind) {
    case 'hub':
      return { hub: model.id, revision: model.revision };
    case 'bundled':
      return { path: await verifiedBundled(models, model.name) };
    case 'folder':
      if (folder === null) throw failure(FAILURES.InvalidInput, 'the plan names no folder for its local model');
      await withHeartbeat(`checking the model in ${folder}`, () => verify(folder, model.sha256, models.cacheFolder));
      return { path: folder };
    case 'given':
      throw failure(FAILURES.InvalidInput, 'given answers have no model');
  }
}

/**
 * The local judges of a configuration's cells, before hours go into what they are to judge: a folder that is not what it was planned
 * with, or is not on this host, is found now. Fails with `InvalidInput`. A model of the hub is fetched when it judges.
 */
export async function requireJudgeModels(
  models: ModelFolders,
  { plan, judgeFolders = {} }: Pick<StoredPlan, 'plan' | 'judgeFolders'>,
  { cells }: Pick<PlannedConfiguration, 'cells'>,
): Promise<void> {
  const asked = new Set(cells.flatMap(({ metrics }) => metrics.flatMap((each) => Object.values(each.instrumentOf))));
  const judges = new Map(
    [...asked].flatMap((key) => {
      const model = plan.instruments[key]?.local?.model;
      return model === undefined ? [] : [[keyOf(model), model] as const];
    }),
  );
  for (const model of judges.values())
    await modelFor(models, model, model.kind === 'folder' ? (judgeFolders[model.sha256] ?? null) : null);
}

/** A name and a version stand for a bundled model in keys, so its files must be those that set-up made under that name. */
async function verifiedBundled(models: ModelFolders, name: string): Promise<string> {
  const [folder, made] = [models.bundled(name), models.bundledFiles(name)];
  const found = await withHeartbeat(`checking the model in ${folder}`, () =>
    readable(hashModelFiles(folder, models.cacheFolder)),
  );
  const there = new Map(found.map((file) => [file.name, file.sha256]));
  const other = [...Object.keys(made).filter(isModelFile), ...there.keys()].find(
    (file) => made[file] !== there.get(file),
  );
  if (other === undefined) return folder;
  throw failure(
    FAILURES.InvalidInput,
    `${join(folder, other)} on ${hostname()} is not what set-up made: delete the folder, and run \`npm run setup\``,
  );
}

/** Weights that changed after planning must not be used under the old key. */
async function verify(folder: string, planned: string, cacheFolder: string): Promise<void> {
  const found = await readable(hashModelFolder(folder, cacheFolder));
  if (found !== planned) {
    throw failure(
      FAILURES.InvalidInput,
      `the model in ${folder} on ${hostname()} has SHA-256 ${found}, the experiment was planned with ${planned}: ` +
        'put back the files, or run the experiment again to plan with the new ones',
    );
  }
}

async function readable<T>(hashes: Promise<T>): Promise<T> {
  try {
    return await hashes;
  } catch (error) {
    if (error instanceof UnreadableInput) throw failure(FAILURES.InvalidInput, `on ${hostname()}: ${error.message}`);
    throw error;
  }
}
