/**
 * Worker deployments: with `FLAMINGO_DEPLOYMENT=pinned` or `auto-upgrade` a worker says which build it is, and Temporal decides
 * by that which worker gets which workflow, so that an upgrade drains. `flamingo cluster current` makes a build the current one.
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { WorkerOptions } from '@temporalio/worker';
import { installationRoot } from './places';

export const DEPLOYMENT_NAME = 'flamingo';

const BEHAVIOURS = { pinned: 'PINNED', 'auto-upgrade': 'AUTO_UPGRADE' } as const;

/** Nothing where the environment does not ask for it. Throws when it asks for something else. */
export function deployment(env: NodeJS.ProcessEnv): Pick<WorkerOptions, 'workerDeploymentOptions'> {
  const wanted = env['FLAMINGO_DEPLOYMENT'];
  if (!wanted) return {};
  if (wanted !== 'pinned' && wanted !== 'auto-upgrade')
    throw new Error(`FLAMINGO_DEPLOYMENT=${wanted}: expected ${Object.keys(BEHAVIOURS).join(' or ')}`);
  return {
    workerDeploymentOptions: {
      useWorkerVersioning: true,
      version: { deploymentName: DEPLOYMENT_NAME, buildId: buildId(env) },
      defaultVersioningBehavior: BEHAVIOURS[wanted],
    },
  };
}

/** `FLAMINGO_BUILD_ID`, else the version and a hash of the workflows' code: what must not change under a running workflow. */
export function buildId(env: NodeJS.ProcessEnv): string {
  if (env['FLAMINGO_BUILD_ID']) return env['FLAMINGO_BUILD_ID'];
  const root = installationRoot();
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };
  const code = readFileSync(join(root, 'dist', 'workflow-bundle.js'));
  return `${version}-${createHash('sha256').update(code).digest('hex').slice(0, 12)}`;
}
