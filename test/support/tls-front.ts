/**
 * Mutual TLS in front of a plain TCP port, with a certificate authority of the test's own: what a Temporal cluster with
 * client certificates looks like to its clients.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createServer, type Server } from 'node:tls';

export interface TlsFront {
  /** `localhost:PORT`. */
  address: string;
  /** PEM files. */
  files: { ca: string; cert: string; key: string; strangeCert: string; strangeKey: string };
  close(): Promise<void>;
}

export async function tlsFront(upstreamPort: number): Promise<TlsFront> {
  const folder = mkdtempSync(join(tmpdir(), 'flamingo-tls-'));
  const file = (name: string): string => join(folder, name);
  authority('ca');
  authority('other-ca');
  certificate('server', 'ca', 'subjectAltName=DNS:localhost');
  certificate('client', 'ca', 'subjectAltName=DNS:client');
  certificate('strange', 'other-ca', 'subjectAltName=DNS:client');
  const sockets = new Set<Socket>();
  const server = createServer({
    key: readFileSync(file('server.key')),
    cert: readFileSync(file('server.pem')),
    ca: readFileSync(file('ca.pem')),
    requestCert: true,
    rejectUnauthorized: true,
    ALPNProtocols: ['h2'],
  });
  server.on('secureConnection', (inner) => {
    const outer = connect(upstreamPort, '127.0.0.1');
    for (const [socket, other] of [
      [inner, outer],
      [outer, inner],
    ] as const) {
      sockets.add(socket);
      socket.on('error', () => other.destroy());
      socket.on('close', () => other.destroy());
      socket.pipe(other);
    }
  });
  const port = await listening(server);
  return {
    address: `localhost:${port}`,
    files: {
      ca: file('ca.pem'),
      cert: file('client.pem'),
      key: file('client.key'),
      strangeCert: file('strange.pem'),
      strangeKey: file('strange.key'),
    },
    close: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
      rmSync(folder, { recursive: true, force: true });
    },
  };

  function authority(name: string): void {
    openssl(
      'req',
      '-x509',
      ...KEY,
      '-keyout',
      file(`${name}.key`),
      '-out',
      file(`${name}.pem`),
      '-subj',
      `/CN=${name}`,
      '-days',
      '2',
    );
  }

  function certificate(name: string, by: string, extension: string): void {
    openssl('req', ...KEY, '-keyout', file(`${name}.key`), '-out', file(`${name}.csr`), '-subj', `/CN=${name}`);
    writeFileSync(file(`${name}.ext`), `${extension}\n`);
    const signed = ['-CA', file(`${by}.pem`), '-CAkey', file(`${by}.key`), '-CAcreateserial', '-days', '2'];
    openssl(
      'x509',
      '-req',
      '-in',
      file(`${name}.csr`),
      ...signed,
      '-extfile',
      file(`${name}.ext`),
      '-out',
      file(`${name}.pem`),
    );
  }
}

const KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];

function openssl(...args: string[]): void {
  execFileSync('openssl', args, { stdio: 'pipe' });
}

async function listening(server: Server): Promise<number> {
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
}
