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
import { isEndpointAccount, OPENAI_KEY_VARIABLE, variablesOfAccount } from '../../experiment/endpoint';
import { environmentFor, type ProcessName } from '../../tools/environments.cjs';
import { installationRoot } from '../../workers/places';
import { temporalPath } from '../../workers/toolchain';
import { heapOption } from '../../workers/heap';
import { prepareNamespace, serverAnswers } from '../../workers/namespace';
import { httpPorts, isClosedToPages, type HttpPorts } from './http-ports';
import { freePort, isFree } from './ports';
import { identityOf, isRunning, listensOn, processOf, wasStartedWith } from './processes';
import { endProcess, Service } from './service';
import type { LocalFiles, LocalState } from './state';
import { databaseName, temporalServer, DATABASE_FLAG } from './temporal-server';
import { newToken, openUiGate, type UiGate } from './ui-gate';

/** Time for a client to come back, so that a second command right after the first finds the services warm. */
const LINGER_MS = 1_500;
/** A client that ends sends it when it knows of no other one: the services need not stay up for a while. */
export const END_UNLESS_USED = 'SIGUSR2';
/** A trainer of 14B shape needs up to half a minute to save. */
const GPU_GRACE_MS = 45_000;
const GRACE_MS = 15_000;
const SERVER_READY_MS = 60_000;
const SERVER_ROUNDS = 4;
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
  private gate: UiGate | null = null;

  constructor(
    private readonly files: LocalFiles,
    private readonly options: SupervisorOptions,
  ) {
    this.state = {
      supervisor: process.pid,
      heartbeat: Date.now(),
      address: '',
      ui: '',
      uiToken: newToken(),
      ports: null,
      serverPid: null,
      serverIdentity: null,
      serverDatabase: null,
      standIn: null,
      standInToken: newToken(),
      accounts: options.accounts,
      variables: options.variables,
      allowedClients: process.env['FLAMINGO_ALLOW_CLIENTS'] ?? '',
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
        args: [...heapOption(kind), join(root, 'dist', script), ...args],
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
      node('stand-in judge', 'stand-in-judge', 'stand-in/main.js', flags, {
        FLAMINGO_STAND_IN_TOKEN: this.state.standInToken,
      });
    }
    node('orchestration worker', 'orchestration-worker', 'workers/orchestration.js', [], {});
    for (const account of this.options.accounts) {
      node(judgeProcess(account), `judge-worker-${account}`, 'workers/judge.js', [], {
        ...judgeVariables(process.env, [account]),
        FLAMINGO_JUDGE_ACCOUNT: account,
        ...(account === 'stand-in' ? { FLAMINGO_STAND_IN_URL: this.state.standIn ?? '' } : {}),
      });
    }
    node('GPU worker', 'gpu-worker', 'workers/gpu.js', [], valuesOf(process.env, this.options.variables));
    this.state.ready = true;
    this.write();
  }

  private async startServer(before: LocalState | null): Promise<void> {
    const binary = temporalPath();
    const folder = databaseFolder(this.files);
    const database = join(folder, databaseName(binary.serverVersion));
    await mkdir(folder, { recursive: true });

    const orphan = orphanServer(this.files, before);
    this.state.serverDatabase = database;
    // of a folder that was renamed meanwhile the server still knows the old name: it is ended like any other
    const isSame = before?.serverDatabase === database;
    if (before?.ports && orphan !== null && isSame && isClosedToPages(before.ports)) {
      const port = portOf(before.address) as number;
      const service = this.serverService(binary.path, database, port, before.ports);
      service.adopt(orphan);
      this.services.push(service);
      this.setAddress(port, before.ports, orphan);
      if ((await serverAnswers(this.state.address, 5_000)) && isOwn(orphan, port)) return this.openGate(before, port);
      this.services.pop();
    }
    // one that holds the database but does not answer, of another version, or with a UI that web pages reach
    if (orphan !== null) await endProcess(orphan, GRACE_MS);

    const asked = this.options.port;
    const wanted = await freePort(asked || portOf(before?.address) || 7233);
    if (asked !== 0 && wanted !== asked) throw portTaken(asked);
    const port = await this.bringUpServer(binary.path, database, wanted);
    await this.openGate(before, port);
  }

  /**
   * Another server that starts at the same time may take a port that was free a moment ago: then with other ones. Until this
   * one has failed at it, that other one answers in its place. Returns the port.
   */
  private async bringUpServer(command: string, database: string, wanted: number): Promise<number> {
    const until = Date.now() + SERVER_READY_MS;
    for (let round = 1, port = wanted; ; round += 1) {
      const ports = await httpPorts();
      const service = this.serverService(command, database, port, ports);
      this.services.push(service);
      service.start();
      this.setAddress(port, ports, service.pid);
      while (service.state.restarts === 0) {
        if ((await serverAnswers(this.state.address, 1_000)) && isOwn(service.pid, port)) return port;
        if (this.stopping) throw new Error('stopped while the Temporal server was starting');
        if (Date.now() > until) break;
        await sleep(50);
      }
      const why = service.state.lastEnd ?? 'no answer';
      if (round === SERVER_ROUNDS || Date.now() > until) {
        throw new Error(`the Temporal server does not come up (${why}); see ${this.files.log('temporal')}`);
      }
      await service.stop(GRACE_MS);
      this.services.pop();
      if (await isFree(port)) continue;
      if (this.options.port !== 0) throw portTaken(port);
      port = await freePort(0);
    }
  }

  private serverService(command: string, database: string, port: number, ports: HttpPorts): Service {
    const env = serviceEnvironment('Temporal server', this.files);
    return temporalServer({ command, database, port, ports, env, log: this.files.log('temporal') });
  }

  private setAddress(port: number, ports: HttpPorts, pid: number | null): void {
    this.state.address = `127.0.0.1:${port}`;
    this.state.ports = ports;
    this.setServer(pid);
    this.write();
  }

  private setServer(pid: number | null): void {
    if (pid === this.state.serverPid) return;
    this.state.serverPid = pid;
    this.state.serverIdentity = pid === null ? null : identityOf(pid);
  }

  /** People reach the UI through here; the same port as before keeps what is open in their browsers. */
  private async openGate(before: LocalState | null, serverPort: number): Promise<void> {
    const upstream = this.state.ports?.ui ?? null;
    if (upstream === null) return;
    let port = await freePort(portOf(before?.ui) ?? serverPort + 1000);
    // a supervisor that was killed left its token in browsers
    if (before?.uiToken) this.state.uiToken = before.uiToken;
    const { uiToken: token } = this.state;
    try {
      this.gate = await openUiGate({ port, upstream, token });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error;
      port = await freePort(0); // another one took it a moment ago
      this.gate = await openUiGate({ port, upstream, token });
    }
    this.state.ui = `http://127.0.0.1:${port}`;
    this.write();
  }

  /** Workers first, the GPU worker before all others because its trainer has something to save; the server last. */
  private async stop(): Promise<void> {
    const server = this.services.find((service) => service.state.name === 'temporal');
    const gpu = this.services.find((service) => service.state.name === 'gpu-worker');
    const others = this.services.filter((service) => service !== server && service !== gpu);
    await gpu?.stop(GPU_GRACE_MS);
    await Promise.all(others.map((service) => service.stop(GRACE_MS)));
    this.gate?.close();
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
    if (server) this.setServer(server.pid);
    this.files.writeState(this.state);
  }
}

/** Whether the server that answers on the port is this process; where the system does not say, that it lives has to do. */
function isOwn(pid: number | null, port: number): boolean {
  return pid !== null && (listensOn(pid, port) ?? isRunning(pid));
}

function portTaken(port: number): Error {
  return new Error(`port ${port} is in use by another program; choose one with --port, or leave it out`);
}

function portOf(address: string | null | undefined): number | undefined {
  const port = Number(address?.split(':').at(-1));
  return Number.isInteger(port) && port > 0 ? port : undefined;
}

/**
 * What a service is given of the supervisor's environment. Whatever that or a profile says of some other Temporal server is
 * not meant for the embedded one.
 */
export function serviceEnvironment(
  kind: ProcessName,
  files: LocalFiles,
  env: NodeJS.ProcessEnv = process.env,
): NodeJS.ProcessEnv {
  const kept = Object.entries(environmentFor(kind, env)).filter(
    ([name]) => !name.startsWith('TEMPORAL_') && !OF_WORKERS_ALONE.includes(name),
  );
  // a file that is not there means no profiles; without a name, the person's own default profile would be read
  const noProfiles = join(databaseFolder(files), 'no-profiles.toml');
  return {
    ...Object.fromEntries(kept),
    TEMPORAL_CONFIG_FILE: noProfiles,
    FLAMINGO_HOME: files.data,
    FLAMINGO_EMBEDDED: '1',
  };
}

/**
 * When a worker ends, and where it serves metrics, is for the supervisor, or could hold for one of several workers only. To
 * workers of a deployment a server gives nothing until somebody makes their build the current one, and a GPU worker on another
 * queue would leave the work of this server's experiments undone.
 */
const OF_WORKERS_ALONE = [
  'FLAMINGO_GPU_QUEUE',
  'FLAMINGO_EXIT_WHEN_IDLE',
  'FLAMINGO_SPOT',
  'FLAMINGO_METRICS',
  'FLAMINGO_DEPLOYMENT',
  'FLAMINGO_BUILD_ID',
];

/** Which program the judge worker of an account is, as far as its environment goes. */
export function judgeProcess(account: string): 'judge worker' | 'judge worker of Claude' {
  return account === 'stand-in' || isEndpointAccount(account) ? 'judge worker' : 'judge worker of Claude';
}

/** The variables of `env` that judge workers of these accounts are given by name: the key of an OpenAI-compatible server. */
export function judgeVariables(env: NodeJS.ProcessEnv, accounts: readonly string[]): NodeJS.ProcessEnv {
  const names = accounts.flatMap(variablesOfAccount);
  return Object.fromEntries(Object.entries(env).filter(([name]) => names.includes(name) && !/^(AWS|OTEL)_/.test(name)));
}

/** Judges' keys, which go to judge workers alone, whatever is asked for by name. */
const JUDGE_KEYS = ['ANTHROPIC_API_KEY', OPENAI_KEY_VARIABLE];

/** Those variables of `env` that have one of these names, for trainers of experiments' own; keys of the judge, the store and the collector are none. */
export function valuesOf(env: NodeJS.ProcessEnv, names: readonly string[]): NodeJS.ProcessEnv {
  return Object.fromEntries(
    Object.entries(env).filter(
      ([name]) => names.includes(name) && !JUDGE_KEYS.includes(name) && !/^(AWS|OTEL)_/.test(name),
    ),
  );
}

function databaseFolder(files: LocalFiles): string {
  return join(files.data, 'temporal');
}

/** Process id of a Temporal server of this data folder that outlived its supervisor, which wrote `last`. */
export function orphanServer(files: LocalFiles, last: LocalState | null): number | null {
  if (last === null) return null;
  // version 0.1.0 wrote no identity, and started the server with the database's whole path
  if (last.serverIdentity === undefined) {
    const pid = last.serverPid;
    return pid !== null && wasStartedWith(pid, join(databaseFolder(files), DATABASE_FLAG[1])) ? pid : null;
  }
  const pid = last.serverIdentity === null ? null : processOf(last.serverIdentity);
  return pid !== null && wasStartedWith(pid, DATABASE_FLAG.join(' ')) ? pid : null;
}
