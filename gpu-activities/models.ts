/**
 * Where the base model lies on this host.
 */
import { ApplicationFailure } from '@temporalio/activity';
import { bundledModelPath } from '../artifacts/toolchain';
import type { ModelIdentity } from '../experiment/plan';

export function modelFor(
  model: ModelIdentity,
  folder: string | null,
): { path: string } | { hub: string; revision: string } {
  switch (model.kind) {
    case 'hub':
      return { hub: model.id, revision: model.revision };
    case 'bundled':
      return { path: bundledModelPath(model.name) };
    case 'folder':
      if (folder === null) throw ApplicationFailure.nonRetryable('the plan names no folder for its local model', 'InvalidInput');
      return { path: folder };
  }
}
