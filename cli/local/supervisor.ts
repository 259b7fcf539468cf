/**
 * The embedded services of one data folder: the Temporal server, the stand-in judge when it is wanted, and the three
 * workers. One supervisor a data folder; `flamingo run` starts it and is its client.
 *
 * It stops, trainer first and server last, when no client is left (unless detached), or on SIGTERM in any case. The way of
 * that SIGTERM: each service gets one (service.ts); a worker shuts down, which cancels its activities (workers/run-worker.ts);
 * a GPU activity tells the trainer to stop (gpu-activities/operation.ts, process/trainer-process.ts), which saves a
 * checkpoint. When the supervisor is killed, its workers notice the closed pipe and end by themselves; the next supervisor
 * adopts the server, which can not.
 */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { environmentFor, type ProcessName } from '../../tools/environments.cjs';
import { installationRoot } from '../../workers/places';
import { temporalPath } from '../../workers/toolchain';
import { prepareNamespace, serverAnswers } from '../../workers/namespace';
import { freePort } from './ports';
import { wasStartedWith } from './processes';
import { endProcess, Service } from './service';
import type { LocalFiles, LocalState } from './state';
import { temporalServer } from './temporal-server';

/** Time for a client to come back, so that a second command right after the first finds the services warm. */
const LINGER_MS = 1_500;
/** A client that ends sends it when it knows of no other one: the services need not stay up for a while. */
export const END_UNLESS_USED = 'SIGUSR2';
/** A trainer of 14B shape needs up to half a minute to save. */
const GPU_GRACE_MS = 45_000;
const GRACE_MS = 15_000;
const SERVER_READY_MS = 60_000;
const HEARTBEAT_MS = 500;

export interface SupervisorOptions {
  /** Judge accounts to serve: `stand-in`, `anthropic`. */
  accounts: string[];
  /** Names of variables that trainers of experiments' own may be given; the GPU worker gets them. */
  variables: string[];
  /** Port of the Temporal server; 0 = 7233 when free, else any. */
  port: number;
}

export async function supervise(files: LocalFiles, options: SupervisorOptions): Promise<void> {
  const supervisor = new Supervisor(files, options);
  if (!files.takeLock()) return;
  try {
    await supervisor.run();
  } finally {
    files.releaseLock();
  }
}

class Supervisor {
  private readonly state: LocalState;
  private services: Service[] = [];
  private stopping = false;
  private lastClientEnded = false;

  constructor(
    private readonly files: LocalFiles,
    private readonly options: SupervisorOptions,
  ) {
    this.state = {
      supervisor: process.pid,
      heartbeat: Date.now(),
      address: '',
      ui: '',
      serverPid: null,
      standIn: null,
      accounts: options.accounts,
      variables: options.variables,
      ready: false,
      stopping: false,
      problem: null,
      services: [],
    };
    for (const name of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(name, () => (this.stopping = true));
    process.on(END_UNLESS_USED, () => (this.lastClientEnded = true));
  }

  async run(): Promise<void> {
    const before = this.files.lastState();
    this.write();
    const heartbeat = setInterval(() => this.heartbeat(), HEARTBEAT_MS);
    try {
      await this.start(before);
      let alone = 0;
      while (!this.stopping && this.files.ownsLock()) {
        await sleep(100);
        alone = this.files.used ? 0 : alone + 100;
        if (alone >= (this.lastClientEnded ? 100 : LINGER_MS)) this.stopping = this.files.endUnlessUsed(this.state);
        if (alone === 0) this.lastClientEnded = false;
      }
    } catch (error) {
      this.state.problem = (error as Error).message;
      this.heartbeat();
      await sleep(LINGER_MS); // long enough for the client to read why
    } finally {
      this.state.stopping = true;
      this.state.ready = false;
      this.heartbeat();
      await this.stop();
      clearInterval(heartbeat);
      if (this.files.ownsLock()) this.files.clearState();
    }
  }

  private async start(before: LocalState | null): Promise<void> {
    await this.startServer(before);
    await prepareNamespace({ connection: { address: this.state.address }, namespace: 'default', retention: true });

    const root = installationRoot();
    const node = (kind: ProcessName, name: string, script: string, args: string[], env: NodeJS.ProcessEnv): void => {
      const service = new Service({
        name,
        command: process.execPath,
        args: [join(root, 'dist', script), ...args],
        env: { ...serviceEnvironment(kind, this.files), TEMPORAL_ADDRESS: this.state.address, ...env },
        log: this.files.log(name),
        watchesParent: true,
        // the store has its own rule (artifacts/local/files.ts), and results follow the person's umask
        privateFiles: kind === 'stand-in judge',
      });
      this.services.push(service);
      service.start();
    };
    if (this.options.accounts.includes('stand-in')) {
      const port = await freePort(portOf(before?.standIn) ?? 0);
      this.state.standIn = `http://127.0.0.1:${port}`;
      const flags = ['--port', String(port), '--ledger', join(this.files.data, 'stand-in-ledger.jsonl')];
      const latency = process.env['FLAMINGO_STAND_IN_LATENCY_MS']; // so that tests can kill something in mid-request
      if (latency) flags.push('--latency', latency);
      node('stand-in judge', 'stand-in-judge', 'stand-in/main.js', flags, {});
    }
    node('orchestration worker', 'orchestration-worker', 'workers/orchestration.js', [], {});
    for (const account of this.options.accounts) {
      const kind = account === 'stand-in' ? 'judge worker of the stand-in' : 'judge worker of Claude';
      node(kind, `judge-worker-${account}`, 'workers/judge.js', [], {
        FLAMINGO_JUDGE_ACCOUNT: account,
        ...(account === 'stand-in' ? { FLAMINGO_STAND_IN_URL: this.state.standIn ?? '' } : {}),
      });
    }
    // whoever starts this runs what their own files say; a worker for others asks first
    const allowed = process.env['FLAMINGO_ALLOW_COMMANDS'] ?? '1';
    const variables = valuesOf(process.env, this.options.variables);
    node('GPU worker', 'gpu-worker', 'workers/gpu.js', [], { ...variables, FLAMINGO_ALLOW_COMMANDS: allowed });
    this.state.ready = true;
    this.write();
  }

  private async startServer(before: LocalState | null): Promise<void> {
    const binary = temporalPath();
    const folder = databaseFolder(this.files);
    const database = join(folder, `server-${binary.serverVersion}.db`);
    await mkdir(folder, { recursive: true });

    const orphan = orphanServer(this.files, before);
    if (before !== null && orphan !== null && wasStartedWith(orphan, database)) {
      const [port, ui] = [portOf(before.address) as number, portOf(before.ui) as number];
      const service = this.serverService(binary.path, database, port, ui);
      service.adopt(orphan);
      this.services.push(service);
      this.setAddress(port, ui, orphan);
      if (await serverAnswers(this.state.address, 5_000)) return;
      this.services.pop();
    }
    // one that holds the database but does not answer, or of another version
    if (orphan !== null) await endProcess(orphan, GRACE_MS);

    const asked = this.options.port;
    const port = await freePort(asked || portOf(before?.address) || 7233);
    if (asked !== 0 && port !== asked) {
      throw new Error(`port ${asked} is in use by another program; choose one with --port, or leave it out`);
    }
    const ui = await freePort(portOf(before?.ui) ?? port + 1000);
    const service = this.serverService(binary.path, database, port, ui);
    this.services.push(service);
    service.start();
    this.setAddress(port, ui, service.pid);
    const until = Date.now() + SERVER_READY_MS;
    while (!(await serverAnswers(this.state.address, 1_000))) {
      if (this.stopping) throw new Error('stopped while the Temporal server was starting');
      if (Date.now() > until || service.state.restarts > 3) {
        throw new Error(
          `the Temporal server does not come up (${service.state.lastEnd ?? 'no answer'}); see ${this.files.log('temporal')}`,
        );
      }
      await sleep(50);
    }
  }

  private serverService(command: string, database: string, port: number, uiPort: number): Service {
    const env = serviceEnvironment('Temporal server', this.files);
    return temporalServer({ command, database, port, uiPort, env, log: this.files.log('temporal') });
  }

  private setAddress(port: number, ui: number, pid: number | null): void {
    this.state.address = `127.0.0.1:${port}`;
    this.state.ui = `http://127.0.0.1:${ui}`;
    this.state.serverPid = pid;
    this.write();
  }

  /** Workers first, the GPU worker before all others because its trainer has something to save; the server last. */
  private async stop(): Promise<void> {
    const server = this.services.find((service) => service.state.name === 'temporal');
    const gpu = this.services.find((service) => service.state.name === 'gpu-worker');
    const others = this.services.filter((service) => service !== server && service !== gpu);
    await gpu?.stop(GPU_GRACE_MS);
    await Promise.all(others.map((service) => service.stop(GRACE_MS)));
    await server?.stop(GRACE_MS);
  }

  private heartbeat(): void {
    try {
      this.write();
    } catch {
      // a full disk, and the log is on it too: the commands see it for themselves, and the services wait it out
    }
  }

  private write(): void {
    for (const service of this.services) service.check();
    const server = this.services.find((service) => service.state.name === 'temporal');
    this.state.heartbeat = Date.now();
    this.state.services = this.services.map((service) => service.state);
    if (server) this.state.serverPid = server.pid;
    this.files.writeState(this.state);
  }
}

function portOf(address: string | null | undefined): number | undefined {
  const port = Number(address?.split(':').at(-1));
  return Number.isInteger(port) && port > 0 ? port : undefined;
}

/**
 * What a service is given of the supervisor's environment. Whatever that or a profile says of some other Temporal server is
 * not meant for the embedded one.
 */
function serviceEnvironment(kind: ProcessName, files: LocalFiles): NodeJS.ProcessEnv {
  const kept = Object.entries(environmentFor(kind, process.env)).filter(([name]) => !name.startsWith('TEMPORAL_'));
  // a file that is not there means no profiles; without a name, the person's own default profile would be read
  const noProfiles = join(databaseFolder(files), 'no-profiles.toml');
  return { ...Object.fromEntries(kept), TEMPORAL_CONFIG_FILE: noProfiles, FLAMINGO_HOME: files.data };
}

/** Those variables of `env` that have one of these names. */
export function valuesOf(env: NodeJS.ProcessEnv, names: readonly string[]): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(env).filter(([name]) => names.includes(name)));
}

function databaseFolder(files: LocalFiles): string {
  return join(files.data, 'temporal');
}

/** Process id of a Temporal server of this data folder that outlived its supervisor, which wrote `last`. */
export function orphanServer(files: LocalFiles, last: LocalState | null): number | null {
  const pid = last?.serverPid ?? null;
  return pid !== null && wasStartedWith(pid, join(databaseFolder(files), 'server-')) ? pid : null;
}
