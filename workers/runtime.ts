/**
 * What Temporal's native runtime of a worker's process is set up with: its log goes into the worker's, its metrics to the
 * exporter that metrics-server.ts hands on, and its signals shut workers down.
 */
import { DefaultLogger, makeTelemetryFilterString, Runtime } from '@temporalio/worker';
import { pino, type Logger } from 'pino';
import { escapedJson } from '../report/page/visible';

/** What ends a worker from outside. */
export const SIGNALS: NodeJS.Signals[] = ['SIGTERM', 'SIGINT', 'SIGHUP'];

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

/** `exporterPort`: where the SDK serves its metrics on loopback; null: nowhere. Once a process; from now on the signals are the runtime's. */
export function installRuntime(logger: Logger, exporterPort: number | null): Runtime {
  return Runtime.install({
    logger: new DefaultLogger('INFO', ({ level, message, meta }) => {
      const write = { TRACE: 'trace', DEBUG: 'debug', INFO: 'info', WARN: 'warn', ERROR: 'error' } as const;
      logger[write[level]](meta ?? {}, message);
    }),
    telemetryOptions: {
      logging: { forward: {}, filter: makeTelemetryFilterString({ core: 'WARN' }) },
      ...(exporterPort === null ? {} : { metrics: { prometheus: { bindAddress: `127.0.0.1:${exporterPort}` } } }),
    },
    shutdownSignals: SIGNALS,
  });
}

/**
 * While a worker gets ready it has nothing to save, and what it waits for may never answer: a signal ends the process at once,
 * and with success, because it was told to end.
 */
export async function endingOnSignals<T>(ready: Promise<T>): Promise<T> {
  const leave = (): void => process.exit(0);
  for (const each of SIGNALS) process.once(each, leave);
  try {
    return await ready;
  } finally {
    for (const each of SIGNALS) process.removeListener(each, leave);
  }
}
