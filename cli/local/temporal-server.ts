/**
 * The Temporal server on a SQLite file, as a supervised process on loopback.
 *
 * Its gRPC ports speak HTTP/2 only, which no web page can. Besides them it opens three ports of HTTP/1.1 that it offers no
 * flag to leave out: Temporal's HTTP API, its metrics and the UI. All three answer whatever page asks, so they get ports
 * that browsers refuse to connect to (http-ports.ts), and people reach the UI through the gate (ui-gate.ts).
 */
import { basename, dirname } from 'node:path';
import type { HttpPorts } from './http-ports';
import { Service } from './service';

/**
 * The only host whose requests the HTTP API takes. `@` ends the user's name in a URL, so no browser can send it, and the
 * server's own HTTP refuses it, too: the API is closed to all.
 */
const NO_HOST = '@nobody';

/**
 * What the server does otherwise than by default, by the names of its dynamic configuration; production has the same in
 * docker/dynamic-config.yaml. With fairness, tasks of one priority in one queue are served in turns of their fairness keys, but
 * within a partition of the queue alone, and partitions are emptied at different speeds: so all tasks are put into one. Those of
 * four are read, as by default, since a server that ran without this may have left some there.
 */
export const DYNAMIC_CONFIGURATION: Readonly<Record<string, unknown>> = {
  'matching.enableFairness': true,
  'matching.numTaskqueueWritePartitions': 1,
};

export interface TemporalServerOptions {
  /** The Temporal CLI. */
  command: string;
  /** The SQLite file. */
  database: string;
  port: number;
  ports: HttpPorts;
  env: NodeJS.ProcessEnv;
  log: string;
}

/** How the database's name begins on the server's command line. */
export const DATABASE_FLAG = ['--db-filename', 'server-'] as const;

/** The server of one version: a newer one migrates the database, which an older one then no longer reads. */
export function databaseName(serverVersion: string): string {
  return `${DATABASE_FLAG[1]}${serverVersion}.db`;
}

/** The server as a service; `start` starts it. */
export function temporalServer({ command, database, env, log, ...listening }: TemporalServerOptions): Service {
  return new Service({
    name: 'temporal',
    command,
    args: serverArguments({ database, ...listening }),
    folder: dirname(database),
    env,
    log,
    watchesParent: false,
    privateFiles: true,
  });
}

/**
 * Its command line. The server makes a URL of the database's name without escaping it, so that a `#`, `?` or `%` in a folder's
 * name would cut or change it: it is started in the database's folder, with the bare name.
 */
export function serverArguments({
  database,
  port,
  ports,
}: Pick<TemporalServerOptions, 'database' | 'port' | 'ports'>): string[] {
  const flags = ['server', 'start-dev', '--ip', '127.0.0.1', '--port', String(port), '--log-level', 'warn'];
  flags.push('--http-port', String(ports.http), '--metrics-port', String(ports.metrics));
  flags.push(...dynamicArguments({ ...DYNAMIC_CONFIGURATION, 'frontend.httpAllowedHosts': [NO_HOST] }));
  if (ports.ui === null) flags.push('--headless');
  else flags.push('--ui-port', String(ports.ui), '--ui-disable-news-fetch');
  flags.push(DATABASE_FLAG[0], basename(database));
  // WAL: the default journal mode manages a fifth of the rate; NORMAL survives a crash of the process
  flags.push('--sqlite-pragma', 'journal_mode=WAL', '--sqlite-pragma', 'synchronous=NORMAL');
  return flags;
}

/** Dynamic configuration as flags of the server. */
export function dynamicArguments(values: Readonly<Record<string, unknown>>): string[] {
  return Object.entries(values).flatMap(([name, value]) => [
    '--dynamic-config-value',
    `${name}=${JSON.stringify(value)}`,
  ]);
}
