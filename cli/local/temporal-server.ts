/**
 * The Temporal server on a SQLite file, as a supervised process on loopback.
 */
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

export function temporalServer({ command, database, port, uiPort, env, log }: TemporalServerOptions): Service {
  const flags = ['server', 'start-dev', '--ip', '127.0.0.1', '--port', String(port), '--ui-port', String(uiPort)];
  flags.push('--ui-disable-news-fetch', '--log-level', 'warn', '--db-filename', database);
  // WAL: the default journal mode manages a fifth of the rate; NORMAL survives a crash of the process
  flags.push('--sqlite-pragma', 'journal_mode=WAL', '--sqlite-pragma', 'synchronous=NORMAL');
  return new Service({ name: 'temporal', command, args: flags, env, log, watchesParent: false, privateFiles: true });
}
