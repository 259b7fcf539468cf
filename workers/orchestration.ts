/**
 * The orchestration worker: all workflows, and the light activities (planning, publishing, the report).
 *
 *     node dist/workers/orchestration.js      environment: FLAMINGO_STORE, FLAMINGO_EXPERIMENTS, TEMPORAL_ADDRESS
 */
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { planningActivities } from '../activities/planning';
import { openStore } from './open-store';
import { cacheFolder, installationRoot } from './places';
import { pythonIfThere } from './toolchain';
import { ORCHESTRATION_QUEUE } from '../workflows/messages';
import { noExperimentIsOpen } from './idle';
import { ORCHESTRATION_LIMITS } from './orchestration-limits';
import { isEmbedded, runWorker } from './run-worker';
import { clientRules } from './secret';
import { programVersion } from './version';
import { runProcess } from './worker-process';

async function main(): Promise<void> {
  const codePath = join(installationRoot(), 'dist', 'workflow-bundle.js');
  if (!existsSync(codePath)) throw new Error(`${codePath} is missing: run \`npm run build\``);
  const embedded = isEmbedded();
  const store = await openStore();
  await runWorker({
    name: 'orchestration',
    taskQueue: ORCHESTRATION_QUEUE,
    storeId: store.id,
    kin: 'trusted', // the others go by this one
    nothingOpen: ({ workflowService }, namespace) => noExperimentIsOpen(workflowService, namespace),
    workflowBundle: { codePath },
    activities: planningActivities(store, {
      experiments: process.env['FLAMINGO_EXPERIMENTS'] ?? process.cwd(),
      results: resolve(process.env['FLAMINGO_RESULTS'] ?? '.'),
      // the embedded worker is on the machine of whoever asks, where its paths mean something
      ownRequests: embedded,
      clients: clientRules(),
      cacheFolder: cacheFolder(),
      env: process.env,
      python: pythonIfThere,
      version: programVersion,
    }),
    ...ORCHESTRATION_LIMITS,
  });
}

runProcess(main);
