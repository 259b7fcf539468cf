/**
 * Where the base model lies on this host.
 */
import { hostname } from 'node:os';
import { withHeartbeat } from '../activities/heartbeat';
import { UnreadableInput } from '../inputs/files';
import { hashModelFolder } from '../inputs/model-folder';
import type { ModelIdentity } from '../experiment/plan';
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
      return { path: models.bundled(model.name) };
    case 'folder':
      if (folder === null) throw failure(FAILURES.InvalidInput, 'the plan names no folder for its local model');
      await withHeartbeat(`checking the model in ${folder}`, () => verify(folder, model.sha256, models.cacheFolder));
      return { path: folder };
    case 'given':
      throw failure(FAILURES.InvalidInput, 'given answers have no model');
  }
}

/** Weights that changed after planning must not be used under the old key. */
async function verify(folder: string, planned: string, cacheFolder: string): Promise<void> {
  let found: string;
  try {
    found = await hashModelFolder(folder, cacheFolder);
  } catch (error) {
    if (error instanceof UnreadableInput) throw failure(FAILURES.InvalidInput, `on ${hostname()}: ${error.message}`);
    throw error;
  }
  if (found !== planned) {
    throw failure(
      FAILURES.InvalidInput,
      `the model in ${folder} on ${hostname()} has SHA-256 ${found}, the experiment was planned with ${planned}: ` +
        'put back the files, or run the experiment again to plan with the new ones',
    );
  }
}
