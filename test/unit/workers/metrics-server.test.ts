import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { request } from 'undici';
import { metricsAddress, serveMetrics, type MetricsServer } from '../../../workers/metrics-server';

it.each([
  ['9464', { host: '127.0.0.1', port: 9464 }],
  ['127.0.0.1:9464', { host: '127.0.0.1', port: 9464 }],
  ['0.0.0.0:9464', { host: '0.0.0.0', port: 9464 }],
  ['[::1]:9464', { host: '::1', port: 9464 }],
  ['localhost:0', { host: 'localhost', port: 0 }],
])('listens at %s', (text, address) => {
  expect(metricsAddress({ FLAMINGO_METRICS: text })).toEqual(address);
});

it('listens nowhere unless it is asked to, and not at what is no address', () => {
  expect(metricsAddress({})).toBeNull();
  for (const text of ['on', '127.0.0.1', 'example.org:9464', '127.0.0.1:99999', ':::1'])
    expect(() => metricsAddress({ FLAMINGO_METRICS: text })).toThrow(`FLAMINGO_METRICS=${text}: expected ADDRESS:PORT`);
});

describe('a server', () => {
  let exporter: Server;
  let server: MetricsServer;
  let healthy = true;

  beforeAll(async () => {
    exporter = createServer((asked, reply) => reply.end(asked.url === '/metrics' ? 'temporal_x 1\n' : 'other'));
    await new Promise<void>((resolve) => exporter.listen(0, '127.0.0.1', resolve));
    server = await serveMetrics(
      { host: '127.0.0.1', port: 0 },
      (exporter.address() as AddressInfo).port,
      () => healthy,
    );
  });
  afterAll(() => {
    server.close();
    exporter.closeAllConnections();
    exporter.close();
  });

  const ask = async (path: string, headers: Record<string, string> = {}, method: 'GET' | 'POST' = 'GET') => {
    const { statusCode, body } = await request(`http://${server.address}${path}`, { headers, method });
    return [statusCode, await body.text()];
  };

  it('hands on what the exporter says', async () => {
    expect(await ask('/metrics')).toEqual([200, 'temporal_x 1\n']);
    expect(await ask('/metrics', { host: `localhost:${server.address.split(':')[1]}` })).toEqual([
      200,
      'temporal_x 1\n',
    ]);
    expect((await ask('/anything'))[0]).toBe(404);
    expect((await ask('/metrics', {}, 'POST'))[0]).toBe(405);
  });

  it('says whether the worker takes work', async () => {
    expect(await ask('/healthz')).toEqual([200, 'ok\n']);
    healthy = false;
    expect((await ask('/healthz'))[0]).toBe(503);
  });

  it('answers no web page, and under no foreign name', async () => {
    expect((await ask('/metrics', { origin: 'http://evil.example' }))[0]).toBe(403);
    expect((await ask('/metrics', { host: 'rebound.example' }))[0]).toBe(403);
  });

  it('fails where somebody listens already', async () => {
    const port = Number(server.address.split(':')[1]);
    await expect(serveMetrics({ host: '127.0.0.1', port }, 1, () => true)).rejects.toThrow('can not be listened on');
  });
});
