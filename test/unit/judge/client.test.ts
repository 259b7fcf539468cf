import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { createJudgeClient, judgeCredentials } from '../../../judge/client';
import {
  BY_ERROR_CODE,
  BY_ERROR_TYPE,
  BY_STATUS,
  classify,
  type RequestFailure,
  RequestFailed,
  retryAfterMs,
} from '../../../judge/errors';
import { buildCall } from '../../../judge/request';
import { type Fault } from '../../../stand-in/faults';
import { type ReceivedRequest } from '../../../stand-in/server';
import { instrument, request, resources, standInClient } from './fixtures';

const KEY = 'sk-ant-secret-0123456789';
const open = resources();
const never = new AbortController().signal;

async function failureOf(work: Promise<unknown>): Promise<RequestFailure> {
  const error: unknown = await work.then(
    () => new Error('it succeeded'),
    (thrown: unknown) => thrown,
  );
  if (error instanceof RequestFailed) return error.failure;
  throw error;
}

describe('every failure has its action', () => {
  const cases: [Fault, Partial<RequestFailure>][] = [
    [
      { kind: 'rate_limit', retryAfter: '7' },
      { action: 'wait', kind: 'rate_limit', delayMs: 7000 },
    ],
    [
      { kind: 'rate_limit', retryAfter: '' },
      { action: 'wait', kind: 'rate_limit', delayMs: null },
    ],
    [{ kind: 'ramp_limit' }, { action: 'wait', kind: 'ramp_limit', delayMs: 1000 }],
    [{ kind: 'overloaded' }, { action: 'wait', kind: 'overloaded', delayMs: null }],
    [
      { kind: 'overloaded', retryAfter: '3' },
      { action: 'wait', kind: 'overloaded', delayMs: 3000 },
    ],
    [{ kind: 'error_200' }, { action: 'wait', kind: 'overloaded' }],
    [{ kind: 'spend_limit' }, { action: 'stop', kind: 'spend_limit' }],
    [{ kind: 'billing' }, { action: 'stop', kind: 'billing' }],
    [{ kind: 'authentication' }, { action: 'stop', kind: 'authentication' }],
    [{ kind: 'permission' }, { action: 'stop', kind: 'permission' }],
    [{ kind: 'on_hold' }, { action: 'stop', kind: 'permission' }],
    [{ kind: 'unknown_model' }, { action: 'stop', kind: 'unknown_model' }],
    [{ kind: 'bad_request' }, { action: 'item', kind: 'bad_request' }],
    [{ kind: 'unprocessable' }, { action: 'item', kind: 'bad_request' }],
    [{ kind: 'too_large' }, { action: 'item', kind: 'too_large' }],
    [{ kind: 'timeout' }, { action: 'retry', kind: 'timeout', mayBePaid: false }],
    [{ kind: 'conflict' }, { action: 'retry', kind: 'server', mayBePaid: false }],
    [{ kind: 'server_error' }, { action: 'retry', kind: 'server', mayBePaid: false }],
    [{ kind: 'html_502' }, { action: 'retry', kind: 'server', mayBePaid: false }],
    [{ kind: 'html_200' }, { action: 'retry', kind: 'wrong_shape', mayBePaid: true }],
    [{ kind: 'wrong_shape' }, { action: 'retry', kind: 'wrong_shape', mayBePaid: true }],
    [{ kind: 'malformed' }, { action: 'retry', kind: 'malformed', mayBePaid: true }],
    [{ kind: 'cut_body' }, { action: 'retry', kind: 'cut_body', mayBePaid: true }],
    [{ kind: 'reset' }, { action: 'retry', kind: 'network', mayBePaid: true }],
    [{ kind: 'stalled_body' }, { action: 'retry', kind: 'deadline', mayBePaid: true }],
    [
      { kind: 'slow', ms: 2000 },
      { action: 'retry', kind: 'deadline', mayBePaid: true },
    ],
  ];
  test.each(cases)('%j', async (fault, expected) => {
    const received: ReceivedRequest[] = [];
    const server = await open.standIn({ faults: [fault], onRequest: (each) => received.push(each) });
    const sent = standInClient(server).send(buildCall(request('fine'), instrument()), {
      signal: never,
      deadlineMs: 250,
    });
    expect(await failureOf(sent)).toMatchObject(expected);
    expect(received).toHaveLength(1); // the SDK itself repeats nothing
  });

  test('nobody listens: network', async () => {
    const server = await open.standIn();
    const client = standInClient(server);
    await server.close();
    const failure = await failureOf(
      client.send(buildCall(request('x'), instrument()), { signal: never, deadlineMs: 1000 }),
    );
    expect(failure).toMatchObject({
      action: 'retry',
      kind: 'network',
      mayBePaid: false,
      message: expect.stringContaining('ECONNREFUSED'),
    });
    server.close = () => Promise.resolve();
  });

  test('a bug of ours is no failure of a request', () => {
    const context = { deadlineMs: null, redact: (text: string) => text, now: 0 };
    expect(classify(new TypeError('x is not a function'), context)).toBeNull();
    expect(classify(new RangeError('oops'), context)).toBeNull();
    expect(classify('a string', context)).toBeNull();
  });

  test('retry-after: milliseconds, seconds, a date, nonsense', () => {
    const now = Date.parse('2026-01-01T00:00:00Z');
    const read = (headers: Record<string, string>) => retryAfterMs(new Headers(headers), now);
    expect(read({ 'retry-after': '1.5' })).toBe(1500);
    expect(read({ 'retry-after': '9', 'retry-after-ms': '250' })).toBe(250);
    expect(read({ 'retry-after': 'Thu, 01 Jan 2026 00:00:30 GMT' })).toBe(30_000);
    expect(read({ 'retry-after': 'Wed, 31 Dec 2025 00:00:00 GMT' })).toBe(0);
    expect(read({ 'retry-after': 'soon' })).toBeNull();
    expect(read({ 'retry-after': '-5' })).toBeNull();
    expect(read({})).toBeNull();
  });

  test('the page for people names every kind of the table', () => {
    const page = readFileSync(join(__dirname, '../../../docs/judge-errors.md'), 'utf8');
    for (const rule of [
      ...Object.values(BY_ERROR_CODE),
      ...Object.values(BY_ERROR_TYPE),
      ...Object.values(BY_STATUS),
    ]) {
      expect(page).toContain(`\`${rule.kind}\``);
    }
    for (const code of Object.keys(BY_ERROR_CODE)) expect(page).toContain(`\`${code}\``);
  });
});

describe('the request on the wire', () => {
  test('is the very body, with version, judgement and key', async () => {
    const received: ReceivedRequest[] = [];
    const server = await open.standIn({ onRequest: (each) => received.push(each) });
    const call = buildCall(request('fine \u0000 "quoted" ünï 🦩'), instrument());
    const reply = await standInClient(server).send(call, { signal: never, deadlineMs: 5000 });
    expect(reply).toMatchObject({ text: '95', stopReason: 'end_turn', model: 'stand-in-judge-1', outputTokens: 1 });
    expect(reply.requestId).toMatch(/^req_stand_in_/);
    expect(received[0]!.body).toBe(call.body);
    expect(received[0]!.headers).toMatchObject({
      'anthropic-version': '2023-06-01',
      'x-flamingo-judgement': call.id,
      authorization: 'Bearer stand-in',
      'content-type': 'application/json',
    });
  });

  test("without the instrument's version the API refuses temperature", async () => {
    const server = await open.standIn();
    const call = buildCall(request('x'), instrument({ apiVersion: '2026-10-21' }));
    const failure = await failureOf(standInClient(server).send(call, { signal: never, deadlineMs: 5000 }));
    expect(failure).toMatchObject({
      action: 'item',
      kind: 'bad_request',
      message: expect.stringContaining('temperature'),
    });
  });

  test('an abort ends it with its own reason', async () => {
    const server = await open.standIn({ latencyMs: 2000 });
    const controller = new AbortController();
    const sent = standInClient(server).send(buildCall(request('x'), instrument()), {
      signal: controller.signal,
      deadlineMs: 5000,
    });
    setTimeout(() => controller.abort(new Error('enough')), 50);
    await expect(sent).rejects.toThrow('enough');
  });

  test('nothing is printed, also with ANTHROPIC_LOG=debug', async () => {
    const before = process.env['ANTHROPIC_LOG'];
    process.env['ANTHROPIC_LOG'] = 'debug';
    const spies = (['log', 'info', 'debug', 'warn', 'error'] as const).map((name) =>
      jest.spyOn(console, name).mockImplementation(),
    );
    try {
      const server = await open.standIn({ faults: [{ kind: 'server_error' }] });
      const client = standInClient(server);
      await failureOf(client.send(buildCall(request('x'), instrument()), { signal: never, deadlineMs: 5000 }));
      await client.send(buildCall(request('x'), instrument()), { signal: never, deadlineMs: 5000 });
      for (const spy of spies) expect(spy).not.toHaveBeenCalled();
    } finally {
      for (const spy of spies) spy.mockRestore();
      if (before === undefined) delete process.env['ANTHROPIC_LOG'];
      else process.env['ANTHROPIC_LOG'] = before;
    }
  });
});

describe('the key', () => {
  test('must be there for Claude, and is never shown', () => {
    expect(judgeCredentials('claude', {})).toMatchObject({
      present: false,
      message: expect.stringContaining('ANTHROPIC_API_KEY'),
    });
    expect(judgeCredentials('claude', { ANTHROPIC_API_KEY: '  ' }).present).toBe(false);
    expect(judgeCredentials('stand-in', {}).present).toBe(true);
    expect(judgeCredentials('claude', { ANTHROPIC_API_KEY: ` ${KEY}\n` })).toEqual({
      present: true,
      message: 'ANTHROPIC_API_KEY is set',
    });
    for (const bad of [`${KEY}\nx`, `${KEY} x`, `${KEY}é`]) {
      const { present, message } = judgeCredentials('claude', { ANTHROPIC_API_KEY: bad });
      expect(present).toBe(false);
      expect(message).not.toContain(KEY);
    }
  });

  test.each([
    [{}, 'authentication'],
    [{ ANTHROPIC_API_KEY: KEY, ANTHROPIC_BASE_URL: 'not a url' }, 'configuration'],
    [{ ANTHROPIC_API_KEY: KEY, ANTHROPIC_BASE_URL: 'file:///etc' }, 'configuration'],
    [{ ANTHROPIC_API_KEY: KEY, ANTHROPIC_BASE_URL: 'http://me:hunter2@127.0.0.1' }, 'configuration'],
  ])('%j makes no client', (env, kind) => {
    let failure: RequestFailure | null = null;
    try {
      createJudgeClient({ judge: 'claude', env });
    } catch (error) {
      failure = (error as RequestFailed).failure;
    }
    expect(failure).toMatchObject({ action: 'stop', kind });
    expect(JSON.stringify(failure)).not.toMatch(/hunter2|secret/);
  });

  test('is taken out of a message that quotes it', async () => {
    const server = createServer((incoming, response) => {
      incoming.resume();
      response.writeHead(400, { 'content-type': 'application/json' });
      const message = `bad header ${incoming.headers.authorization} \u001b[31m`;
      response.end(JSON.stringify({ type: 'error', error: { type: 'invalid_request_error', message } }));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    try {
      const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
      const client = createJudgeClient({ judge: 'claude', env: { ANTHROPIC_API_KEY: KEY, ANTHROPIC_BASE_URL: url } });
      const call = buildCall(request('x'), instrument({ judge: 'claude', model: 'claude-haiku-4-5-20251001' }));
      const error: unknown = await client
        .send(call, { signal: never, deadlineMs: 5000 })
        .catch((thrown: unknown) => thrown);
      const shown = `${String(error)} ${JSON.stringify(error)} ${(error as Error).stack}`;
      expect(shown).toContain('[ANTHROPIC_API_KEY]');
      expect(shown).not.toContain(KEY);
      expect(shown).not.toContain('\u001b');
    } finally {
      server.close();
      server.closeAllConnections();
    }
  });

  test('goes to ANTHROPIC_BASE_URL as a bearer token', async () => {
    const received: ReceivedRequest[] = [];
    const server = await open.standIn({ onRequest: (each) => received.push(each) });
    const client = createJudgeClient({
      judge: 'claude',
      env: { ANTHROPIC_API_KEY: ` ${KEY} `, ANTHROPIC_BASE_URL: server.url },
    });
    await client
      .send(buildCall(request('x'), instrument()), { signal: never, deadlineMs: 5000 })
      .catch(() => undefined);
    expect(received[0]!.headers.authorization).toBe(`Bearer ${KEY}`);
  });
});

describe('judges are not confused', () => {
  test('a reply of the stand-in is refused where Claude was asked', async () => {
    const server = await open.standIn();
    const client = createJudgeClient({
      judge: 'claude',
      env: { ANTHROPIC_API_KEY: KEY, ANTHROPIC_BASE_URL: server.url },
    });
    const failure = await failureOf(
      client.send(buildCall(request('x'), instrument()), { signal: never, deadlineMs: 5000 }),
    );
    expect(failure).toMatchObject({ action: 'stop', kind: 'wrong_model' });
  });

  test('the stand-in does not know Claude', async () => {
    const server = await open.standIn();
    const call = buildCall(request('x'), instrument({ model: 'claude-haiku-4-5-20251001' }));
    const failure = await failureOf(standInClient(server).send(call, { signal: never, deadlineMs: 5000 }));
    expect(failure).toMatchObject({ action: 'stop', kind: 'unknown_model' });
  });
});
