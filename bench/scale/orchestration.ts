/**
 * `npm run bench -- orchestration`: how fast Temporal and the workflows get through an experiment whose work takes no
 * time, beside the server's own rate of activities that do nothing, before and after in the same run.
 *
 * A configuration of 16 cells is 65 pieces of work: a fine-tune, and of each cell generating, cutting, judging and
 * publishing. The raw rate is that of 32 workflows, each with one instant activity after the other.
 */
import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { Client, Connection } from '@temporalio/client';
import { environmentFor } from '../../tools/environments.cjs';
import { freePort } from '../../cli/local/ports';
import { httpPorts } from '../../cli/local/http-ports';
import { Service } from '../../cli/local/service';
import { temporalServer } from '../../cli/local/temporal-server';
import { prepareNamespace, serverAnswers } from '../../workers/namespace';
import { installationRoot } from '../../workers/places';
import { clientOptions } from '../../workers/temporal-connection';
import { temporalPath } from '../../workers/toolchain';
import { ORCHESTRATION_QUEUE } from '../../workflows/messages';
import { productionServer, productionServerPossible } from '../faults/production-server';
import { describeMachine } from '../machine';
import { peakRssMbOf } from '../process';
import { atLeast, atMost, row, type Row } from '../rows';
import { textTable } from '../tables';
import { CELLS } from './experiment';
import { requestOf } from './instant-activities';
import { RAW_QUEUE } from './queues';

const USAGE = `usage: npm run bench -- orchestration [--configurations N] [--cells N] [--parallel N]
                                        [--raw N] [--postgresql | --address HOST:PORT] [--json]

  --configurations  default 500
  --cells           of each configuration; default ${CELLS}
  --parallel        configurations at once; default 8
  --raw             activities of each raw measurement; default 3200
  --postgresql      the production server on a PostgreSQL of its own (node tools/services.mjs builds it)
  --address         a server that runs already; default: the embedded one, on SQLite`;

const RAW_WORKFLOWS = 32;

interface Options {
  configurations: number;
  cells: number;
  parallel: number;
  raw: number;
  address: string | undefined;
  postgresql: boolean;
  json: boolean;
}

export async function runOrchestrationBenchmark(args: string[]): Promise<number> {
  const options = parse(args);
  if (options === null) {
    console.error(USAGE);
    return 2;
  }
  const folder = mkdtempSync(join(tmpdir(), 'flamingo-bench-'));
  const services: Service[] = [];
  try {
    const start = options.postgresql ? startOnPostgresql : startEmbedded;
    const address = options.address ?? (await start(folder, services));
    await prepareNamespace({ connection: { address }, namespace: 'default', retention: false });
    const workers = ['orchestration', 'gpu', 'judge', 'raw'].map((kind) => worker(kind, address, folder));
    services.push(...workers);
    for (const each of workers) each.start();
    const connection = await Connection.connect(clientOptions({ address }, process.env));
    const rows = await measure(new Client({ connection }), options, () => workers[0]?.pid ?? null);
    await connection.close();
    const machine = describeMachine({ Temporal: temporalPath().serverVersion });
    if (options.json) console.log(JSON.stringify({ benchmark: 'orchestration', machine, options, rows }));
    else console.log(textTable(rows));
    return 0;
  } finally {
    for (const each of services.reverse()) await each.stop(15_000);
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  }
}

async function measure(client: Client, options: Options, orchestrationPid: () => number | null): Promise<Row[]> {
  const { configurations, cells, parallel } = options;
  const workOfOne = 1 + 4 * cells;
  /** The rest is done within workflow tasks. */
  const activitiesOfOne = 1 + 2 * cells;
  await rawRate(client, RAW_WORKFLOWS); // until all workers are there and warm
  const before = await rawRate(client, options.raw);
  const name = `bench-${Date.now()}`;
  const started = performance.now();
  const request = requestOf({ name, configurations, cells, parallel });
  await client.workflow.execute('experiment', { workflowId: name, taskQueue: ORCHESTRATION_QUEUE, args: [request] });
  const seconds = (performance.now() - started) / 1000;
  const peak = orchestrationPid() === null ? null : peakRssMbOf(orchestrationPid() as number);
  const after = await rawRate(client, options.raw);
  const { parents, children } = await historyLengths(client, name, configurations + 1);
  const raw = (before + after) / 2;
  const rate = (configurations * workOfOne) / seconds;
  return [
    row('share of the raw activity rate', (100 * rate) / raw, '%', { bar: atLeast(60) }),
    row(
      'share of the raw activity rate, counting only what is an activity to the server',
      (100 * rate * activitiesOfOne) / workOfOne / raw,
      '%',
    ),
    row('work', rate, '/s', { note: 'fine-tunes, and of each cell generating, cutting, judging, publishing' }),
    row('raw activities, before', before, '/s'),
    row('raw activities, after', after, '/s'),
    row('time', seconds, 's'),
    row('time a configuration', seconds / configurations, 's'),
    row('events of the longest run of the experiment', Math.max(...parents), '', { bar: atMost(2_000) }),
    row('runs of the experiment', parents.length, ''),
    row('events of the longest configuration', Math.max(...children), '', { bar: atMost(1_000) }),
    ...(peak === null ? [] : [row('orchestration worker: peak memory', peak, 'MB', { bar: atMost(500) })]),
  ];
}

/** Activities a second. */
async function rawRate(client: Client, activities: number): Promise<number> {
  const each = Math.ceil(activities / RAW_WORKFLOWS);
  const started = performance.now();
  await Promise.all(
    Array.from({ length: RAW_WORKFLOWS }, (_, index) =>
      client.workflow.execute('raw', {
        workflowId: `raw-${Date.now()}-${index}`,
        taskQueue: RAW_QUEUE,
        args: [each],
      }),
    ),
  );
  return (each * RAW_WORKFLOWS) / ((performance.now() - started) / 1000);
}

/** Of all runs. Visibility may lag behind: waits until it has as many workflows as there must be. */
async function historyLengths(
  client: Client,
  name: string,
  least: number,
): Promise<{ parents: number[]; children: number[] }> {
  for (let attempt = 1; ; attempt++) {
    const parents: number[] = [];
    const children: number[] = [];
    for await (const { workflowId, historyLength } of client.workflow.list({
      query: `FlamingoExperiment = "${name}" AND ExecutionStatus != "Running"`,
    })) {
      (workflowId === name ? parents : children).push(historyLength);
    }
    if (parents.length + children.length >= least || attempt === 20) return { parents, children };
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
}

/** The server as `flamingo run` embeds it; returns its address. */
async function startEmbedded(folder: string, services: Service[]): Promise<string> {
  const { path: command, serverVersion } = temporalPath();
  mkdirSync(join(folder, 'temporal'));
  const port = await freePort(0);
  const env = environmentFor('Temporal server', process.env);
  const database = join(folder, 'temporal', `server-${serverVersion}.db`);
  const log = join(folder, 'temporal.log');
  const server = temporalServer({ command, database, port, ports: { ...(await httpPorts()), ui: null }, env, log });
  return started(server, services, port);
}

/** The server of docker-compose.yml with its database; returns its address. */
async function startOnPostgresql(folder: string, services: Service[]): Promise<string> {
  if (!productionServerPossible())
    throw new Error('the production server is not built (`node tools/services.mjs`), or there is no PostgreSQL');
  const port = await freePort(0);
  const server = await productionServer({
    folder,
    port,
    password: randomBytes(16).toString('hex'),
    log: (name) => join(folder, `${name}.log`),
    started: (database) => services.push(database),
  });
  return started(server, services, port);
}

async function started(server: Service, services: Service[], port: number): Promise<string> {
  services.push(server);
  server.start();
  const address = `127.0.0.1:${port}`;
  const until = Date.now() + 60_000;
  while (!(await serverAnswers(address, 1_000))) {
    if (Date.now() > until) throw new Error('the Temporal server did not come up in 60 s');
  }
  return address;
}

function worker(kind: string, address: string, folder: string): Service {
  return new Service({
    name: kind,
    command: process.execPath,
    args: [join(installationRoot(), 'dist', 'bench', 'scale', 'instant-worker.js'), kind],
    env: { ...environmentFor('orchestration worker', process.env), TEMPORAL_ADDRESS: address },
    log: join(folder, `${kind}.log`),
    watchesParent: true,
    privateFiles: false,
  });
}

function parse(args: string[]): Options | null {
  try {
    const { values } = parseArgs({
      args,
      options: {
        configurations: { type: 'string', default: '500' },
        cells: { type: 'string', default: String(CELLS) },
        parallel: { type: 'string', default: '8' },
        raw: { type: 'string', default: '3200' },
        address: { type: 'string' },
        postgresql: { type: 'boolean', default: false },
        json: { type: 'boolean', default: false },
      },
    });
    const numbers = [values.configurations, values.cells, values.parallel, values.raw].map(Number);
    if (!numbers.every((value) => Number.isInteger(value) && value > 0)) return null;
    const [configurations = 0, cells = 0, parallel = 0, raw = 0] = numbers;
    const { address, postgresql, json } = values;
    if (postgresql && address !== undefined) return null;
    return { configurations, cells, parallel, raw, address, postgresql, json };
  } catch {
    return null;
  }
}
