/**
 * The orchestration worker: all workflows, and the light activities (planning, publishing, the report).
 *
 *     node dist/workers/orchestration.js      environment: FLAMINGO_STORE, FLAMINGO_EXPERIMENTS, TEMPORAL_ADDRESS
 */
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { loadClientConnectConfig } from '@temporalio/envconfig';
import { visible } from '../report/page/visible';
import { planningActivities } from '../activities/planning';
import { openStore } from './open-store';
import { cacheFolder, installationRoot } from './places';
import { pythonIfThere } from './toolchain';
import { ORCHESTRATION_QUEUE } from '../workflows/messages';
import { prepareNamespace } from './namespace';
import { ORCHESTRATION_LIMITS } from './orchestration-limits';
import { runWorker } from './run-worker';
import { clientRules } from './secret';
import { programVersion } from './version';

async function main(): Promise<void> {
  const codePath = join(installationRoot(), 'dist', 'workflow-bundle.js');
  if (!existsSync(codePath)) throw new Error(`${codePath} is missing: run \`npm run build\``);
  // of an embedded server, which its supervisor has prepared
  const embedded = process.env['FLAMINGO_EMBEDDED'] === '1';
  if (!embedded) {
    const { connectionOptions, namespace } = loadClientConnectConfig();
    await prepareNamespace({ connection: connectionOptions, namespace: namespace ?? 'default', retention: false });
  }
  await runWorker({
    name: 'orchestration',
    taskQueue: ORCHESTRATION_QUEUE,
    workflowBundle: { codePath },
    activities: planningActivities(await openStore(), {
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

main().catch((error: unknown) => {
  process.stderr.write(`${visible(error instanceof Error ? error.message : String(error))}\n`);
  process.exitCode = 1;
});
