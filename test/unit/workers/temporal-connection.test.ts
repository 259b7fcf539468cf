/**
 * A Temporal server on loopback is never asked through a proxy; one elsewhere is, in the same way by clients and workers.
 */
import { createServer, type AddressInfo } from 'node:net';
import { Connection } from '@temporalio/client';
import { clientOptions, grpcProxy, workerOptions } from '../../../workers/temporal-connection';

const PROXY = 'http://me:se%63ret@proxy.example:3128';

test.each(['127.0.0.1:7233', 'localhost:7233', '[::1]:7233', undefined])('%s: none', (address) => {
  const options = address === undefined ? {} : { address };
  for (const name of ['grpc_proxy', 'https_proxy', 'http_proxy']) {
    expect(clientOptions(options, { [name]: PROXY }).channelArgs).toEqual({ 'grpc.enable_http_proxy': 0 });
    expect(workerOptions(options, { [name]: PROXY })).toEqual(options);
  }
});

test('elsewhere: as grpc-js reads the variables', () => {
  const options = { address: 'temporal.example:7233' };
  expect(grpcProxy(options.address, { http_proxy: 'http://other', https_proxy: PROXY })).toEqual({
    address: 'proxy.example:3128',
    variable: 'https_proxy',
    basicAuth: { username: 'me', password: 'secret' },
  });
  expect(clientOptions(options, { http_proxy: PROXY })).toEqual(options);
  expect(workerOptions(options, { http_proxy: 'http://proxy.example' })).toEqual({
    ...options,
    proxy: { type: 'http-connect', targetHost: 'proxy.example:80' },
  });
  for (const env of [
    {},
    { HTTPS_PROXY: PROXY },
    { http_proxy: PROXY, no_proxy: 'temporal.example' },
    { http_proxy: '?' },
  ])
    expect(grpcProxy(options.address, env)).toBeNull();
});

test('a real client connects to loopback directly', async () => {
  const asked: string[] = [];
  const listen = async (name: string): Promise<{ port: number; close: () => void }> => {
    const server = createServer((socket) => {
      asked.push(name);
      socket.destroy();
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return { port: (server.address() as AddressInfo).port, close: () => server.close() };
  };
  const [target, proxy] = [await listen('server'), await listen('proxy')];
  const before = process.env['http_proxy'];
  process.env['http_proxy'] = `http://127.0.0.1:${proxy.port}`;
  try {
    const options = clientOptions({ address: `127.0.0.1:${target.port}` }, process.env);
    await expect(Connection.connect({ ...options, connectTimeout: 500 })).rejects.toThrow();
  } finally {
    if (before === undefined) delete process.env['http_proxy'];
    else process.env['http_proxy'] = before;
    target.close();
    proxy.close();
  }
  expect(new Set(asked)).toEqual(new Set(['server']));
});
