/**
 * A line of so many bits a second between an S3 client and its server: `node line.js PORT BITS_PER_SECOND` prints its own port.
 * What is sent towards the server waits its turn; answers are not held up.
 */
import { connect, createServer, type AddressInfo } from 'node:net';
import { Transform } from 'node:stream';

const [port, bits] = process.argv.slice(2).map(Number) as [number, number];
/** When the line is free again, for all connections together. */
let free = performance.now();

function paced(): Transform {
  return new Transform({
    transform(chunk: Buffer, _, done) {
      free = Math.max(free, performance.now()) + (chunk.length * 8000) / bits;
      setTimeout(() => done(null, chunk), free - performance.now());
    },
  });
}

const server = createServer((client) => {
  const target = connect(port, '127.0.0.1');
  const end = (): void => void [client, target].forEach((socket) => socket.destroy());
  client.on('error', end).pipe(paced()).pipe(target);
  target.on('error', end).pipe(client);
});
server.listen(0, '127.0.0.1', () => process.stdout.write(`${(server.address() as AddressInfo).port}\n`));
process.stdin.on('end', () => process.exit(0)).resume();
