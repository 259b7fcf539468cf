/** A server on loopback for the time of a test file, which answers whatever it is asked. */
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';

/** Gives the address, which is there once the tests run. */
export function served(answer: RequestListener): () => string {
  const server = createServer((incoming, outgoing) => {
    incoming.resume();
    answer(incoming, outgoing);
  });
  beforeAll(() => new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening)));
  afterAll(() => {
    server.closeAllConnections();
    server.close();
  });
  return () => `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}
