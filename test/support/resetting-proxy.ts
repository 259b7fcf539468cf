/** A TCP proxy that resets connections, as a load balancer or a middlebox does: before, while and after the server works. */
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

export interface ResettingProxy {
  url: string;
  /** How many connections were reset so far. */
  resets: number;
  close(): Promise<void>;
}

/** `unlucky`: whether the request that begins now, counted from 1, meets a reset, and when. */
export type Unlucky = (request: number) => 'on arrival' | 'before the reply' | 'in the reply' | null;

/** Listens on loopback and forwards to `target`, an address such as `http://127.0.0.1:4010`. */
export async function startResettingProxy(target: string, unlucky: Unlucky): Promise<ResettingProxy> {
  const { hostname, port } = new URL(target);
  const open = new Set<Socket>();
  let requests = 0;
  const proxy: ResettingProxy = {
    url: '',
    resets: 0,
    close: () => {
      for (const socket of open) socket.destroy();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
  const server = createServer((client) => {
    const upstream = connect(Number(port), hostname);
    let fate: ReturnType<Unlucky> = null;
    const reset = (): void => {
      if (client.destroyed) return;
      proxy.resets += 1;
      client.resetAndDestroy();
      // the server goes on with what it got, and its reply finds nobody
      upstream.end();
    };
    client.on('data', (chunk) => {
      if (chunk.subarray(0, 5).toString() === 'POST ') {
        fate = unlucky(++requests);
        if (fate === 'on arrival') return reset();
      }
      upstream.write(chunk);
    });
    upstream.on('data', (chunk) => {
      if (fate === 'before the reply') return reset();
      if (fate === null) return void client.write(chunk);
      client.write(chunk.subarray(0, chunk.length / 2), reset);
      fate = 'before the reply';
    });
    for (const [socket, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      open.add(socket);
      socket.on('error', () => other.destroy());
      socket.on('close', () => {
        open.delete(socket);
        other.end();
      });
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  proxy.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return proxy;
}
