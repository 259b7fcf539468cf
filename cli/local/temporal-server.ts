/**
 * The Temporal server on a SQLite file, as a supervised process on loopback.
 */
import { basename, dirname } from 'node:path';
import { Service } from './service';

export interface TemporalServerOptions {
  /** The Temporal CLI. */
  command: string;
  /** The SQLite file. */
  database: string;
  port: number;
  uiPort: number;
  env: NodeJS.ProcessEnv;
  log: string;
}

/** How the database's name begins on the server's command line. */
export const DATABASE_FLAG = ['--db-filename', 'server-'] as const;

/** The server of one version: a newer one migrates the database, which an older one then no longer reads. */
export function databaseName(serverVersion: string): string {
  return `${DATABASE_FLAG[1]}${serverVersion}.db`;
}

/**
 * The server makes a URL of the database's name without escaping it, so that a `#`, `?` or `%` in a folder's name would
 * cut or change it: it is started in the database's folder, with the bare name.
 */
export function temporalServer({ command, database, port, uiPort, env, log }: TemporalServerOptions): Service {
  const flags = ['server', 'start-dev', '--ip', '127.0.0.1', '--port', String(port), '--ui-port', String(uiPort)];
  flags.push('--ui-disable-news-fetch', '--log-level', 'warn', DATABASE_FLAG[0], basename(database));
  // WAL: the default journal mode manages a fifth of the rate; NORMAL survives a crash of the process
  flags.push('--sqlite-pragma', 'journal_mode=WAL', '--sqlite-pragma', 'synchronous=NORMAL');
  return new Service({
    name: 'temporal',
    command,
    args: flags,
    folder: dirname(database),
    env,
    log,
    watchesParent: false,
  });
}
