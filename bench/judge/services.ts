/**
 * Flamingo's own processes for a benchmark: the Temporal server on a SQLite file, the orchestration worker, and as many
 * judge workers as are wanted, all for the one stand-in of the session. They are started, and restarted when they die, by
 * the same code and with the same flags as those that `flamingo run` embeds (cli/local/supervisor.ts), which itself
 * would start a stand-in of its own.
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from '@temporalio/client';
import { environmentFor, type ProcessName } from '../../tools/environments.cjs';
import { heapOption } from '../../workers/heap';
import { installationRoot } from '../../workers/places';
import { temporalPath } from '../../workers/toolchain';
import { httpPorts } from '../../cli/local/http-ports';
import { freePort } from '../../cli/local/ports';
import { Service } from '../../cli/local/service';
import { temporalServer } from '../../cli/local/temporal-server';
import { judgeQueue, ORCHESTRATION_QUEUE } from '../../workflows/messages';
import { prepareNamespace, serverAnswers } from '../../workers/namespace';
import { pidOf } from '../../workers/peers';
import { withClient } from '../client';
import { cpuSecondsOf, peakRssMbOf } from '../process';

const READY_MS = 60_000;
const GRACE_MS = 15_000;
const ENHANCED_MODE = 1;
const WORKFLOW_QUEUE_KIND = 1;
const ACTIVITY_QUEUE_KIND = 2;

export interface ServicesOptions {
  /** Store, database and logs. */
  folder: string;
  standInUrl: string;
  judgeWorkers: number;
  /** Default: the stand-in's own. */
  account?: string;
}

export class FlamingoServices {
  /** From `start` until every worker polled. */
  startedInMs = NaN;

  private constructor(
    private readonly server: Service,
    private readonly orchestration: Service,
    readonly judges: readonly Service[],
    private readonly address: string,
    private readonly account: string,
    /** The environment of commands, which submit to this server and share this store. */
    readonly env: NodeJS.ProcessEnv,
  ) {}

  /** Starts nothing yet. */
  static async prepare({
    folder,
    standInUrl,
    judgeWorkers,
    account = 'stand-in',
  }: ServicesOptions): Promise<FlamingoServices> {
    const data = join(folder, '.flamingo');
    for (const name of ['logs', 'temporal', 'store']) mkdirSync(join(data, name), { recursive: true });
    const address = `127.0.0.1:${await freePort(0)}`;
    const env = environment(data, address, standInUrl);
    const worker = (kind: ProcessName, name: string, script: string, more: NodeJS.ProcessEnv = {}): Service =>
      new Service({
        name,
        command: process.execPath,
        args: [...heapOption(kind), join(installationRoot(), 'dist', 'workers', script)],
        env: { ...environmentFor(kind, env), ...more },
        log: join(data, 'logs', `${name}.log`),
        watchesParent: true,
        privateFiles: false,
      });
    const judges = Array.from({ length: judgeWorkers }, (_, index) =>
      worker('judge worker', `judge-${index + 1}`, 'judge.js', { FLAMINGO_JUDGE_ACCOUNT: account }),
    );
    const orchestration = worker('orchestration worker', 'orchestration', 'orchestration.js');
    return new FlamingoServices(
      await temporalService(data, address, environmentFor('Temporal server', env)),
      orchestration,
      judges,
      address,
      account,
      env,
    );
  }

  /** Returns when every worker polls. */
  async start(): Promise<void> {
    const began = performance.now();
    this.server.start();
    await untilReady('the Temporal server', () => serverAnswers(this.address, 1_000));
    await prepareNamespace({ connection: { address: this.address }, namespace: 'default', retention: false });
    for (const service of [this.orchestration, ...this.judges]) service.start();
    await this.untilPolling();
    this.startedInMs = performance.now() - began;
  }

  /** Waits until as many processes poll as there should be. */
  async untilPolling(): Promise<void> {
    await untilReady('the workers', () =>
      this.withClient(async ({ workflowService }) => {
        // of all partitions: the plain mode names the pollers of one, which are few where there are many workers
        const pollers = async (name: string, type: number): Promise<number> => {
          const found = await workflowService.describeTaskQueue({
            namespace: 'default',
            taskQueue: { name },
            apiMode: ENHANCED_MODE,
            taskQueueTypes: [type],
            reportPollers: true,
          });
          const alive = new Set([this.orchestration, ...this.judges].map(({ pid }) => pid));
          const polling = Object.values(found.versionsInfo ?? {}).flatMap((version) =>
            Object.values(version.typesInfo ?? {}).flatMap((info) => info.pollers ?? []),
          );
          const pids = polling.map(({ identity }) => pidOf(identity ?? ''));
          return new Set(pids.filter((pid) => pid !== null && alive.has(pid))).size;
        };
        const orchestrating = await pollers(ORCHESTRATION_QUEUE, WORKFLOW_QUEUE_KIND);
        const judging = await pollers(judgeQueue(this.account), ACTIVITY_QUEUE_KIND);
        return orchestrating > 0 && judging >= this.judges.length;
      }),
    );
  }

  withClient<T>(use: (client: Client) => Promise<T>): Promise<T> {
    return withClient(this.address, use);
  }

  /** Process ids of all services that run. */
  pids(): number[] {
    return [this.server, this.orchestration, ...this.judges].flatMap(({ pid }) => pid ?? []);
  }

  /** Seconds of CPU time of all services so far. */
  cpuSeconds(): number | null {
    const each = this.pids().map(cpuSecondsOf);
    return each.includes(null) ? null : each.reduce<number>((sum, seconds) => sum + (seconds ?? 0), 0);
  }

  /** Peak memory of the judge worker that used most. */
  judgePeakRssMb(): number | null {
    const each = this.judges.flatMap(({ pid }) => (pid === null ? [] : (peakRssMbOf(pid) ?? [])));
    return each.length === 0 ? null : Math.max(...each);
  }

  async stop(): Promise<void> {
    await Promise.all([this.orchestration, ...this.judges].map((service) => service.stop(GRACE_MS)));
    await this.server.stop(GRACE_MS);
  }
}

/** Whatever the environment says of another Temporal server, of keys or of a store is not meant for a benchmark. */
function environment(data: string, address: string, standInUrl: string): NodeJS.ProcessEnv {
  const kept = Object.entries(environmentFor('supervisor', process.env)).filter(
    ([name]) => !/^(TEMPORAL_(?!CLI_PATH)|FLAMINGO_)/.test(name),
  );
  return {
    ...Object.fromEntries(kept),
    ...(process.env['FLAMINGO_CACHE'] === undefined ? {} : { FLAMINGO_CACHE: process.env['FLAMINGO_CACHE'] }),
    TEMPORAL_CONFIG_FILE: join(data, 'temporal', 'no-profiles.toml'),
    TEMPORAL_ADDRESS: address,
    FLAMINGO_HOME: data,
    FLAMINGO_STAND_IN_URL: standInUrl,
  };
}

async function temporalService(data: string, address: string, env: NodeJS.ProcessEnv): Promise<Service> {
  const { path: command, serverVersion } = temporalPath();
  const port = Number(address.split(':').at(-1));
  const database = join(data, 'temporal', `server-${serverVersion}.db`);
  const log = join(data, 'logs', 'temporal.log');
  return temporalServer({ command, database, port, ports: { ...(await httpPorts()), ui: null }, env, log });
}

async function untilReady(what: string, ready: () => Promise<boolean>): Promise<void> {
  const until = Date.now() + READY_MS;
  while (!(await ready().catch(() => false))) {
    if (Date.now() > until) throw new Error(`${what} did not come up in ${READY_MS / 1000} s`);
    await sleep(50);
  }
}
