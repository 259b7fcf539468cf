/**
 * What the three workers have in common, from the start to the end: they wait for their server (ready.ts), say what they serve
 * (serving.ts), and end on a signal, with their parent process (worker-process.ts), or by themselves (ends.ts).
 *
 * Then the worker cancels its activities at once and waits for them. gpu-activities/operation.ts then has the trainer
 * stop with a checkpoint, judge/shard.ts keeps what was in flight, and activities/interruption.ts ends the activity as
 * `Preempted`, so that another worker goes on.
 */
import { loadClientConnectConfig } from '@temporalio/envconfig';
import { NativeConnection, Runtime, Worker, type WorkerOptions } from '@temporalio/worker';
import type { Logger } from 'pino';
import { ActivityCount } from './activity-count';
import { countBacklog } from './backlog';
import { dataConverter } from './codec';
import { deployment } from './deployment';
import { askedEnds, saidOfEnds, watchEnds, type AskedEnds } from './ends';
import { WorkerMetrics } from './metrics';
import { freePort, metricsAddress, serveMetrics } from './metrics-server';
import { storePlace } from './open-store';
import { identityOf, watchPeers } from './peers';
import { awaitTemporal } from './ready';
import { endingOnSignals, installRuntime, workerLogger } from './runtime';
import { servingBlock, tellCommand } from './serving';
import { DEFAULT_ADDRESS, serverInWords, workerOptions } from './temporal-connection';
import { NO_SPANS, startTracing, type Tracing } from './tracing';
import { programVersion } from './version';
import { whenOrphaned } from './worker-process';

export interface WorkerSettings extends Omit<
  WorkerOptions,
  'connection' | 'namespace' | 'identity' | 'taskQueue' | 'interceptors'
> {
  name: string;
  taskQueue: string;
  /** Of the store that its activities work on. */
  storeId: string;
  /** `checked`: refuses to work beside orchestration workers of another version or store. Those of an embedded server are all one's own. */
  kin: 'checked' | 'trusted';
  /** Given the worker's own metrics, where FLAMINGO_METRICS has them served. */
  onMetrics?: (metrics: WorkerMetrics) => void;
  /** What else to say at the start: device, cached models. */
  facts?: () => Promise<Record<string, string>>;
  /** Whether nothing will come by itself, asked before a worker without work ends; default: yes. */
  nothingOpen?: (connection: NativeConnection, namespace: string) => Promise<boolean>;
  /** A second task queue that the same process serves, whatever the first one is busy with. */
  beside?: Omit<WorkerOptions, 'connection' | 'namespace' | 'identity'>;
  /** Called when no activity runs any more, also when the worker has failed, before the connection closes. */
  close?: () => Promise<void>;
}

export interface RunningWorker {
  shutdown(): void;
}

/** Whether a supervisor started this worker for a server of its own. */
export function isEmbedded(): boolean {
  return process.env['FLAMINGO_EMBEDDED'] === '1';
}

/**
 * Runs until SIGTERM, SIGINT, SIGHUP, until the parent has died, if it is watched (worker-process.ts), and until one of the
 * ends that the environment asks for. Activities are told to stop at once, unless the settings say otherwise: a trainer
 * has to save within a spot machine's notice, and a judge's requests in flight are awaited by their activity.
 * Throws what ended it against its will.
 */
export async function runWorker(settings: WorkerSettings, onStart?: (worker: RunningWorker) => void): Promise<void> {
  const asked = askedEnds(process.env);
  const metricsAt = metricsAddress(process.env);
  const { connectionOptions, namespace = 'default' } = loadClientConnectConfig();
  const server = serverInWords(connectionOptions.address);
  const logger = workerLogger(settings.name);
  const workers: Worker[] = [];
  const healthy = (): boolean => workers.length > 0 && workers.every((worker) => worker.getState() === 'RUNNING');
  const exporterPort = metricsAt === null ? null : await freePort();
  const metricsServer =
    metricsAt === null || exporterPort === null ? null : await serveMetrics(metricsAt, exporterPort, healthy);
  let runtime: Runtime | null = null;
  let connection: NativeConnection | null = null;
  let tracing: Tracing | null = null;
  try {
    const waiting = (message: string): void => {
      logger.warn(message);
      tellCommand(message);
    };
    // an embedded server is up and prepared by its supervisor before its workers are started
    if (!isEmbedded()) {
      logger.info({ server }, 'connecting');
      tellCommand(`Connecting to the Temporal server at ${server}`);
      await endingOnSignals(awaitTemporal(process.env, waiting));
    }
    runtime = installRuntime(logger, exporterPort);
    tracing = await startTracing(process.env, `flamingo-${settings.name}`, (message) => logger.warn(message));
    connection = await NativeConnection.connect(workerOptions(connectionOptions, process.env));
    const address = connectionOptions.address ?? DEFAULT_ADDRESS;
    const metrics = metricsServer?.address ?? null;
    await work(settings, { connection, address, server, namespace, logger, asked, metrics, tracing }, workers, onStart);
    await connection.close();
  } catch (error) {
    // a runtime without a connection would hold the process; a connection does not close while it has a worker that never
    // ran, and worker-process.ts ends the process then
    await (connection === null ? runtime?.shutdown() : connection.close().catch(() => undefined));
    throw error;
  } finally {
    metricsServer?.close();
    await tracing?.close();
  }
  logger.info('worker ended');
}

/** What a worker has once its server answers. */
interface Host {
  connection: NativeConnection;
  address: string;
  /** The same in words. */
  server: string;
  namespace: string;
  logger: Logger;
  asked: AskedEnds;
  /** Where metrics are served; null: nowhere. */
  metrics: string | null;
  tracing: Tracing | null;
}

/** Adds to `workers` one for each task queue, and runs them to their end. */
async function work(
  { name, storeId, kin, onMetrics, facts, nothingOpen, close, beside, ...options }: WorkerSettings,
  { connection, address, server, namespace, logger, asked, metrics: servedAt, tracing }: Host,
  workers: Worker[],
  onStart?: (worker: RunningWorker) => void,
): Promise<void> {
  const { workflowService } = connection;
  // after a connection that failed the runtime is another one, and so is what it counts with
  const metrics = servedAt === null ? undefined : new WorkerMetrics(Runtime.instance().metricMeter);
  if (metrics !== undefined) onMetrics?.(metrics);
  const { version } = await programVersion();
  const identity = identityOf(name, { version, store: storeId });
  const peers = kin === 'checked' ? await watchPeers(workflowService, namespace, identity, server) : null;
  try {
    const count = new ActivityCount(undefined, metrics);
    const interceptors = { activity: [...(tracing?.activity ?? []), count.interceptor] };
    const sinks = tracing?.sinks ?? NO_SPANS;
    const everywhere = { shutdownGraceTime: 0, dataConverter: dataConverter(process.env), ...deployment(process.env) };
    for (const each of beside === undefined ? [options] : [options, beside])
      workers.push(
        await Worker.create({ ...everywhere, ...each, connection, namespace, identity, interceptors, sinks }),
      );
    const shutdown = (): void => {
      for (const worker of workers) if (worker.getState() === 'RUNNING') worker.shutdown();
    };
    whenOrphaned(shutdown);
    onStart?.({ shutdown });

    const queues = [options.taskQueue, ...(beside === undefined ? [] : [beside.taskQueue])];
    const here = { worker: name, queues, address, namespace, storeId, storePlace: storePlace(), version };
    const serving = { ...here, facts: (await facts?.()) ?? {}, ...saidOfEnds(asked), metrics: servedAt };
    logger.info({ taskQueue: options.taskQueue, pid: process.pid, serving }, 'worker runs');
    tellCommand(servingBlock(serving));

    const ends = watchEnds(asked, {
      idleMs: () => count.idleMs,
      nothingOpen: async () => nothingOpen?.(connection, namespace) ?? true,
      ...{ peers, logger, shutdown },
    });
    const stopCounting = metrics && countBacklog(workflowService, namespace, queues, metrics);
    try {
      // one that fails takes the other one with it
      await Promise.all(workers.map((worker) => worker.run().finally(shutdown)));
    } finally {
      ends.stop();
      stopCounting?.();
      await close?.();
    }
    ends.check();
  } finally {
    peers?.stop();
  }
}
