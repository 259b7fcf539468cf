/**
 * What the three workers have in common: logging, connection, shutdown, and the watch on the parent process.
 *
 * On SIGTERM the worker cancels its activities at once and waits for them. gpu-activities/operation.ts then has the trainer
 * stop with a checkpoint, judge/shard.ts keeps what was in flight, and activities/interruption.ts ends the activity as
 * `Preempted`, so that another worker goes on.
 */
import { hostname } from 'node:os';
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
import { dataConverter } from './codec';
import { deployment } from './deployment';
import { workerOptions } from './temporal-connection';
import { escapedJson } from '../report/page/visible';

export interface WorkerSettings extends Omit<WorkerOptions, 'connection' | 'namespace' | 'identity' | 'taskQueue'> {
  name: string;
  taskQueue: string;
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

/**
 * Runs until SIGTERM, SIGINT, SIGHUP, or, with `FLAMINGO_PARENT=stdin`, until stdin ends (the parent died).
 * Activities are told to stop at once, unless the settings say otherwise: a trainer has to save within a spot machine's
 * notice, and a judge's requests in flight are awaited by their activity.
 */
export async function runWorker(settings: WorkerSettings, onStart?: (worker: RunningWorker) => void): Promise<void> {
  const { name, close, beside, ...options } = settings;
  const config = loadClientConnectConfig();
  const logger = workerLogger(name);
  let orphaned = (): void => process.exit(1); // until it runs there is nothing to shut down, and a dead server to wait for
  if (process.env['FLAMINGO_PARENT'] === 'stdin') {
    const end = (): void => orphaned();
    process.stdin.on('end', end).on('error', end).resume();
  }
  const runtime = Runtime.install({
    logger: new DefaultLogger('INFO', ({ level, message, meta }) => {
      const write = { TRACE: 'trace', DEBUG: 'debug', INFO: 'info', WARN: 'warn', ERROR: 'error' } as const;
      logger[write[level]](meta ?? {}, message);
    }),
    telemetryOptions: { logging: { forward: {}, filter: makeTelemetryFilterString({ core: 'WARN' }) } },
    shutdownSignals: ['SIGTERM', 'SIGINT', 'SIGHUP'],
  });
  let connection: NativeConnection | undefined;
  try {
    connection = await NativeConnection.connect(workerOptions(config.connectionOptions, process.env)).catch(
      async (error: unknown) => {
        await runtime.shutdown(); // which would hold the process: it ends by itself only after a connection
        throw error;
      },
    );
    const namespace = config.namespace ?? 'default';
    const identity = `${name}@${hostname()}:${process.pid}`;
    const workers: Worker[] = [];
    const everywhere = { shutdownGraceTime: 0, dataConverter: dataConverter(process.env), ...deployment(process.env) };
    for (const each of beside === undefined ? [options] : [options, beside])
      workers.push(await Worker.create({ ...everywhere, ...each, connection, namespace, identity }));
    const shutdown = (): void => {
      for (const worker of workers) if (worker.getState() === 'RUNNING') worker.shutdown();
    };
    orphaned = shutdown;
    onStart?.({ shutdown });
    logger.info({ taskQueue: options.taskQueue, pid: process.pid }, 'worker runs');
    try {
      // one that fails takes the other one with it
      await Promise.all(workers.map((worker) => worker.run().finally(shutdown)));
    } finally {
      await close?.();
    }
  } finally {
    await connection?.close();
    process.stdin.destroy(); // the watch on the parent would hold the process
  }
  logger.info('worker ended');
}
