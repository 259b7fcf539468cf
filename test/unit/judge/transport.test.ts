/**
 * What judges send that is no reply, and the ways to them: sizes, redirects, shapes, proxies with and without TLS.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createBatchClient } from '../../../judge/batches/client';
import { createJudgeClient } from '../../../judge/client';
import { RequestFailed, type RequestFailure } from '../../../judge/errors';
import { proxyFor } from '../../../judge/proxy';
import { buildCall } from '../../../judge/request';
import { MAX_REPLY_BYTES } from '../../../judge/transport';
import { instrument, request } from './fixtures';

const KEY = 'sk-ant-secret-0123456789';
const MODEL = 'claude-haiku-4-5-20251001';
const OPTIONS = { signal: new AbortController().signal, deadlineMs: 10_000 };
const CALL = buildCall(request('x'), instrument({ judge: 'claude', model: MODEL }));
const REPLY = {
  type: 'message',
  model: MODEL,
  content: [{ type: 'text', text: '95' }],
  stop_reason: 'end_turn',
  usage: { input_tokens: 10, output_tokens: 1 },
};

const closing: (() => void)[] = [];
afterEach(() => closing.splice(0).forEach((close) => close()));

async function listening(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closing.push(() => {
    server.close();
    server.closeAllConnections();
  });
  return (server.address() as AddressInfo).port;
}

const serve = (answer: RequestListener): Promise<number> => listening(createServer(answer));

const json =
  (body: unknown, status = 200): RequestListener =>
  (incoming, response) => {
    incoming.resume();
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  };

const envOf = (port: number, more: NodeJS.ProcessEnv = {}): NodeJS.ProcessEnv => ({
  ANTHROPIC_API_KEY: KEY,
  ANTHROPIC_BASE_URL: `http://127.0.0.1:${port}`,
  ...more,
});

const clientFor = (env: NodeJS.ProcessEnv): ReturnType<typeof createJudgeClient> =>
  createJudgeClient({ judge: 'claude', env });

async function failureOf(work: Promise<unknown>): Promise<RequestFailure> {
  const error: unknown = await work.then(
    () => new Error('it succeeded'),
    (thrown: unknown) => thrown,
  );
  if (error instanceof RequestFailed) return error.failure;
  throw error;
}

/** Sends as fast as it is read, until it is told to stop. */
const endless =
  (start: string, sent: { bytes: number }): RequestListener =>
  (incoming, response) => {
    incoming.resume();
    response.writeHead(200, { 'content-type': 'application/json' });
    response.write(start);
    const chunk = 'x'.repeat(2 ** 20);
    const more = (): void => {
      if (sent.bytes > 20 * MAX_REPLY_BYTES || response.destroyed) return;
      sent.bytes += chunk.length;
      if (response.write(chunk)) setImmediate(more);
      else response.once('drain', more);
    };
    more();
  };

describe('sizes', () => {
  test('a message without end is given up', async () => {
    const sent = { bytes: 0 };
    const port = await serve(endless('{"type":"message","x":"', sent));
    const failure = await failureOf(clientFor(envOf(port)).send(CALL, OPTIONS));
    expect(failure).toMatchObject({ action: 'retry', kind: 'wrong_shape' });
    expect(failure.message).toContain('longer than 16 MiB');
    expect(sent.bytes).toBeLessThan(3 * MAX_REPLY_BYTES);
  });

  test('so is a batch’s status, and a line of its results', async () => {
    const sent = { bytes: 0 };
    const port = await serve(endless('{"x":"', sent));
    const client = createBatchClient({ judge: 'claude', env: envOf(port) });
    expect(await failureOf(client.retrieve('b', OPTIONS))).toMatchObject({ kind: 'wrong_shape' });
    expect(sent.bytes).toBeLessThan(3 * MAX_REPLY_BYTES);
    sent.bytes = 0;
    const failure = await failureOf(client.results('b', OPTIONS).next());
    expect(failure).toMatchObject({ kind: 'wrong_shape', message: expect.stringContaining('no end') });
    expect(sent.bytes).toBeLessThan(4 * MAX_REPLY_BYTES);
  });
});

describe('shapes', () => {
  test.each([
    ['negative tokens', { ...REPLY, usage: { input_tokens: -5, output_tokens: 1 } }, 'token counts'],
    ['negative output', { ...REPLY, usage: { input_tokens: 5, output_tokens: -1 } }, 'token counts'],
    ['absurd tokens', { ...REPLY, usage: { input_tokens: 1e15, output_tokens: 1 } }, 'token counts'],
    ['half a token', { ...REPLY, usage: { input_tokens: 1.5, output_tokens: 1 } }, 'token counts'],
    ['tokens as text', { ...REPLY, usage: { input_tokens: '5', output_tokens: 1 } }, 'token counts'],
    ['a negative cache', { ...REPLY, usage: { ...REPLY.usage, cache_read_input_tokens: -9 } }, 'token counts'],
    ['text that is a number', { ...REPLY, content: [{ type: 'text', text: 95 }] }, 'text is none'],
    ['a list', [REPLY], 'no message'],
  ])('%s', async (_, body, words) => {
    const port = await serve(json(body));
    const failure = await failureOf(clientFor(envOf(port)).send(CALL, OPTIONS));
    expect(failure).toMatchObject({ action: 'retry', kind: 'wrong_shape', message: expect.stringContaining(words) });
  });

  test('a batch with negative counts', async () => {
    const counts = { processing: -1, succeeded: 2 };
    const batch = { id: 'b', type: 'message_batch', processing_status: 'ended', created_at: '2026-01-01T00:00:00Z' };
    const port = await serve(json({ ...batch, request_counts: counts }));
    const client = createBatchClient({ judge: 'claude', env: envOf(port) });
    expect(await failureOf(client.retrieve('b', OPTIONS))).toMatchObject({ kind: 'wrong_shape' });
  });
});

test('no redirect is followed: the key stays', async () => {
  const elsewhere: IncomingMessage[] = [];
  const other = await serve((incoming, response) => {
    elsewhere.push(incoming);
    response.end('{}');
  });
  const port = await serve((incoming, response) => {
    incoming.resume();
    response.writeHead(307, { location: `http://127.0.0.1:${other}/v1/messages` }).end();
  });
  const env = envOf(port);
  const batches = createBatchClient({ judge: 'claude', env });
  for (const asked of [
    () => clientFor(env).send(CALL, OPTIONS),
    () => clientFor(env).model(MODEL, OPTIONS),
    () => batches.create({ calls: [CALL], label: 'a', upload: null }, OPTIONS),
    () => batches.list(null, OPTIONS),
    () => batches.results('b', OPTIONS).next(),
  ]) {
    const failure = await failureOf(asked());
    expect(failure).toMatchObject({ action: 'retry', kind: 'wrong_shape' });
    expect(failure.message).toContain(`a redirect to http://127.0.0.1:${other}/v1/messages is not followed`);
  }
  expect(elsewhere).toEqual([]);
});

describe('the base URL', () => {
  test.each(['', '/', '/v1', '/v1/', '//v1//'])('ends with %p', async (end) => {
    const asked: (string | undefined)[] = [];
    const port = await serve((incoming, response) => {
      asked.push(incoming.url);
      json(REPLY)(incoming, response);
    });
    await clientFor(envOf(port, { ANTHROPIC_BASE_URL: `http://127.0.0.1:${port}${end}` })).send(CALL, OPTIONS);
    await clientFor(envOf(port, { ANTHROPIC_BASE_URL: `http://127.0.0.1:${port}/gate${end}` })).send(CALL, OPTIONS);
    expect(asked).toEqual(['/v1/messages', '/gate/v1/messages']);
  });

  test('404 names the address that was asked', async () => {
    const port = await serve(json({ type: 'error', error: { type: 'not_found_error', message: 'Not found' } }, 404));
    const failure = await failureOf(clientFor(envOf(port)).model(MODEL, OPTIONS));
    expect(failure).toMatchObject({ action: 'stop', kind: 'unknown_model' });
    expect(failure.message).toContain(`asked was http://127.0.0.1:${port}/v1/models/${MODEL}`);
  });
});

describe('through a proxy', () => {
  interface Seen {
    port: number;
    /** What was asked for: absolute addresses, or `CONNECT HOST:PORT`. */
    asked: string[];
    authorization: string | undefined;
  }

  /** Sends everything to 127.0.0.1, whatever name was asked for, so that names outside can be tested here. */
  async function proxy(target: number, secure?: { key: string; cert: string }): Promise<Seen> {
    const seen: Seen = { port: 0, asked: [], authorization: undefined };
    const answer: RequestListener = (incoming, response) => {
      seen.asked.push(incoming.url ?? '');
      seen.authorization = incoming.headers['proxy-authorization'];
      json(REPLY)(incoming, response);
    };
    const server = secure === undefined ? createServer(answer) : (createSecureServer(secure, answer) as Server);
    server.on('connect', (incoming: IncomingMessage, socket: Socket) => {
      seen.asked.push(`CONNECT ${incoming.url}`);
      seen.authorization = incoming.headers['proxy-authorization'];
      const through = connect(target, '127.0.0.1', () => {
        socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
        through.pipe(socket).pipe(through);
      });
      for (const each of [socket, through]) each.on('error', () => socket.destroy());
    });
    seen.port = await listening(server);
    return seen;
  }

  let certificate: { key: string; cert: string };
  beforeAll(() => {
    const folder = mkdtempSync(join(tmpdir(), 'flamingo-certificate-'));
    const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')];
    const how = ['-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-subj', '/CN=judge.example'];
    execFileSync('openssl', ['req', ...how, '-keyout', key, '-out', cert], { stdio: 'ignore' });
    certificate = { key: readFileSync(key, 'utf8'), cert: readFileSync(cert, 'utf8') };
    rmSync(folder, { recursive: true });
  });

  test('http: the whole address is asked of it, with its user and password', async () => {
    const seen = await proxy(9);
    const env = envOf(0, {
      ANTHROPIC_BASE_URL: 'http://judge.example:8080',
      http_proxy: `http://me:pass%20word@127.0.0.1:${seen.port}`,
    });
    expect(await clientFor(env).send(CALL, OPTIONS)).toMatchObject({ text: '95', inputTokens: 10 });
    expect(seen.asked).toEqual(['http://judge.example:8080/v1/messages']);
    expect(seen.authorization).toBe(`Basic ${Buffer.from('me:pass word').toString('base64')}`);
    expect(proxyFor(new URL('http://judge.example:8080'), { ...env, NO_PROXY: 'judge.example' })).toBeNull();
  });

  test('https: a tunnel; a certificate that nobody trusts is said with its remedy', async () => {
    const judge = await listening(createSecureServer(certificate, json(REPLY)));
    const seen = await proxy(judge);
    const env = envOf(0, {
      ANTHROPIC_BASE_URL: 'https://judge.example',
      HTTPS_PROXY: `http://me:secret@127.0.0.1:${seen.port}`,
    });
    for (const asked of [
      () => clientFor(env).send(CALL, OPTIONS),
      () => createBatchClient({ judge: 'claude', env }).results('b', OPTIONS).next(),
    ]) {
      const failure = await failureOf(asked());
      expect(failure).toMatchObject({ action: 'retry', kind: 'network' });
      expect(failure.message).toContain(`through the proxy http://127.0.0.1:${seen.port} (HTTPS_PROXY)`);
      expect(failure.message).toContain('DEPTH_ZERO_SELF_SIGNED_CERT');
      expect(failure.message).toContain('set NODE_EXTRA_CA_CERTS to its PEM file');
      expect(failure.message).not.toContain('secret');
    }
    expect(seen.asked).toEqual(['CONNECT judge.example:443', 'CONNECT judge.example:443']);
  });

  test('a proxy that is not there, and one that is none', async () => {
    const env = envOf(0, { ANTHROPIC_BASE_URL: 'https://judge.example', HTTPS_PROXY: 'http://127.0.0.1:9' });
    const failure = await failureOf(clientFor(env).send(CALL, OPTIONS));
    expect(failure).toMatchObject({ action: 'retry', kind: 'network', mayBePaid: false });
    expect(failure.message).toContain('through the proxy http://127.0.0.1:9 (HTTPS_PROXY)');
    const refused = async (): Promise<unknown> => clientFor({ ...env, HTTPS_PROXY: 'ftp://x' }).send(CALL, OPTIONS);
    expect(await failureOf(refused())).toMatchObject({ action: 'stop', kind: 'configuration' });
  });

  test('loopback is asked directly', async () => {
    const port = await serve(json(REPLY));
    const env = envOf(port, { http_proxy: 'http://127.0.0.1:9', all_proxy: 'http://127.0.0.1:9' });
    expect(await clientFor(env).send(CALL, OPTIONS)).toMatchObject({ text: '95' });
  });
});
