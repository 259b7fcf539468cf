/**
 * Temporal's production server on a PostgreSQL of the round's own: the programs, the script and the dynamic configuration of
 * docker-compose.yml, on ports of loopback.
 */
import { execFileSync } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort, isFree } from '../../cli/local/ports';
import { Service } from '../../cli/local/service';
import { environmentFor } from '../../tools/environments.cjs';
import { notAsRoot, postgresqlFolder, programPath } from '../../tools/services.cjs';
import { installationRoot } from '../../workers/places';

const LOOPBACK = '127.0.0.1';
const USER = 'temporal';
const READY_MS = 60_000;
/** What the server listens on besides the port by which it is known, as its own configuration calls them. */
const FURTHER_PORTS = [
  'FRONTEND_HTTP_PORT',
  'FRONTEND_MEMBERSHIP_PORT',
  'HISTORY_GRPC_PORT',
  'HISTORY_MEMBERSHIP_PORT',
  'MATCHING_GRPC_PORT',
  'MATCHING_MEMBERSHIP_PORT',
  'WORKER_GRPC_PORT',
  'WORKER_MEMBERSHIP_PORT',
];

const LOW_PORTS = { first: 20_000, last: 32_767 };

export interface ProductionServerOptions {
  /** Of the round: the database lies in it. */
  folder: string;
  port: number;
  /** Of the database. */
  password: string;
  /** The file for the output of a program. */
  log: (name: string) => string;
  /** Told the database as soon as it is started, so that it is ended whatever comes next. */
  started: (database: Service) => void;
}

/** Whether the programs are there: `node tools/services.mjs` builds the server, and PostgreSQL is the system's. */
export function productionServerPossible(): boolean {
  return postgresqlFolder() !== null && existsSync(programPath('server')) && existsSync(programPath('sql'));
}

/** Starts the database, has the schema made, and returns the server, which is yet to be started. */
export async function productionServer(options: ProductionServerOptions): Promise<Service> {
  const { folder, port, password, log, started } = options;
  const databasePort = await freePort(0);
  const database = databaseOf(join(folder, 'postgresql'), databasePort, password, log('postgresql'));
  database.start();
  started(database);
  await untilDatabaseAnswers(databasePort);
  execFileSync('sh', [join(installationRoot(), 'docker', 'create-schema.sh')], {
    env: {
      ...environmentFor('Temporal server', process.env),
      TEMPORAL_SQL_TOOL: programPath('sql'),
      POSTGRES_HOST: LOOPBACK,
      POSTGRES_PORT: String(databasePort),
      POSTGRES_PASSWORD: password,
    },
    stdio: 'pipe',
  });
  const ports: Record<string, string> = { FRONTEND_GRPC_PORT: String(port) };
  for (const name of FURTHER_PORTS) ports[name] = String(await lowPort(Object.values(ports)));
  return new Service({
    name: 'temporal',
    command: programPath('server'),
    args: ['start'],
    folder,
    env: {
      ...environmentFor('Temporal server', process.env),
      ...ports,
      DB: 'postgres12',
      DB_PORT: String(databasePort),
      POSTGRES_SEEDS: LOOPBACK,
      POSTGRES_USER: USER,
      POSTGRES_PWD: password,
      BIND_ON_IP: LOOPBACK,
      TEMPORAL_BROADCAST_ADDRESS: LOOPBACK,
      LOG_LEVEL: 'warn',
      DYNAMIC_CONFIG_FILE_PATH: join(installationRoot(), 'docker', 'dynamic-config.yaml'),
    },
    log: log('temporal'),
    watchesParent: false,
    privateFiles: true,
  });
}

/** The schema for PostgreSQL keeps the ports of a server's parts in 16 bits with a sign, and the system's free ones lie above. */
async function lowPort(taken: readonly string[]): Promise<number> {
  for (;;) {
    const port = randomInt(LOW_PORTS.first, LOW_PORTS.last + 1);
    if (!taken.includes(String(port)) && (await isFree(port))) return port;
  }
}

function databaseOf(folder: string, port: number, password: string, log: string): Service {
  const bin = postgresqlFolder();
  if (bin === null) throw new Error('there is no PostgreSQL on this machine');
  const env = environmentFor('Temporal server', process.env);
  const passwordFile = `${folder}.password`;
  mkdirSync(folder, { mode: 0o700 });
  writeFileSync(passwordFile, password, { mode: 0o600 });
  const start = (program: string, ...args: string[]): [string, string[]] => {
    const [command, ...before] = [...notAsRoot(), join(bin, program)];
    return [command, [...before, '-D', folder, ...args]];
  };
  execFileSync(...start('initdb', '-U', USER, '--auth=scram-sha-256', `--pwfile=${passwordFile}`), {
    env,
    stdio: 'pipe',
  });
  rmSync(passwordFile);
  const settings = [`port=${port}`, `listen_addresses=${LOOPBACK}`, 'unix_socket_directories='];
  const [command, args] = start('postgres', ...settings.flatMap((setting) => ['-c', setting]));
  return new Service({ name: 'postgresql', command, args, folder, env, log, watchesParent: false, privateFiles: true });
}

async function untilDatabaseAnswers(port: number): Promise<void> {
  const ready = join(postgresqlFolder() as string, 'pg_isready');
  for (const until = Date.now() + READY_MS; ; await sleep(100)) {
    try {
      execFileSync(ready, ['-h', LOOPBACK, '-p', String(port), '-U', USER], { stdio: 'ignore' });
      return;
    } catch (error) {
      if (Date.now() > until) throw new Error(`PostgreSQL did not come up in ${READY_MS / 1000} s`, { cause: error });
    }
  }
}
