/**
 * The embedded services of one data folder: the Temporal server, the stand-in judge when it is wanted, and the three
 * workers. One supervisor a data folder; `flamingo run` starts it and is its client.
 *
 * It stops, trainer first and server last, when no client is left (unless detached), or on SIGTERM. Should it be killed,
 * its workers notice the closed pipe and end by themselves; the next supervisor adopts the server, which can not.
 */
import { readFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { installationRoot } from '../../artifacts/places';
import { temporalPath } from '../../artifacts/toolchain';
import { prepareNamespace, serverAnswers } from '../../workers/namespace';
import { freePort, isFree } from './ports';
import { Service, sleep } from './service';
import { isRunning, type LocalFiles, type LocalState } from './state';

/** Time for a client to come back, so that a second command right after the first finds the services warm. */
const LINGER_MS = 1_500;
/** A trainer of 14B shape needs up to half a minute to save. */
const GPU_GRACE_MS = 45_000;
const GRACE_MS = 15_000;
const SERVER_READY_MS = 60_000;

export interface SupervisorOptions {
  /** Judge accounts to serve: `stand-in`, `anthropic`. */
  accounts: string[];
  /** Port of the Temporal server; 0 = 7233 when free, else any. */
  port: number;
}

export async function supervise(files: LocalFiles, options: SupervisorOptions): Promise<void> {
  if (!files.takeLock()) return;
  const supervisor = new Supervisor(files, options);
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

  constructor(
    private readonly files: LocalFiles,
    private readonly options: SupervisorOptions,
  ) {
    this.state = {
      supervisor: process.pid,
      beat: Date.now(),
      address: '',
      ui: '',
      serverPid: null,
      standIn: null,
      accounts: options.accounts,
      ready: false,
      stopping: false,
      problem: null,
      services: [],
    };
  }

  async run(): Promise<void> {
    const before = this.files.lastState();
    this.write();
    const beat = setInterval(() => this.write(), 500);
    for (const name of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(name, () => (this.stopping = true));
    try {
      await this.start(before);
      let alone = 0;
      while (!this.stopping) {
        await sleep(100);
        alone = this.files.detached || this.files.clients().length > 0 ? 0 : alone + 100;
        if (alone >= LINGER_MS) this.stopping = true;
      }
    } catch (error) {
      this.state.problem = (error as Error).message;
      this.write();
      await sleep(LINGER_MS); // long enough for the client to read why
    } finally {
      this.state.stopping = true;
      this.state.ready = false;
      await this.stop();
      clearInterval(beat);
      this.files.clearState();
    }
  }

  private async start(before: LocalState | null): Promise<void> {
    const server = await this.startServer(before);
    this.services.push(server);
    await prepareNamespace(this.state.address);

    const root = installationRoot();
    const node = (name: string, script: string, args: string[], env: NodeJS.ProcessEnv): Service => {
      const service = new Service({
        name,
        command: process.execPath,
        args: [join(root, 'dist', script), ...args],
        env: { ...process.env, FLAMINGO_HOME: this.files.data, TEMPORAL_ADDRESS: this.state.address, ...env },
        log: this.files.log(name),
        watchesParent: true,
      });
      service.start();
      return service;
    };
    if (this.options.accounts.includes('stand-in')) {
      const port = await freePort(portOf(before?.standIn) ?? 0);
      this.state.standIn = `http://127.0.0.1:${port}`;
      const flags = ['--port', String(port), '--ledger', join(this.files.data, 'stand-in-ledger.jsonl')];
      const latency = process.env['FLAMINGO_STAND_IN_LATENCY_MS']; // so that tests can kill something in mid-request
      if (latency) flags.push('--latency', latency);
      this.services.push(node('stand-in-judge', 'activities/judge/stand-in/main.js', flags, {}));
    }
    this.services.push(node('orchestration-worker', 'workers/orchestration.js', [], { ANTHROPIC_API_KEY: undefined }));
    for (const account of this.options.accounts) {
      this.services.push(
        node(`judge-worker-${account}`, 'workers/judge.js', [], {
          FLAMINGO_JUDGE_ACCOUNT: account,
          ...(account === 'stand-in'
            ? { FLAMINGO_STAND_IN_URL: this.state.standIn ?? '', ANTHROPIC_API_KEY: undefined }
            : {}),
        }),
      );
    }
    this.services.push(node('gpu-worker', 'workers/gpu.js', [], { ANTHROPIC_API_KEY: undefined }));
    this.state.ready = true;
    this.write();
  }

  private async startServer(before: LocalState | null): Promise<Service> {
    const binary = temporalPath();
    const database = join(this.files.data, 'temporal', `server-${binary.serverVersion}.db`);
    await mkdir(join(this.files.data, 'temporal'), { recursive: true });

    const orphan = before?.serverPid ?? null;
    if (before !== null && orphan !== null && isRunning(orphan) && ownsDatabase(orphan, database)) {
      const service = this.serverService(binary.path, database, portOf(before.address) as number, portOf(before.ui) as number);
      service.adopt(orphan);
      this.setAddress(portOf(before.address) as number, portOf(before.ui) as number, orphan);
      if (await serverAnswers(this.state.address, 5_000)) return service;
      await service.stop(GRACE_MS); // it holds the database but does not answer
    }

    const wanted = this.options.port || portOf(before?.address) || 7233;
    if (this.options.port !== 0 && !(await isFree(wanted))) {
      throw new Error(`port ${wanted} is in use by another program; choose one with --port, or leave it out`);
    }
    const port = await freePort(wanted);
    const ui = await freePort(portOf(before?.ui) ?? port + 1000);
    const service = this.serverService(binary.path, database, port, ui);
    service.start();
    this.setAddress(port, ui, service.pid);
    const until = Date.now() + SERVER_READY_MS;
    while (!(await serverAnswers(this.state.address, 1_000))) {
      if (this.stopping) throw new Error('stopped while the Temporal server was starting');
      if (Date.now() > until || service.state.restarts > 3) {
        throw new Error(`the Temporal server does not come up (${service.state.lastEnd ?? 'no answer'}); see ${this.files.log('temporal')}`);
      }
      await sleep(50);
    }
    return service;
  }

  private serverService(command: string, database: string, port: number, ui: number): Service {
    const flags = ['server', 'start-dev', '--ip', '127.0.0.1', '--port', String(port), '--ui-port', String(ui)];
    // WAL: the default journal mode manages a fifth of the rate; NORMAL survives a crash of the process
    flags.push('--db-filename', database, '--sqlite-pragma', 'journal_mode=WAL', '--sqlite-pragma', 'synchronous=NORMAL');
    flags.push('--ui-disable-news-fetch', '--log-level', 'warn');
    return new Service({
      name: 'temporal',
      command,
      args: flags,
      env: { ...process.env, ANTHROPIC_API_KEY: undefined },
      log: this.files.log('temporal'),
      watchesParent: false,
    });
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

  private write(): void {
    for (const service of this.services) service.check();
    const server = this.services.find((service) => service.state.name === 'temporal');
    this.state.beat = Date.now();
    this.state.services = this.services.map((service) => service.state);
    if (server) this.state.serverPid = server.pid;
    this.files.writeState(this.state);
  }
}

function portOf(address: string | null | undefined): number | undefined {
  const port = Number(address?.split(':').at(-1));
  return Number.isInteger(port) && port > 0 ? port : undefined;
}

/** Guards against a process id that was given to some other program meanwhile. */
function ownsDatabase(pid: number, database: string): boolean {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').includes(database);
  } catch {
    // no /proc on this platform: the health check that follows decides
    return true;
  }
}
