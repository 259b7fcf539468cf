/**
 * Against local servers that answer as the vendors' documentation has it.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { spotMetadata } from '../../../workers/spot-clouds';

const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
});

async function serve(answer: (request: IncomingMessage, response: ServerResponse) => void): Promise<string> {
  const server = createServer(answer);
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const reply = (response: ServerResponse, status: number, text = ''): void => void response.writeHead(status).end(text);

/** IMDSv2: no token, no answer; 404 until there is a notice. */
async function fakeAws(state: { action: object | null; tokens: string[] }): Promise<string> {
  return serve((request, response) => {
    if (request.method === 'PUT' && request.url === '/latest/api/token') {
      const seconds = Number(request.headers['x-aws-ec2-metadata-token-ttl-seconds']);
      if (!(seconds >= 1 && seconds <= 21_600)) return reply(response, 400);
      state.tokens.push(`token-${state.tokens.length}`);
      return reply(response, 200, state.tokens.at(-1));
    }
    if (request.headers['x-aws-ec2-metadata-token'] !== state.tokens.at(-1)) return reply(response, 401);
    if (request.method !== 'GET' || request.url !== '/latest/meta-data/spot/instance-action')
      return reply(response, 404);
    return state.action === null ? reply(response, 404) : reply(response, 200, JSON.stringify(state.action));
  });
}

it('AWS: hears a notice through a session token, and gets a new one when that is over', async () => {
  const state = { action: null as object | null, tokens: [] as string[] };
  const metadata = spotMetadata('aws', await fakeAws(state));
  expect(await metadata.probe()).toBe(true);
  expect(await metadata.notice()).toBeNull();
  state.tokens.push('another one'); // the first is no longer taken
  expect(await metadata.notice()).toBeNull();
  state.action = { action: 'terminate', time: '2017-09-18T08:22:00Z' };
  expect(await metadata.notice()).toBe('AWS will terminate this instance at 2017-09-18T08:22:00Z');
  expect(metadata.everyMs).toBe(5_000);
});

async function fakeGcp(state: { preempted: string }): Promise<string> {
  return serve((request, response) => {
    response.setHeader('Metadata-Flavor', 'Google');
    if (request.headers['metadata-flavor'] !== 'Google') return reply(response, 403);
    if (request.url === '/') return reply(response, 200, 'computeMetadata/\n');
    if (request.url === '/computeMetadata/v1/instance/preempted') return reply(response, 200, state.preempted);
    return reply(response, 404);
  });
}

it('Google Cloud: hears of the preemption', async () => {
  const state = { preempted: 'FALSE' };
  const metadata = spotMetadata('gcp', await fakeGcp(state));
  expect(await metadata.probe()).toBe(true);
  expect(await metadata.notice()).toBeNull();
  state.preempted = 'TRUE';
  expect(await metadata.notice()).toBe('Google Cloud preempts this instance');
});

const EVENT = {
  EventId: 'f020ba2e-3bc0-4c40-a10b-86575a9eabd5',
  EventStatus: 'Scheduled',
  ResourceType: 'VirtualMachine',
  NotBefore: 'Mon, 19 Sep 2016 18:29:47 GMT',
  Description: '',
  EventSource: 'Platform',
  DurationInSeconds: -1,
};

async function fakeAzure(state: { events: object[] }): Promise<string> {
  return serve((request, response) => {
    if (request.headers['metadata'] !== 'true') return reply(response, 400);
    const url = new URL(request.url ?? '', 'http://azure');
    if (!url.searchParams.has('api-version')) return reply(response, 400);
    if (url.pathname === '/metadata/instance/compute/name') return reply(response, 200, 'gpu_3');
    if (url.pathname === '/metadata/scheduledevents')
      return reply(response, 200, JSON.stringify({ DocumentIncarnation: 2, Events: state.events }));
    return reply(response, 404);
  });
}

it('Azure: hears of its own eviction, and of no other event', async () => {
  const state = { events: [] as object[] };
  const metadata = spotMetadata('azure', await fakeAzure(state));
  expect(await metadata.probe()).toBe(true);
  expect(await metadata.notice()).toBeNull();
  state.events = [
    { ...EVENT, EventType: 'Preempt', Resources: ['gpu_1'] }, // another machine of the scale set
    { ...EVENT, EventType: 'Freeze', Resources: ['gpu_3'] },
  ];
  expect(await metadata.notice()).toBeNull();
  state.events.push({ ...EVENT, EventType: 'Preempt', Resources: ['gpu_2', 'gpu_3'] });
  expect(await metadata.notice()).toBe('Azure evicts this machine at Mon, 19 Sep 2016 18:29:47 GMT');
});

it('is no machine of another cloud', async () => {
  const google = await fakeGcp({ preempted: 'FALSE' });
  await expect(spotMetadata('aws', google).probe()).rejects.toThrow('status 403');
  await expect(spotMetadata('azure', google).probe()).rejects.toThrow('status 403');
  const amazon = await fakeAws({ action: null, tokens: [] });
  expect(await spotMetadata('gcp', amazon).probe()).toBe(false);
});

it('asks nobody else: no redirect, no proxy', async () => {
  const asked: string[] = [];
  const elsewhere = await serve((request, response) => {
    asked.push(request.url ?? '');
    reply(response, 200, 'TRUE');
  });
  const redirecting = await serve((_, response) => response.writeHead(302, { Location: elsewhere }).end());
  await expect(spotMetadata('gcp', redirecting).notice()).rejects.toThrow('status 302');
  const before = { ...process.env };
  try {
    process.env['HTTP_PROXY'] = process.env['http_proxy'] = elsewhere;
    process.env['NODE_USE_ENV_PROXY'] = '1';
    expect(await spotMetadata('gcp', await fakeGcp({ preempted: 'FALSE' })).notice()).toBeNull();
  } finally {
    process.env = before;
  }
  expect(asked).toEqual([]);
});

it('reads no endless reply', async () => {
  const endless = await serve((_, response) => {
    const write = (): void => void (response.destroyed || response.write('x'.repeat(65_536), write));
    write();
  });
  await expect(spotMetadata('gcp', endless).notice()).rejects.toThrow('more than 262144 bytes');
});
