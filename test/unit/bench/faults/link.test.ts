/** The relay between a process and a server, over real connections on loopback. */
import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { Link } from '../../../../bench/faults/link';

let server: Server;
let link: Link;
const sockets: Socket[] = [];

/** Answers each message with the same words. */
beforeEach(async () => {
  server = createServer((socket) => {
    sockets.push(socket);
    socket.on('data', (data) => socket.write(data)).on('error', () => undefined);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  link = await Link.open('127.0.0.1', { host: '127.0.0.1', port: (server.address() as { port: number }).port });
});
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  await link.close();
  await new Promise((resolve) => server.close(resolve));
});

async function client(): Promise<Socket> {
  const [host, port] = link.address.split(':') as [string, string];
  const socket = connect({ host, port: Number(port) });
  sockets.push(socket);
  await once(socket, 'connect');
  return socket;
}

async function answer(socket: Socket, words: string): Promise<string> {
  const reply = once(socket, 'data');
  socket.write(words);
  return String((await reply)[0]);
}

test('it passes on what is said, and nothing is wrong with it', async () => {
  expect(await answer(await client(), 'hello')).toBe('hello');
  expect(link.brokenWhileWaiting).toBe(0);
});

test('a held one lets nothing through, and everything when it is mended; new connections, too', async () => {
  const before = await client();
  await answer(before, 'hello');
  link.hold();
  const heard: string[] = [];
  const after = await client();
  for (const socket of [before, after]) socket.on('data', (data) => heard.push(String(data))).write('held');
  await sleep(100);
  expect(heard).toEqual([]);
  link.mend();
  await sleep(100);
  expect(heard).toEqual(['held', 'held']);
});

test('it closes also when the server has ended and the client has not noticed', async () => {
  const [host, port] = link.address.split(':') as [string, string];
  const socket = connect({ host, port: Number(port), allowHalfOpen: true });
  await answer(socket, 'hello');
  const far = sockets.at(-1) as Socket;
  sockets.push(socket.on('error', () => undefined));
  far.end();
  await sleep(100);
  const closed = link.close().then(() => 'closed');
  expect(await Promise.race([closed, sleep(2_000)])).toBe('closed');
});

test('a slow one takes longer, each way', async () => {
  link.delay(60);
  const started = performance.now();
  await answer(await client(), 'hello');
  expect(performance.now() - started).toBeGreaterThan(110);
});

test('what comes after a delay is lifted does not pass by what came before', async () => {
  const socket = await client();
  let heard = '';
  socket.on('data', (data) => (heard += String(data)));
  link.delay(80);
  socket.write('1');
  await sleep(20);
  link.mend();
  socket.write('2');
  await sleep(250);
  expect(heard).toBe('12');
});

test('a reset breaks connections, and only a waiting one counts as such', async () => {
  const [idle, waiting] = [await client(), await client()];
  await answer(idle, 'hello');
  link.delay(5_000);
  waiting.write('a question');
  const broken = [idle, waiting].map((socket) => once(socket, 'error'));
  await sleep(100);
  link.reset();
  for (const [error] of await Promise.all(broken)) expect((error as NodeJS.ErrnoException).code).toBe('ECONNRESET');
  expect(link.brokenWhileWaiting).toBe(1);
});

test('it tells when something large is on its way, and no longer once it is answered', async () => {
  const socket = await client();
  link.delay(80);
  socket.write('x'.repeat(1_000));
  await sleep(20);
  expect(link.uploading).toBe(false);
  socket.write('x'.repeat(10_000));
  await sleep(20);
  expect(link.uploading).toBe(true);
  await sleep(250);
  expect(link.uploading).toBe(false);
});

test('of replies the given share is lost with its connection', async () => {
  const drawn = [0.5, 0.05];
  link.breakShare(0.1, () => drawn.shift()!);
  const socket = await client();
  expect(await answer(socket, 'one')).toBe('one');
  await expect(answer(socket, 'two')).rejects.toThrow('ECONNRESET');
  expect(link.brokenWhileWaiting).toBe(1);
});
