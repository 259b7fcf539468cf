/**
 * The GPU worker: fine-tuning, measuring, generating and handing over, one activity at a time, with one long-lived trainer.
 *
 *     node dist/workers/gpu.js          environment: FLAMINGO_STORE, FLAMINGO_GPU_QUEUE, TEMPORAL_ADDRESS
 *
 * Programs that experiments bring (`backend: {command: …}`, `handoffs`), and models in local folders, need the owner's permit
 * (activities/clients.ts), or FLAMINGO_ALLOW_CLIENTS.
 * Hub models that the hub's cache lacks are downloaded; HF_HUB_OFFLINE=1 or FLAMINGO_ALLOW_DOWNLOAD=0 forbid it.
 */
import { join } from 'node:path';
import { refusingDamage } from '../activities/damage';
import type { GpuDependencies } from '../gpu-activities/dependencies';
import { finetune } from '../gpu-activities/finetune';
import { generate } from '../gpu-activities/generate';
import { judgeLocally } from '../gpu-activities/judge-locally';
import { handOff } from '../gpu-activities/handoff';
import { measure } from '../gpu-activities/measure';
import { OneTrainer } from '../gpu-activities/process/one-trainer';
import { trainerFolder } from '../tools/locations.cjs';
import { pythonOptions } from '../tools/start-python.cjs';
import { cachedModels, deviceFacts } from './host-facts';
import { cacheFolder, dataFolder } from './places';
import { during, openStore, storeUmask } from './open-store';
import { bundledModelFiles, bundledModelPath, pythonPath, unslothPython } from './toolchain';
import type { GpuActivities } from '../workflows/activity-types';
import { DEFAULT_GPU_QUEUE } from '../workflows/messages';
import type { WorkerMetrics } from './metrics';
import { isEmbedded, runWorker, type RunningWorker } from './run-worker';
import { workerLogger } from './runtime';
import { clientRules } from './secret';
import { runProcess } from './worker-process';

async function main(): Promise<void> {
  const store = await openStore();
  // the trainer, and trainers of experiments' own, write into working copies by themselves
  process.umask(process.umask() | storeUmask());
  const logger = workerLogger('gpu');
  let worker: RunningWorker | undefined;
  let metrics: WorkerMetrics | undefined;
  const trainer = new OneTrainer(
    (backend) => ({
      command: backend === 'unsloth' ? unslothPython() : pythonPath(),
      args: ['-m', 'flamingo_trainer', 'serve', ...(backend === 'unsloth' ? [backend] : [])],
      ...pythonOptions('trainer', { ...process.env, FLAMINGO_ALLOW_DOWNLOAD: downloadsAllowed() ? '1' : '0' }),
      logFile: join(dataFolder(), 'logs', `trainer-${process.pid}.log`),
      watch: (event) => metrics?.trainer(event),
    }),
    () => {
      logger.error('the trainer failed twice in a row by the fault of this host: the worker gives up');
      process.exitCode = 1;
      worker?.shutdown();
    },
  );
  const every = Number(process.env['FLAMINGO_CHECKPOINT_EVERY_STEPS']);
  const dependencies: GpuDependencies = {
    store,
    trainer,
    models: { bundled: bundledModelPath, bundledFiles: bundledModelFiles, cacheFolder: cacheFolder() },
    programs: { python: pythonPath, trainerFolder: trainerFolder(), env: withoutKeys(process.env) },
    clients: clientRules(),
    checkpointEverySteps: every > 0 ? every : null,
  };
  const activities: GpuActivities = refusingDamage({
    finetune: (input) => during(store, () => finetune(dependencies, input)),
    generate: (input) => during(store, () => generate(dependencies, input)),
    measure: (input) => during(store, () => measure(dependencies, input)),
    judgeLocally: (input) => during(store, () => judgeLocally(dependencies, input)),
    handOff: (input) => during(store, () => handOff(dependencies, input)),
  } satisfies GpuActivities);
  await runWorker(
    {
      name: 'gpu',
      taskQueue: process.env['FLAMINGO_GPU_QUEUE'] ?? DEFAULT_GPU_QUEUE,
      storeId: store.id,
      kin: isEmbedded() ? 'trusted' : 'checked',
      facts: hostFacts,
      onMetrics: (counted) => (metrics = counted),
      activities,
      // one GPU, one model, one operation
      maxConcurrentActivityTaskExecutions: 1,
      maxConcurrentActivityTaskPolls: 1,
      // cancel and pause come back on heartbeats, so this bounds how long they take to be heard
      maxHeartbeatThrottleInterval: '4s',
      close: () => trainer.close(),
    },
    (running) => (worker = running),
  );
}

async function hostFacts(): Promise<Record<string, string>> {
  const [device, models] = await Promise.all([deviceFacts(process.env), cachedModels(process.env)]);
  return { device, models: models.length === 0 ? 'none here yet' : models.join(', ') };
}

/** The whole store, and the collector of traces, are not a program's business, whatever it asks for. */
function withoutKeys(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !/^(AWS|OTEL)_/.test(name)));
}

function downloadsAllowed(): boolean {
  const { HF_HUB_OFFLINE: offline = '', FLAMINGO_ALLOW_DOWNLOAD: allowed = '1' } = process.env;
  return allowed === '1' && !/^(1|on|yes|true)$/i.test(offline);
}

runProcess(main);
