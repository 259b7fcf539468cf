import { createServer, type AddressInfo, type Server } from 'node:net';
import { whyUnreachable } from '../../../workers/reach';

let server: Server;
let address: string;
beforeAll(async () => {
  server = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.once('data', () => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  address = `127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => server.close());

test('a port that takes connections is not the trouble', async () => {
  expect(await whyUnreachable({ address }, {})).toBeNull();
});

test('nobody there', async () => {
  expect(await whyUnreachable({ address: '127.0.0.1:9' }, {})).toBe('nothing listens there');
});

test('a server without TLS, asked with it', async () => {
  expect(await whyUnreachable({ address, tls: true }, {})).toBe('it speaks no TLS');
  expect(await whyUnreachable({ address, apiKey: 'k' }, {})).toBe('it speaks no TLS');
});

test('an address that is none', async () => {
  expect(await whyUnreachable({ address: 'a b' }, {})).toBe('expected HOST:PORT');
});

test('a proxy that is not there is named', async () => {
  const why = await whyUnreachable({ address: 'temporal.invalid:7233' }, { grpc_proxy: 'http://me:pw@127.0.0.1:9' });
  expect(why).toBe('the proxy 127.0.0.1:9, which grpc_proxy names, does not answer: nothing listens there');
});
