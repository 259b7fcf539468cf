/**
 * What a round runs on: a Temporal server, on a file database or on PostgreSQL (production-server.ts), the stand-in judge, and two workers of each kind, each on a
 * host of its own (network.ts) behind links of its own (link.ts). They are started by their main files as on separate
 * machines, and again when they end, as a cluster's manager would do it.
 *
 * Another server or store takes the place of `temporal` or `disk` here; kinds of fault reach all of them through what they have
 * in common: a process that can be killed, and a place that can be full.
 */
import { randomBytes } from 'node:crypto';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from '@temporalio/client';
import { freePort } from '../../cli/local/ports';
import { Service } from '../../cli/local/service';
import { databaseName, temporalServer } from '../../cli/local/temporal-server';
import { environmentFor } from '../../tools/environments.cjs';
import { prepareNamespace, serverAnswers } from '../../workers/namespace';
import { installationRoot } from '../../workers/places';
import { temporalPath } from '../../workers/toolchain';
import { withClient } from '../client';
import { Clock } from './clock';
import { Disk } from './disk';
import type { Ground } from './ground';
import { CHECKPOINT_EVERY } from './experiment';
import { Link } from './link';
import type { Network } from './network';
import { ObjectStorage } from './object-storage';
import { productionServer } from './production-server';
import { writeTellingPython } from './telling-python';

const READY_MS = 120_000;
const GRACE_MS = 60_000;
const LOOPBACK = '127.0.0.1';
/** Of the stand-in's model, milliseconds: a judge that is fast enough to be hit seldom would be no test. */
const LATENCY = '400-1200';

/** Two workers of each kind, by the names of their hosts. */
export const WORKERS = {
  orchestration: ['orchestration-1', 'orchestration-2'],
  judge: ['judge-1', 'judge-2'],
  gpu: ['gpu-1', 'gpu-2'],
} as const;
export const HOSTS = Object.values(WORKERS).flat();

export interface WorkerOnHost {
  service: Service;
  toTemporal: Link;
  toJudge: Link;
  /** Null: its store is a folder. */
  toStore: Link | null;
  /** Null: it is the machine's. */
  clock: Clock | null;
}

export class Deployment {
  readonly disk: Disk;
  readonly objects: ObjectStorage | null;
  /** What is in the environment of a worker, and must be found in no history, log or stored file. */
  readonly secrets = [`sk-ant-${random()}`, `hf_${random()}`, random()];
  /** Interpreter for the trainer. */
  private readonly python: string;
  private readonly databasePassword = random();
  private readonly workers = new Map<string, WorkerOnHost>();
  private temporalService: Service | null = null;
  private databaseService: Service | null = null;
  private standInService: Service | null = null;
  private temporalPort = 0;
  private standInPort = 0;
  private stopped = false;

  /** Starts nothing yet. `network` null: all workers are plain processes of this machine. */
  constructor(
    /** Everything of the round lies here. */
    readonly folder: string,
    readonly network: Network | null,
    readonly ground: Ground,
    /** Whether a fault is to set workers' clocks. */
    private readonly clocks: boolean,
  ) {
    for (const name of ['logs', 'temporal', 'run']) mkdirSync(join(folder, name), { recursive: true });
    writeFileSync(join(folder, 'run', 'secret'), randomBytes(32), { mode: 0o600 });
    this.python = writeTellingPython(folder);
    this.disk = Disk.make(join(folder, 'store'));
    this.objects = ground.store === 's3' ? new ObjectStorage(this.disk.path, this.log('s3')) : null;
    if (this.objects !== null) this.secrets.push(this.objects.secret);
    if (ground.server === 'postgresql') this.secrets.push(this.databasePassword);
  }

  /** Returns when the server answers and all processes have been started. */
  async start(): Promise<void> {
    this.temporalPort = await freePort(0);
    this.standInPort = await freePort(0);
    await this.objects?.start(await freePort(0));
    this.temporalService = this.ground.server === 'postgresql' ? await this.serverOnPostgresql() : await this.server();
    this.temporalService.start();
    this.standInService = this.judge();
    this.standInService.start();
    await untilReady('the Temporal server', () => serverAnswers(this.address, 1_000));
    await untilReady('the stand-in judge', async () => (await fetch(`${this.judgeUrl}/healthz`)).ok);
    await prepareNamespace({ connection: { address: this.address }, namespace: 'default', retention: false });
    for (const host of HOSTS) await this.addWorker(host);
    for (const { service } of this.workers.values()) service.start();
  }

  get address(): string {
    return `${LOOPBACK}:${this.temporalPort}`;
  }

  get ledger(): string {
    return join(this.folder, 'ledger.jsonl');
  }

  /** Where stored files lie, whatever the store is: relative paths below it are those of a store in a folder. */
  get storedFiles(): string {
    return this.objects?.files ?? this.disk.path;
  }

  get temporal(): Service {
    return there(this.temporalService, 'Temporal server');
  }

  /** Null: the server has no database of its own to be hit. */
  get database(): Service | null {
    return this.databaseService;
  }

  get standIn(): Service {
    return there(this.standInService, 'stand-in judge');
  }

  worker(host: string): WorkerOnHost {
    return there(this.workers.get(host) ?? null, host);
  }

  /** Process ids of all services that run. */
  pids(): number[] {
    const workers = [...this.workers.values()].map(({ service }) => service);
    const servers = [this.temporalService, this.databaseService, this.standInService, this.objects?.service ?? null];
    return [...servers, ...workers].flatMap((service) => service?.pid ?? []);
  }

  private links(): Link[] {
    return [...this.workers.values()].flatMap(({ toTemporal, toJudge, toStore }) => [
      toTemporal,
      toJudge,
      ...(toStore === null ? [] : [toStore]),
    ]);
  }

  /** The environment of commands. */
  get clientEnvironment(): NodeJS.ProcessEnv {
    return { ...this.environment('client'), TEMPORAL_ADDRESS: this.address, ...this.storeEnvironment(null) };
  }

  /** The stand-in's own routes. */
  async control(method: 'GET' | 'POST' | 'DELETE', path: string, body?: unknown): Promise<unknown> {
    const reply = await fetch(`${this.judgeUrl}${path}`, {
      method,
      headers: { 'x-control-token': this.secrets[2] as string },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    if (!reply.ok) throw new Error(`the stand-in answered ${reply.status}: ${await reply.text()}`);
    return reply.json();
  }

  withClient<T>(use: (client: Client) => Promise<T>): Promise<T> {
    return withClient(this.address, use);
  }

  /** Nothing is left on the host's disk. */
  emptyHost(host: string): void {
    rmSync(this.homeOf(host), { recursive: true, force: true });
    mkdirSync(join(this.homeOf(host), 'logs'), { recursive: true });
  }

  /** Ends the workers, in the way that lets them save, and returns when they have ended. */
  async stopWorkers(): Promise<void> {
    await Promise.all([...this.workers.values()].map(({ service }) => service.stop(GRACE_MS)));
  }

  /** Ends everything; calling it again does nothing. */
  async stop(): Promise<void> {
    if (this.stopped) return;
    this.stopped = true;
    await this.stopWorkers();
    await this.temporalService?.stop(GRACE_MS);
    await this.databaseService?.stop(GRACE_MS);
    await this.standInService?.stop(GRACE_MS);
    await this.objects?.service.stop(GRACE_MS);
    await Promise.all(this.links().map((link) => link.close()));
  }

  private get judgeUrl(): string {
    return `http://${LOOPBACK}:${this.standInPort}`;
  }

  private async server(): Promise<Service> {
    const { path: command, serverVersion } = temporalPath();
    return temporalServer({
      command,
      database: join(this.folder, 'temporal', databaseName(serverVersion)),
      port: this.temporalPort,
      ports: { http: await freePort(0), metrics: await freePort(0), ui: null },
      env: environmentFor('Temporal server', process.env),
      log: this.log('temporal'),
    });
  }

  /** Its database runs when this returns. */
  private serverOnPostgresql(): Promise<Service> {
    return productionServer({
      folder: this.folder,
      port: this.temporalPort,
      password: this.databasePassword,
      log: (name) => this.log(name),
      started: (database) => (this.databaseService = database),
    });
  }

  private judge(): Service {
    const args = ['--port', String(this.standInPort), '--ledger', this.ledger, '--latency', LATENCY];
    return new Service({
      name: 'stand-in',
      command: process.execPath,
      args: [join(installationRoot(), 'dist', 'stand-in', 'main.js'), ...args],
      env: { ...environmentFor('helper', process.env), FLAMINGO_STAND_IN_TOKEN: this.secrets[2] },
      log: this.log('stand-in'),
      watchesParent: true,
      privateFiles: true,
    });
  }

  private async addWorker(host: string): Promise<void> {
    const [kind] = host.split('-') as [string];
    const here = this.network?.hub ?? LOOPBACK;
    const toTemporal = await Link.open(here, { host: LOOPBACK, port: this.temporalPort });
    const toJudge = await Link.open(here, { host: LOOPBACK, port: this.standInPort });
    const toStore = this.objects === null ? null : await Link.open(here, { host: LOOPBACK, port: this.objects.port });
    const clock = this.clocks ? new Clock(join(this.folder, 'run', `${host}-clock`)) : null;
    const start = [...(this.network?.host(host) ?? []), process.execPath];
    const [command, ...before] = start as [string, ...string[]];
    const service = new Service({
      name: host,
      command,
      args: [...before, join(installationRoot(), 'dist', 'workers', `${kind}.js`)],
      folder: this.folder,
      env: {
        ...this.environment(host),
        ...clock?.environment,
        TEMPORAL_ADDRESS: toTemporal.address,
        ...this.storeEnvironment(toStore),
        ...(kind === 'orchestration' ? { FLAMINGO_RESULTS: join(this.folder, 'workers-results') } : {}),
        ...(kind === 'judge'
          ? {
              FLAMINGO_JUDGE_ACCOUNT: 'stand-in',
              FLAMINGO_STAND_IN_URL: `http://${toJudge.address}`,
              ANTHROPIC_API_KEY: this.secrets[0],
            }
          : {}),
        ...(kind === 'gpu'
          ? {
              FLAMINGO_CHECKPOINT_EVERY_STEPS: String(CHECKPOINT_EVERY),
              FLAMINGO_THREADS: '1',
              OMP_NUM_THREADS: '1', // two on two busy cores spin more than they compute
              HF_TOKEN: this.secrets[1],
            }
          : {}),
      },
      log: this.log(host),
      watchesParent: true,
      privateFiles: false,
    });
    this.workers.set(host, { service, toTemporal, toJudge, toStore, clock });
  }

  /** Through a link, or directly. */
  private storeEnvironment(link: Link | null): NodeJS.ProcessEnv {
    return this.objects?.environment(link?.address) ?? { FLAMINGO_STORE: this.disk.path };
  }

  /** Nothing of the person's own settings, no proxy and no key, and a data folder of the host's own. */
  private environment(host: string): NodeJS.ProcessEnv {
    mkdirSync(join(this.homeOf(host), 'logs'), { recursive: true });
    return {
      ...environmentFor('helper', process.env),
      NO_COLOR: '1',
      FLAMINGO_CACHE: join(this.homeOf(host), 'cache'),
      FLAMINGO_TRAINER_PYTHON: this.python,
      TEMPORAL_CONFIG_FILE: join(this.folder, 'run', 'no-profiles.toml'),
      FLAMINGO_HOME: this.homeOf(host),
      FLAMINGO_SECRET_FILE: join(this.folder, 'run', 'secret'),
    };
  }

  private homeOf(host: string): string {
    return join(this.folder, 'hosts', host);
  }

  private log(name: string): string {
    return join(this.folder, 'logs', `${name}.log`);
  }
}

function random(): string {
  return randomBytes(16).toString('hex');
}

function there<T>(value: T | null, name: string): T {
  if (value === null) throw new Error(`there is no ${name}: the deployment was not started`);
  return value;
}

async function untilReady(what: string, ready: () => Promise<boolean>): Promise<void> {
  const until = Date.now() + READY_MS;
  while (!(await ready().catch(() => false))) {
    if (Date.now() > until) throw new Error(`${what} did not come up in ${READY_MS / 1000} s`);
    await sleep(50);
  }
}
