/** Message batches over the wire, against the stand-in: what each call sends, reads and throws. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import {
  type BatchClient,
  type BatchResult,
  type BatchStatus,
  createBatchClient,
} from '../../../../judge/batches/client';
import { buildCall } from '../../../../judge/request';
import type { StandIn, StandInOptions } from '../../../../stand-in/server';
import type { Fault } from '../../../../stand-in/faults';
import { INSTRUMENT, instrument, request, requests, resources } from '../fixtures';

const { standIn } = resources();
const OPTIONS = { signal: new AbortController().signal, deadlineMs: 5000 };

let server: StandIn;
let client: BatchClient;

async function open(options: StandInOptions = {}): Promise<void> {
  server = await standIn({ batches: { processingMs: 0 }, ...options });
  client = createBatchClient({ judge: 'stand-in', env: {}, standInUrl: server.url });
}

function create(count: number, version = INSTRUMENT.apiVersion): Promise<BatchStatus> {
  const calls = requests(count).map((each) => buildCall(each, instrument({ apiVersion: version })));
  return client.create({ calls, label: 'a', upload: null }, OPTIONS);
}

async function ended(id: string): Promise<BatchStatus> {
  for (;;) {
    const status = await client.retrieve(id, OPTIONS);
    if (status.ended) return status;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

async function read(id: string, options = OPTIONS): Promise<BatchResult[]> {
  const results: BatchResult[] = [];
  for await (const result of client.results(id, options)) results.push(result);
  return results;
}

const failureOf = (call: Promise<unknown>) =>
  call.then(
    () => null,
    (error: { failure?: unknown }) => error.failure,
  );

test('create, look, results: every request comes back once, with its usage', async () => {
  await open();
  const made = await create(5);
  expect(made).toMatchObject({ requests: 5, finished: 0, ended: false, endedAt: null });
  const status = await ended(made.id);
  expect(status).toMatchObject({ id: made.id, requests: 5, finished: 5, createdAt: made.createdAt });
  expect(Date.parse(status.endedAt as string)).toBeGreaterThanOrEqual(Date.parse(made.createdAt));
  const results = await read(made.id);
  expect(results.map(({ customId }) => customId).sort()).toEqual(
    requests(5)
      .map(({ id }) => id)
      .sort(),
  );
  for (const result of results) {
    expect(result).toMatchObject({ kind: 'succeeded', reply: { text: '95', model: 'stand-in-judge-1' } });
    if (result.kind === 'succeeded') expect(result.reply.inputTokens).toBeGreaterThan(10);
  }
});

test('the API version of the creation decides what the requests may hold', async () => {
  await open();
  const made = await create(2, '2026-10-21');
  await ended(made.id);
  const [first] = await read(made.id);
  expect(first).toMatchObject({ kind: 'errored', type: 'invalid_request_error' });
  expect((first as { message: string }).message).toContain('temperature');
});

test('a request of its own kind of trouble', async () => {
  await open({ batches: { processingMs: 0, invalidShare: 0.3, apiErrorShare: 0.3, expiredShare: 0.3 } });
  const made = await create(40);
  await ended(made.id);
  const kinds = new Set((await read(made.id)).map((result) => (result.kind === 'errored' ? result.type : result.kind)));
  expect([...kinds].sort()).toEqual(['api_error', 'expired', 'invalid_request_error', 'succeeded']);
});

test('the list, newest first, page by page', async () => {
  await open();
  const ids: string[] = [];
  for (let count = 0; count < 101; count++) ids.push((await create(1)).id);
  const first = await client.list(null, OPTIONS);
  expect(first.batches.map(({ id }) => id)).toEqual(ids.slice(1).reverse());
  const second = await client.list(first.next, OPTIONS);
  expect(second).toMatchObject({ batches: [{ id: ids[0] }], next: null });
});

test('cancel; an ended batch refuses it', async () => {
  await open({ batches: { processingMs: 60_000, cancelingMs: 0 } });
  const made = await create(3);
  await client.cancel(made.id, OPTIONS);
  await ended(made.id);
  expect(new Set((await read(made.id)).map(({ kind }) => kind))).toContain('canceled');
  expect(await failureOf(client.cancel(made.id, OPTIONS))).toMatchObject({ action: 'item', kind: 'bad_request' });
});

test.each<[Fault, object]>([
  [
    { kind: 'spend_limit', on: 'batch_create' },
    { action: 'stop', kind: 'spend_limit' },
  ],
  [
    { kind: 'rate_limit', on: 'batch_create', retryAfter: '89' },
    { action: 'wait', delayMs: 89_000 },
  ],
  [
    { kind: 'server_error', on: 'batch_create' },
    { action: 'retry', kind: 'server' },
  ],
  [
    { kind: 'html_200', on: 'batch_create' },
    { action: 'retry', kind: 'wrong_shape', mayBePaid: true },
  ],
  [
    { kind: 'cut_body', on: 'batch_create' },
    { action: 'retry', mayBePaid: true },
  ],
  [
    { kind: 'reset', on: 'batch_create' },
    { action: 'retry', kind: 'network', mayBePaid: true },
  ],
  [
    { kind: 'unknown_model', on: 'batch_create' },
    { action: 'stop', kind: 'unknown_model' },
  ],
])('a creation that fails is not repeated: %j', async (fault, failure) => {
  const received: string[] = [];
  await open({ faults: [fault], onRequest: ({ method, path }) => received.push(`${method} ${path}`) });
  expect(await failureOf(create(2))).toMatchObject(failure);
  expect(received).toEqual(['POST /v1/messages/batches']);
});

test('results that are cut or stall give what came before, then a failure that may be repeated', async () => {
  await open({ faults: [{ kind: 'cut_results', rows: 7 }] });
  const made = await create(20);
  await ended(made.id);
  const got: BatchResult[] = [];
  const cut = async () => {
    for await (const result of client.results(made.id, OPTIONS)) got.push(result);
  };
  expect(await failureOf(cut())).toMatchObject({ action: 'retry' });
  expect(got.length).toBeGreaterThanOrEqual(7);
  server.setFaults([{ kind: 'stalled_body', on: 'batch_results' }]);
  expect(await failureOf(read(made.id, { ...OPTIONS, deadlineMs: 300 }))).toMatchObject({ action: 'retry' });
  expect(await read(made.id)).toHaveLength(20);
});

test('an abort ends the results with its reason', async () => {
  await open({ faults: [{ kind: 'stalled_body', on: 'batch_results' }] });
  const made = await create(20);
  await ended(made.id);
  const controller = new AbortController();
  const reading = read(made.id, { signal: controller.signal, deadlineMs: 60_000 });
  setTimeout(() => controller.abort(new Error('cancelled')), 200);
  await expect(reading).rejects.toThrow('cancelled');
});

test('the key is in no message', async () => {
  await open({ apiKey: 'another' });
  const env = { ANTHROPIC_API_KEY: 'sk-secret-of-a-test', ANTHROPIC_BASE_URL: server.url };
  const claude = createBatchClient({ judge: 'claude', env });
  const failure = await failureOf(claude.list(null, OPTIONS));
  expect(failure).toMatchObject({ action: 'stop', kind: 'authentication' });
  expect(JSON.stringify(failure)).not.toContain('sk-secret');
});

test('hostile texts come back by their ids, whatever they hold', async () => {
  await open();
  const texts = ['"}]}\n{"custom_id":"x"', '$& `{answer}`', 'lone \ud800 surrogate', '\u2028\u2029\u0000'];
  const calls = texts.map((text) => buildCall(request(text), INSTRUMENT));
  const made = await client.create({ calls, label: 'a', upload: null }, OPTIONS);
  await ended(made.id);
  const results = await read(made.id);
  expect(results.map(({ customId }) => customId).sort()).toEqual(calls.map(({ id }) => id).sort());
  expect(new Set(results.map(({ kind }) => kind))).toEqual(new Set(['succeeded']));
});

test.each([
  ['an error without its kind', { type: 'errored', error: { type: 'error', error: { message: 'too long' } } }],
  ['an error without anything', { type: 'errored' }],
  ['a kind that nobody knows', { type: 'eaten' }],
])('results with %s are no results', async (_, result) => {
  const other = createServer((_request, response) => response.end(`${JSON.stringify({ custom_id: 'a', result })}\n`));
  await new Promise<void>((listening) => other.listen(0, '127.0.0.1', listening));
  try {
    const standInUrl = `http://127.0.0.1:${(other.address() as AddressInfo).port}`;
    client = createBatchClient({ judge: 'stand-in', env: {}, standInUrl });
    expect(await failureOf(read('msgbatch_1'))).toMatchObject({ action: 'retry', kind: 'wrong_shape' });
  } finally {
    other.closeAllConnections();
    other.close();
  }
});
