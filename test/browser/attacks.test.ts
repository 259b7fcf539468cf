/**
 * What web pages and other local clients can do to the embedded services: nothing. A page of a foreign origin, and a page whose
 * name was pointed at this machine while it was open (DNS rebinding), try every port that any service listens on; a client
 * of Temporal's gRPC without the owner's secret asks for commands, files, addresses and folders. The same pages do get through to
 * an unprotected development server, which shows that the attacks are real.
 */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client, Connection, type WorkflowFailedError } from '@temporalio/client';
import type { Browser, Page } from 'playwright-core';
import { BANNED_PORTS } from '../../cli/local/http-ports';
import { LocalFiles, type LocalState } from '../../cli/local/state';
import { freePort } from '../../cli/local/ports';
import { uiLine } from '../../cli/local/ui-gate';
import { rowsText } from '../../experiment/expand/dataset';
import { serverAnswers } from '../../workers/namespace';
import { installationRoot } from '../../workers/places';
import { temporalPath } from '../../workers/toolchain';
import { launchBrowser } from '../support/chromium';
import { until } from '../support/until';
import { birds, SMALL, weatherFile } from '../unit/experiment/samples';

const ATTEMPT = readFileSync(join(installationRoot(), 'test', 'support', 'page-attempt.mjs'), 'utf8').replace(
  /^[^]*?(?=async function)/,
  '',
);
const VICTIM = 'victim-of-attacks';
const API = '/api/v1/namespaces/default/workflows';
const START = JSON.stringify({ workflowType: { name: 'experiment' }, taskQueue: { name: 'flamingo' } });

let folder: string;
let outside: string;
let marker: string;
let state: LocalState;
let ports: number[];
let browser: Browser;
let foreign: Page;
let client: Client;
let visited: string[];
let site: Server;
let open: ChildProcess;
const reboundPages = new Map<number, Promise<Page | null>>();
let openPorts: { grpc: number; http: number; ui: number };

function flamingo(words: string[], env: NodeJS.ProcessEnv = {}): string {
  const command = [join(installationRoot(), 'bin', 'flamingo.js'), ...words];
  const { status, stdout, stderr } = spawnSync(process.execPath, command, {
    cwd: folder,
    env: { ...process.env, FLAMINGO_HOME: join(folder, '.flamingo'), ANTHROPIC_API_KEY: '', ...env },
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(`flamingo ${words.join(' ')}: ${status}\n${stderr}`);
  return stdout;
}

/** TCP ports that processes listen on, from /proc. */
function listening(pids: number[]): number[] {
  const inodes = new Set(
    pids.flatMap((pid) =>
      readdirSync(`/proc/${pid}/fd`).flatMap((fd) => {
        try {
          return /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/${pid}/fd/${fd}`))?.[1] ?? [];
        } catch {
          return []; // closed meanwhile
        }
      }),
    ),
  );
  const rows = ['tcp', 'tcp6'].flatMap((table) =>
    readFileSync(`/proc/net/${table}`, 'utf8').trim().split('\n').slice(1),
  );
  const found = rows
    .map((row) => row.trim().split(/\s+/))
    .filter((row) => row[3] === '0A' && inodes.has(row[9] as string));
  return [...new Set(found.map((row) => Number.parseInt((row[1] as string).split(':')[1] as string, 16)))];
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'attacks-'));
  [outside, marker] = [join(folder, 'outside'), join(folder, 'marker')];
  mkdirSync(join(folder, 'mine'));
  mkdirSync(outside);
  folder = join(folder, 'mine');
  writeFileSync(join(folder, 'birds.jsonl'), rowsText(birds().rows));
  writeFileSync(join(folder, 'weather.yaml'), weatherFile());
  writeFileSync(join(folder, 'small.yaml'), SMALL);
  flamingo(['server', '--detach']);
  state = new LocalFiles(join(folder, '.flamingo')).liveState() as LocalState;
  const pids = [state.supervisor, ...state.services.flatMap(({ pid }) => pid ?? [])];
  const standIn = Number(state.standIn?.split(':').at(-1));
  for (ports = []; !ports.includes(standIn); await sleep(50)) ports = listening(pids);
  client = new Client({ connection: await Connection.connect({ address: state.address }) });
  await client.workflow.start('experiment', { workflowId: VICTIM, taskQueue: 'flamingo' });

  visited = [];
  site = createServer((request, response) => {
    visited.push(request.url ?? '');
    response.writeHead(200, { 'content-type': 'text/html' }).end('<!doctype html><title>x</title>');
  });
  await new Promise<void>((resolve) => site.listen(0, '127.0.0.1', resolve));
  browser = await launchBrowser(
    '--host-resolver-rules=MAP *.test 127.0.0.1',
    // a new Chromium keeps the rebound pages of this test from loopback by itself; what is tried here has to hold without
    '--disable-features=LocalNetworkAccessChecks,PrivateNetworkAccessChecks,BlockInsecurePrivateNetworkRequests',
  );
  foreign = await browser.newPage();
  await foreign.goto(`http://attacker.test:${(site.address() as AddressInfo).port}/`);

  openPorts = { grpc: await freePort(0), http: await freePort(0), ui: await freePort(0) };
  const { grpc, http, ui } = openPorts;
  const flags = ['--ip', '127.0.0.1', '--port', grpc, '--http-port', http, '--ui-port', ui, '--ui-disable-news-fetch'];
  open = spawn(temporalPath().path, ['server', 'start-dev', ...flags.map(String)], { stdio: 'ignore' });
  while (!(await serverAnswers(`127.0.0.1:${grpc}`, 500))) await sleep(50);
});

afterAll(async () => {
  open?.kill('SIGKILL');
  site?.close();
  try {
    await browser?.close();
    await client?.connection.close();
  } finally {
    flamingo(['stop']);
    rmSync(join(folder, '..'), { recursive: true });
  }
});

interface Try {
  how: 'fetch' | 'form' | 'frame' | 'picture' | 'script' | 'socket' | 'events' | 'beacon' | 'window';
  path: string;
  init?: {
    method?: string;
    body?: string;
    mode?: 'no-cors' | 'cors';
    headers?: Record<string, string>;
    credentials?: 'include';
  };
}

/** Makes the attempt in the page; what it could read, or '' where that was nothing. */
function attempt(page: Page, one: Try & { base: string }): Promise<string> {
  return page.evaluate(`(${ATTEMPT})(${JSON.stringify(one)})`);
}

/** A page that was open under its name while that was pointed at this machine; null where no browser opens that port. */
function rebound(port: number): Promise<Page | null> {
  const known = reboundPages.get(port);
  if (known !== undefined) return known;
  const made = openRebound(port);
  reboundPages.set(port, made);
  return made;
}

async function openRebound(port: number): Promise<Page | null> {
  const page = await browser.newPage();
  const address = `http://evil.test:${port}/its-own-page`;
  await page.route(address, (route) => route.fulfill({ contentType: 'text/html', body: '<!doctype html><body>' }));
  try {
    await page.goto(address);
    return page;
  } catch (error) {
    expect(String(error)).toContain('ERR_UNSAFE_PORT');
    await page.close();
    return null;
  }
}

/** What could be read of one port by the foreign page and by a rebound one. */
async function attack(port: number, one: Try): Promise<string[]> {
  const foreignTries = [`http://127.0.0.1:${port}`, `http://localhost:${port}`].map((base) =>
    attempt(foreign, { base, ...one }),
  );
  const page = await rebound(port);
  const read = [...(await Promise.all(foreignTries))];
  if (page !== null) {
    read.push(await attempt(page, { base: `http://evil.test:${port}`, ...one }));
  }
  return read.filter((text) => text !== '');
}

const plain = { 'content-type': 'text/plain' };
const json = { 'content-type': 'application/json' };
const id = (name: string): string => `${API}/attack-${name}`;
const onVictim = (action: string): string => `${API}/${VICTIM}/${action}`;

const ATTACKS: [string, Try][] = [
  [
    'start by a text/plain POST',
    { how: 'fetch', path: id('plain'), init: { method: 'POST', body: START, headers: plain } },
  ],
  [
    'start by a no-cors POST',
    { how: 'fetch', path: id('nocors'), init: { method: 'POST', body: START, mode: 'no-cors' } },
  ],
  ['start by a JSON POST', { how: 'fetch', path: id('json'), init: { method: 'POST', body: START, headers: json } }],
  [
    'start by a POST that claims an authorization, which the UI takes for no browser’s',
    {
      how: 'fetch',
      path: id('auth'),
      init: { method: 'POST', body: START, headers: { ...plain, authorization: 'Bearer x' } },
    },
  ],
  ['start by a form', { how: 'form', path: id('form') }],
  ['start by a beacon', { how: 'beacon', path: id('beacon'), init: { body: START } }],
  [
    'start under the short path',
    { how: 'fetch', path: '/namespaces/default/workflows/attack-short', init: { method: 'POST', body: START } },
  ],
  ['list workflows', { how: 'fetch', path: API }],
  ['list workflows with cookies', { how: 'fetch', path: API, init: { credentials: 'include' } }],
  ['list namespaces', { how: 'fetch', path: '/api/v1/namespaces' }],
  ['read a history', { how: 'fetch', path: onVictim('history') }],
  ['read settings', { how: 'fetch', path: '/api/v1/settings' }],
  ['read metrics', { how: 'fetch', path: '/metrics' }],
  ['read the page', { how: 'fetch', path: '/' }],
  ['read the description of the API', { how: 'fetch', path: '/api/v1/openapi' }],
  ['terminate', { how: 'fetch', path: onVictim('terminate'), init: { method: 'POST', body: '{}' } }],
  ['cancel', { how: 'fetch', path: onVictim('cancel'), init: { method: 'POST', body: '{}' } }],
  ['signal', { how: 'fetch', path: onVictim('signal/cancel'), init: { method: 'POST', body: '{}' } }],
  ['update', { how: 'fetch', path: onVictim('update/pause'), init: { method: 'POST', body: '{}' } }],
  ['a frame', { how: 'frame', path: API }],
  ['a picture', { how: 'picture', path: '/favicon.ico' }],
  ['a script', { how: 'script', path: '/_app/version.json' }],
  ['a web socket', { how: 'socket', path: '/' }],
  ['an event stream', { how: 'events', path: API }],
  ['a window', { how: 'window', path: API }],
  ['the gate of the UI with a guessed token', { how: 'fetch', path: '/?token=guess' }],
  [
    'set faults of the stand-in',
    { how: 'fetch', path: '/faults', init: { method: 'POST', body: '[{"kind":"overloaded","every":1}]' } },
  ],
  ['read the stand-in’s ledger', { how: 'fetch', path: '/ledger' }],
  ['ask the stand-in', { how: 'fetch', path: '/v1/models', init: { headers: { 'x-api-key': 'x' } } }],
  ['reset the stand-in', { how: 'fetch', path: '/reset', init: { method: 'POST', body: '' } }],
];

test('every port of every service is known', () => {
  const known = [state.address, state.ui, state.standIn ?? ''].map((each) => Number(each.split(':').at(-1)));
  const { http, metrics, ui } = state.ports as NonNullable<LocalState['ports']>;
  expect(ports).toEqual(expect.arrayContaining([...known, http, metrics, ui]));
  // besides these the gRPC ports of history, matching and the server's own worker
  expect(ports).toHaveLength(known.length + 3 + 3);
});

test.each(BANNED_PORTS)('the browser opens no connection to port %d, whatever server has it', async (port) => {
  const page = await browser.newPage();
  await expect(page.goto(`http://127.0.0.1:${port}/`)).rejects.toThrow('ERR_UNSAFE_PORT');
  await page.close();
});

test.each(ATTACKS)('pages get nothing: %s', async (_, one) => {
  for (const read of await Promise.all(ports.map((port) => attack(port, one)))) expect(read).toEqual([]);
});

test('no page started, ended or changed anything', async () => {
  const ids: string[] = [];
  for await (const { workflowId, status } of client.workflow.list()) {
    ids.push(workflowId);
    expect(status.name).toBe('RUNNING');
  }
  expect(ids.filter((each) => each.startsWith('attack'))).toEqual([]);
  expect(ids).toContain(VICTIM);
  const { events } = await client.workflow.getHandle(VICTIM).fetchHistory();
  const kinds = (events ?? []).map(({ eventType }) => eventType);
  expect(kinds).toHaveLength(4); // started, and one workflow task
  const headers = { 'x-control-token': state.standInToken };
  expect(await (await fetch(`${state.standIn}/faults`, { headers })).json()).toEqual({ faults: [] });
});

test('the person who has the link sees the workflow', async () => {
  const link = uiLine(state, `/namespaces/default/workflows/${VICTIM}`).replace('Temporal UI: ', '');
  const page = await browser.newPage();
  await page.goto(link);
  await page.getByText(VICTIM).first().waitFor({ timeout: 20_000 });
  expect(page.url()).not.toContain('token');
  await page.close();
});

test('the same pages do get through to an unprotected server', async () => {
  const { grpc, http, ui } = openPorts;
  const started = { how: 'fetch', path: id('open'), init: { method: 'POST', body: START, headers: plain } } as const;
  const unprotected = new Client({ connection: await Connection.connect({ address: `127.0.0.1:${grpc}` }) });
  await attempt(foreign, { base: `http://127.0.0.1:${http}`, ...started });
  expect((await unprotected.workflow.getHandle('attack-open').describe()).status.name).toBe('RUNNING');
  const ways: [number, Try['how']][] = [
    [http, 'fetch'],
    [http, 'frame'],
    [ui, 'fetch'],
  ];
  for (const [port, how] of ways) {
    const listed = async (): Promise<boolean> =>
      (await attack(port, { how, path: API })).join().includes('attack-open');
    await until(`the page reads port ${port} by ${how}`, listed, 20_000);
  }
  await unprotected.connection.close();
});

describe('a client of the gRPC port without the owner’s secret', () => {
  const yaml = (change: (text: string) => string): { yaml: string } => ({ yaml: change(SMALL) });
  let printed: string | undefined;
  const planOf = (): object => {
    printed ??= flamingo(['plan', 'small.yaml', '--judge', 'stand-in', '--json']);
    return JSON.parse(printed) as object;
  };

  async function refusal(type: string, input: object): Promise<string> {
    const workflowId = `grpc-${Math.random()}`;
    const run = client.workflow.execute(type, { workflowId, taskQueue: 'flamingo', args: [input] });
    const error = await run.then(
      (done: unknown) => new Error(JSON.stringify(done)),
      (failed: WorkflowFailedError) => failed,
    );
    const reasons: string[] = [];
    for (let each: unknown = error; each instanceof Error; each = each.cause) reasons.push(each.message);
    return reasons.join(' <- ');
  }

  test.each<[string, () => object, RegExp]>([
    ['a file of the folder', () => ({ file: 'small.yaml' }), /FLAMINGO_ALLOW_CLIENTS=files/],
    ['a file outside it', () => ({ file: '/etc/passwd' }), /FLAMINGO_ALLOW_CLIENTS=files/],
    ['local files in a text', () => yaml((text) => text), /FLAMINGO_ALLOW_CLIENTS=files/],
    [
      'an address in a text',
      () => {
        const url = `http://127.0.0.1:${(site.address() as AddressInfo).port}/fetched`;
        return yaml((text) => text.replace('path: birds.jsonl', `url: ${url}\n    sha256: ${'a'.repeat(64)}`));
      },
      /FLAMINGO_ALLOW_CLIENTS=urls|url/,
    ],
    [
      'a command in a text',
      () => yaml((text) => `${text}training:\n  backend: { command: [touch, ${marker}] }\n`),
      /FLAMINGO_ALLOW_CLIENTS=/,
    ],
    [
      'a plan outside the store',
      () => ({ plan: { uri: '../../x', sha256: 'a'.repeat(64), bytes: 1 } }),
      /the reference to a plan is none/,
    ],
    ['another folder for a permitted plan', () => ({ ...planOf(), output: outside }), /output folder .* lies outside/],
  ])('is refused %s', async (_, input, reason) => expect(await refusal('experiment', input())).toMatch(reason));

  test('is refused another folder, also of the workflow type configuration itself', async () => {
    const { plan } = planOf() as { plan: object };
    const cell = { id: 'base/weather/default', completions: 6, judgements: 0, answersStored: true };
    const configuration = { name: 'base', label: 'c', key: 'k', recipeKey: null, measurements: [], cells: [cell] };
    const queues = { gpuQueue: 'flamingo-gpu', judgeQueue: 'flamingo-judge-stand-in', maxUsd: null, paused: false };
    const input = { experiment: 'e', plan, output: outside, configuration, ...queues };
    expect(await refusal('configuration', input)).toMatch(/output folder .* lies outside/);
  });

  test('had nothing written, run or fetched', () => {
    expect(readdirSync(outside)).toEqual([]);
    expect(existsSync(marker)).toBe(false);
    expect(visited).not.toContain('/fetched');
  });

  test('gets a plan that `flamingo plan --json` printed planned, which is the owner’s word', async () => {
    const handle = await client.workflow.start('experiment', {
      workflowId: 'printed',
      taskQueue: 'flamingo',
      args: [planOf()],
    });
    for (let planned = false; !planned; await sleep(100)) {
      planned = (await handle.query<{ planKey: string | null }>('progress')).planKey !== null;
    }
    await handle.terminate();
  });
});
