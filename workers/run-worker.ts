/**
 * What the three workers have in common: logging, connection, what they say of themselves, and when they end: on a signal, with
 * their parent process, on a spot notice (spot-notice.ts), without work (idle.ts), and among strangers (peers.ts).
 *
 * Then the worker cancels its activities at once and waits for them. gpu-activities/operation.ts then has the trainer
 * stop with a checkpoint, judge/shard.ts keeps what was in flight, and activities/interruption.ts ends the activity as
 * `Preempted`, so that another worker goes on.
 */
import { loadClientConnectConfig } from '@temporalio/envconfig';
import {
  DefaultLogger,
  makeTelemetryFilterString,
  NativeConnection,
  Runtime,
  Worker,
  type WorkerOptions,
} from '@temporalio/worker';
import { pino, type Logger } from 'pino';
import { escapedJson } from '../report/page/visible';
import { ActivityCount } from './activity-count';
import { countBacklog } from './backlog';
import { dataConverter } from './codec';
import { deployment } from './deployment';
import { endWhenIdle, idleLimit } from './idle';
import { storePlace } from './open-store';
import { WorkerMetrics } from './metrics';
import { freePort, metricsAddress, serveMetrics, type MetricsServer } from './metrics-server';
import { identityOf, watchPeers } from './peers';
import { awaitTemporal } from './ready';
import { servingBlock, tellCommand } from './serving';
import { spotSetting, watchForNotice } from './spot-notice';
import { workerOptions } from './temporal-connection';
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

/** Logs go to stderr as JSON lines, in which what nobody would see is escaped; keys that could hold a secret are cut out wherever they appear. */
export function workerLogger(name: string): Logger {
  const destination = pino.destination({ fd: 2, sync: true });
  return pino(
    {
      name,
      level: process.env['FLAMINGO_LOG_LEVEL'] ?? 'info',
      redact: {
        paths: ['*.apiKey', '*.authorization', '*.headers', 'apiKey', 'authorization', 'headers'],
        remove: true,
      },
    },
    { write: (line: string) => destination.write(escapedJson(line)) },
  );
}

/** Whether a supervisor started this worker for a server of its own. */
export function isEmbedded(): boolean {
  return process.env['FLAMINGO_EMBEDDED'] === '1';
}

const SIGNALS: NodeJS.Signals[] = ['SIGTERM', 'SIGINT', 'SIGHUP'];

/**
 * Runs until SIGTERM, SIGINT, SIGHUP, until the parent has died, if it is watched (worker-process.ts), and until one of the
 * ends that the environment asks for. Activities are told to stop at once, unless the settings say otherwise: a trainer
 * has to save within a spot machine's notice, and a judge's requests in flight are awaited by their activity.
 * Throws what ended it against its will.
 */
export async function runWorker(settings: WorkerSettings, onStart?: (worker: RunningWorker) => void): Promise<void> {
  const { name, storeId, kin, onMetrics, facts, nothingOpen, close, beside, ...options } = settings;
  const idleMs = idleLimit(process.env);
  const spot = spotSetting(process.env);
  const metricsAt = metricsAddress(process.env);
  const inner = metricsAt === null ? 0 : await freePort();
  const config = loadClientConnectConfig();
  const logger = workerLogger(name);
  // before the signals are the runtime's: until here they just end the process
  await awaitTemporal(process.env, (message) => {
    logger.warn(message);
    tellCommand(message);
  });
  const runtime = Runtime.install({
    logger: new DefaultLogger('INFO', ({ level, message, meta }) => {
      const write = { TRACE: 'trace', DEBUG: 'debug', INFO: 'info', WARN: 'warn', ERROR: 'error' } as const;
      logger[write[level]](meta ?? {}, message);
    }),
    telemetryOptions: {
      logging: { forward: {}, filter: makeTelemetryFilterString({ core: 'WARN' }) },
      ...(metricsAt === null ? {} : { metrics: { prometheus: { bindAddress: `127.0.0.1:${inner}` } } }),
    },
    shutdownSignals: SIGNALS,
  });
  const over = new AbortController();
  for (const each of SIGNALS) process.once(each, () => over.abort());
  let connection: NativeConnection | null = null;
  let metricsServer: MetricsServer | undefined;
  let stopCounting: (() => void) | undefined;
  const workers: Worker[] = [];
  try {
    if (metricsAt !== null) {
      const healthy = (): boolean => workers.length > 0 && workers.every((worker) => worker.getState() === 'RUNNING');
      metricsServer = await serveMetrics(metricsAt, inner, healthy);
    }
    connection = await NativeConnection.connect(workerOptions(config.connectionOptions, process.env));
    const { workflowService } = connection;
    // after a connection that failed the runtime is another one, and so is what it counts with
    const metrics = metricsAt === null ? undefined : new WorkerMetrics(Runtime.instance().metricMeter);
    if (metrics !== undefined) onMetrics?.(metrics);
    const namespace = config.namespace ?? 'default';
    const { version } = await programVersion();
    const identity = identityOf(name, { version, store: storeId });
    const peers = kin === 'checked' ? await watchPeers(workflowService, namespace, identity) : null;
    const count = new ActivityCount(undefined, metrics);
    const interceptors = { activity: [count.interceptor] };
    const everywhere = { shutdownGraceTime: 0, dataConverter: dataConverter(process.env), ...deployment(process.env) };
    for (const each of beside === undefined ? [options] : [options, beside])
      workers.push(await Worker.create({ ...everywhere, ...each, connection, namespace, identity, interceptors }));
    const shutdown = (): void => {
      for (const worker of workers) if (worker.getState() === 'RUNNING') worker.shutdown();
    };
    whenOrphaned(shutdown);
    onStart?.({ shutdown });
    const serving = {
      worker: name,
      queues: [options.taskQueue, ...(beside === undefined ? [] : [beside.taskQueue])],
      address: config.connectionOptions.address ?? 'localhost:7233',
      namespace,
      storeId,
      storePlace: storePlace(),
      version,
      facts: (await facts?.()) ?? {},
      endsWhenIdle: idleMs === null ? null : (process.env['FLAMINGO_EXIT_WHEN_IDLE'] as string),
      metrics: metricsServer?.address ?? null,
      spot: spot === null ? null : `notices of ${spot.cloud === 'auto' ? 'whichever cloud this is' : spot.cloud}`,
    };
    logger.info({ taskQueue: options.taskQueue, pid: process.pid, serving }, 'worker runs');
    tellCommand(servingBlock(serving));

    const end = (reason: string): void => {
      if (over.signal.aborted) return;
      over.abort();
      logger.info(reason);
      tellCommand(reason);
      shutdown();
    };
    if (spot !== null)
      void watchForNotice(spot, { signal: over.signal, log: (line) => logger.info(line), onNotice: end });
    const stopIdling =
      idleMs === null
        ? undefined
        : endWhenIdle({
            limitMs: idleMs,
            idleMs: () => count.idleMs,
            nothingOpen: async () => nothingOpen?.(connection as NativeConnection, namespace) ?? true,
            end: () => end(`no work for ${serving.endsWhenIdle}: the worker ends`),
          });
    if (metrics !== undefined) stopCounting = countBacklog(workflowService, namespace, serving.queues, metrics);
    let stranger: Error | null = null;
    peers?.onStranger((error) => {
      stranger = error;
      shutdown();
    });
    try {
      // one that fails takes the other one with it
      await Promise.all(workers.map((worker) => worker.run().finally(shutdown)));
    } finally {
      over.abort();
      stopIdling?.();
      peers?.stop();
      stopCounting?.();
      await close?.();
    }
    if (stranger !== null) throw stranger as Error;
  } catch (error) {
    if (connection === null) await runtime.shutdown(); // which would hold the process: it ends by itself only after a connection
    throw error;
  } finally {
    metricsServer?.close();
    await connection?.close();
  }
  logger.info('worker ended');
}
