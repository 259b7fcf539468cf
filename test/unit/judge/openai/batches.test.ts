/** OpenAI's Batch API over the wire, against the stand-in: what each call sends, reads and throws, and a shard from end to end. */
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { LocalStore } from '../../../../artifacts/local/store';
import {
  journaledAttempts,
  openJournal,
  readJournals,
  type Journal,
  type JournalContents,
} from '../../../../artifacts/journal';
import type { WorkKey } from '../../../../artifacts/store';
import { keyOf } from '../../../../experiment/canonical';
import { readTokenTable } from '../../../../experiment/expected-score';
import type { Instrument } from '../../../../experiment/plan';
import type { BatchClient, BatchResult, BatchStatus } from '../../../../judge/batches/client';
import { OPEN } from '../../../../judge/batches/gate';
import { runBatches } from '../../../../judge/batches/run';
import { BatchWaits } from '../../../../judge/batches/waits';
import { type RequestFailure, RequestFailed } from '../../../../judge/errors';
import { createOpenAiBatchClient } from '../../../../judge/openai/batches';
import { buildCall, type JudgeCall } from '../../../../judge/request';
import type { Fault } from '../../../../stand-in/faults';
import type { ReceivedRequest, StandIn, StandInOptions } from '../../../../stand-in/server';
import { instrument, request, requests, resources, RUBRIC } from '../fixtures';

const KEY = 'sk-secret-0123456789';
const EXPECTED = { topLogprobs: 20, leastMass: 0.25 };
const OPTIONS = { signal: new AbortController().signal, deadlineMs: 5000 };
const open = resources();

const chat = (changes: Partial<Instrument> = {}): Instrument =>
  instrument({ judge: 'openai', endpoint: '127.0.0.1/v1', apiVersion: 'chat-completions', ...changes });
const callsOf = (count: number, changes: Partial<Instrument> = {}): JudgeCall[] =>
  requests(count).map((each) => buildCall(each, chat(changes)));

function clientAt(url: string, keyVariable: string | null = 'LAB_KEY'): BatchClient {
  return createOpenAiBatchClient({ endpoint: { baseUrl: `${url}/v1`, keyVariable }, env: { LAB_KEY: KEY } });
}

async function start(options: StandInOptions = {}): Promise<{ server: StandIn; client: BatchClient }> {
  const server = await open.standIn({ batches: { processingMs: 0 }, ...options });
  return { server, client: clientAt(server.url) };
}

async function create(client: BatchClient, calls: JudgeCall[], label = 'a-label'): Promise<BatchStatus> {
  return client.create({ calls, label, upload: await client.upload!(calls, OPTIONS) }, OPTIONS);
}

async function ended(client: BatchClient, id: string): Promise<BatchStatus> {
  for (;;) {
    const status = await client.retrieve(id, OPTIONS);
    if (status.ended) return status;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

async function read(client: BatchClient, id: string): Promise<BatchResult[]> {
  const results: BatchResult[] = [];
  for await (const result of client.results(id, OPTIONS)) results.push(result);
  return results;
}

async function failureOf(work: Promise<unknown>): Promise<RequestFailure> {
  try {
    await work;
  } catch (error) {
    if (error instanceof RequestFailed) return error.failure;
    throw error;
  }
  throw new Error('it succeeded');
}

/** A server that answers so. */
async function answering(listener: RequestListener): Promise<string> {
  const server = createServer((incoming, response) => {
    incoming.resume();
    response.setHeader('content-type', 'application/json');
    listener(incoming, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  open.onEnd(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const ids = (count: number): string[] =>
  requests(count)
    .map(({ id }) => id)
    .sort();

test('upload, create, look, results: the bytes of live requests, each back once, with its usage and request id', async () => {
  const received: ReceivedRequest[] = [];
  const { client } = await start({ apiKey: KEY, onRequest: (each) => received.push(each) });
  const calls = callsOf(5);
  const made = await create(client, calls);
  expect(made).toMatchObject({ ended: false, endedAt: null, finished: 0 });
  expect(made.marks).toEqual(['a-label', expect.stringMatching(/^file-/)]);
  const status = await ended(client, made.id);
  expect(status).toMatchObject({ id: made.id, requests: 5, finished: 5, createdAt: made.createdAt, marks: made.marks });
  expect(Date.parse(status.endedAt as string)).toBeGreaterThanOrEqual(Date.parse(made.createdAt));
  const results = await read(client, made.id);
  expect(results.map(({ customId }) => customId).sort()).toEqual(ids(5));
  for (const result of results) {
    expect(result).toMatchObject({
      kind: 'succeeded',
      requestId: expect.stringMatching(/^req_/) as string,
      reply: { text: '95', stopReason: 'end_turn', model: 'stand-in-judge-1', outputTokens: 1 },
    });
  }
  const [upload, creation] = received as [ReceivedRequest, ReceivedRequest];
  expect(upload.path).toBe('/v1/files');
  for (const { body, id } of calls)
    expect(upload.body).toContain(
      `{"custom_id":"${id}","method":"POST","url":"/v1/chat/completions","body":${body}}\n`,
    );
  expect(JSON.parse(creation.body)).toEqual({
    input_file_id: made.marks![1],
    endpoint: '/v1/chat/completions',
    completion_window: '24h',
    metadata: { flamingo_batch: 'a-label' },
  });
  expect(received.every(({ headers }) => headers.authorization === `Bearer ${KEY}`)).toBe(true);
});

test('hostile texts come back by their ids, whatever they hold', async () => {
  const { client } = await start();
  const texts = [
    '"}\n{"custom_id":"x"',
    '\r\n--flamingo-requests--\r\n',
    'lone \ud800 surrogate',
    '\u2028\u2029\u0000',
  ];
  const calls = texts.map((text) => buildCall(request(text), chat()));
  const made = await create(client, calls);
  await ended(client, made.id);
  const results = await read(client, made.id);
  expect(results.map(({ customId }) => customId).sort()).toEqual(calls.map(({ id }) => id).sort());
  expect(new Set(results.map(({ kind }) => kind))).toEqual(new Set(['succeeded']));
});

test('a request of its own kind of trouble', async () => {
  const { client } = await start({
    batches: { processingMs: 0, invalidShare: 0.3, apiErrorShare: 0.3, expiredShare: 0.3 },
  });
  const made = await create(client, callsOf(40));
  await ended(client, made.id);
  const kinds = (await read(client, made.id)).map((each) =>
    each.kind === 'errored' ? String(each.status) : each.kind,
  );
  expect([...new Set(kinds)].sort()).toEqual(['400', '500', 'expired', 'succeeded']);
});

test('the list, newest first, page by page; cancel, and what has ended does not mind it', async () => {
  const { client } = await start({ batches: { processingMs: 60_000, cancelingMs: 0 } });
  const made: string[] = [];
  const upload = async () => client.upload!(callsOf(3), OPTIONS);
  for (let count = 0; count < 101; count++) {
    const batch = await client.create({ calls: [], label: `${count}`, upload: await upload() }, OPTIONS);
    made.push(batch.id);
  }
  const first = await client.list(null, OPTIONS);
  expect(first.batches.map(({ id }) => id)).toEqual(made.slice(1).reverse());
  expect(await client.list(first.next, OPTIONS)).toMatchObject({ batches: [{ id: made[0] }], next: null });
  await client.cancel(made[0]!, OPTIONS);
  await ended(client, made[0]!);
  expect(new Set((await read(client, made[0]!)).map(({ kind }) => kind))).toContain('canceled');
  await client.cancel(made[0]!, OPTIONS);
});

describe('a creation that fails is not repeated', () => {
  test.each<[Fault, Partial<RequestFailure>]>([
    [
      { kind: 'rate_limit', on: 'batch_create', retryAfter: '89' },
      { action: 'wait', delayMs: 89_000 },
    ],
    [
      { kind: 'spend_limit', on: 'batch_create' },
      { action: 'stop', kind: 'spend_limit' },
    ],
    [
      { kind: 'server_error', on: 'batch_create' },
      { action: 'retry', kind: 'server' },
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
      { kind: 'bad_request', on: 'batch_create' },
      { action: 'stop', kind: 'configuration' },
    ],
  ])('%j', async (fault, failure) => {
    const received: string[] = [];
    const { client } = await start({
      faults: [fault],
      onRequest: ({ method, path }) => received.push(`${method} ${path}`),
    });
    expect(await failureOf(create(client, callsOf(2)))).toMatchObject(failure);
    expect(received).toEqual(['POST /v1/files', 'POST /v1/batches']);
  });

  test('of a file that is not known yet: there is none, and it may be tried again', async () => {
    const { server, client } = await start();
    const failure = await failureOf(client.create({ calls: [], label: 'a', upload: 'file-late' }, OPTIONS));
    expect(failure).toMatchObject({ action: 'retry', kind: 'network', mayBePaid: false });
    expect(server.stats().batches.created).toBe(0);
  });
});

describe('a creation that is sent again with a new key', () => {
  async function created(renewalMs: number): Promise<{ failure: RequestFailure; sent: number }> {
    let sent = 0;
    const url = await answering((_, response) => {
      sent++;
      // the second is not answered
      if (sent === 1) response.writeHead(401).end(JSON.stringify({ error: { message: 'expired' } }));
    });
    const clock = jest.spyOn(Date, 'now');
    open.onEnd(() => clock.mockRestore());
    const renewKey = (): Promise<string> => {
      const later = Date.now() + renewalMs;
      clock.mockReturnValue(later);
      return Promise.resolve('sk-new');
    };
    const endpoint = { baseUrl: `${url}/v1`, keyVariable: 'LAB_KEY' };
    const client = createOpenAiBatchClient({ endpoint, env: { LAB_KEY: KEY }, renewKey });
    return { failure: await failureOf(client.create({ calls: [], label: 'a', upload: 'file-1' }, OPTIONS)), sent };
  }

  test('has the time that is left, and no more', async () => {
    const started = performance.now();
    const { failure, sent } = await created(4700);
    expect(failure).toMatchObject({ action: 'retry', kind: 'deadline' });
    expect(performance.now() - started).toBeLessThan(4000);
    expect(sent).toBe(2);
  });

  test('is not sent where none is left: others may have given it up', async () => {
    const { failure, sent } = await created(5000);
    expect(failure).toMatchObject({ action: 'retry', kind: 'network', mayBePaid: false });
    expect(sent).toBe(1);
  });
});

describe('a server without batches is told with what to do', () => {
  test.each([404, 405])('%i', async (status) => {
    const url = await answering((_, response) => {
      response.writeHead(status).end(JSON.stringify({ detail: 'Not Found' }));
    });
    const client = clientAt(url, null);
    for (const asked of [client.list(null, OPTIONS), client.upload!(callsOf(1), OPTIONS)]) {
      const failure = await failureOf(asked);
      expect(failure).toMatchObject({ action: 'stop', kind: 'configuration' });
      expect(failure.message).toContain(`${url}/v1`);
      expect(failure.message).toContain(`${status}`);
      expect(failure.message).toContain('`mode: live`');
    }
  });
});

test.each([
  ['token_limit_exceeded', { kind: 'queue_full' }],
  ['billing_hard_limit_reached', { kind: 'spend_limit' }],
  ['model_not_found', { kind: 'unknown_model' }],
  ['mismatched_model', { kind: 'configuration', message: expect.stringContaining('`mode: live`') as string }],
])('a batch that failed with %s', async (code, failure) => {
  const url = await answering((_, response) => {
    const errors = { object: 'list', data: [{ code, message: 'Words.', line: 3, param: null }] };
    response.end(JSON.stringify({ id: 'b', object: 'batch', status: 'failed', created_at: 1, failed_at: 2, errors }));
  });
  const status = await clientAt(url, null).retrieve('b', OPTIONS);
  expect(status).toMatchObject({ ended: true, endedAt: '1970-01-01T00:00:02.000Z', failure });
  expect(status.failure!.message).toContain('Words.');
});

test('requests that went well are paid: a batch whose file of results is not there yet has not ended', async () => {
  let output: string | null = null;
  const url = await answering((_, response) => {
    const counts = { total: 2, completed: 1, failed: 1 };
    const batch = { id: 'b', status: 'completed', created_at: 1, request_counts: counts, output_file_id: output };
    response.end(JSON.stringify(batch));
  });
  const client = clientAt(url, null);
  expect(await client.retrieve('b', OPTIONS)).toMatchObject({ ended: false });
  output = 'file-1';
  expect(await client.retrieve('b', OPTIONS)).toMatchObject({ ended: true });
});

test.each<[string, unknown]>([
  ['no list', { data: 'none' }],
  ['a batch of an unknown status', { data: [{ id: 'b', status: 'eaten', created_at: 1 }] }],
  ['a batch of no time', { data: [{ id: 'b', status: 'completed', created_at: 1e300 }] }],
])('%s is no list of batches', async (_, body) => {
  const url = await answering((_request, response) => void response.end(JSON.stringify(body)));
  expect(await failureOf(clientAt(url, null).list(null, OPTIONS))).toMatchObject({
    action: 'retry',
    kind: 'wrong_shape',
  });
});

test.each<[string, unknown]>([
  ['without response and error', { custom_id: 'a', response: null, error: null }],
  ['without an id', { response: { status_code: 200, body: {} } }],
  ['an error without its kind', { custom_id: 'a', error: { message: 'oh' } }],
])('results with a line %s are no results', async (_, line) => {
  const url = await answering(({ url: path }, response) => {
    const batch = { id: 'b', status: 'completed', created_at: 1, output_file_id: 'file-1' };
    response.end(path?.includes('/files/') === true ? `${JSON.stringify(line)}\n` : JSON.stringify(batch));
  });
  expect(await failureOf(read(clientAt(url, null), 'b'))).toMatchObject({ action: 'retry', kind: 'wrong_shape' });
});

test('results that are cut give what came before, then a failure that may be repeated', async () => {
  const { client } = await start({ faults: [{ kind: 'cut_results', rows: 7 }] });
  const made = await create(client, callsOf(20));
  await ended(client, made.id);
  const got: BatchResult[] = [];
  const cut = async () => {
    for await (const result of client.results(made.id, OPTIONS)) got.push(result);
  };
  expect(await failureOf(cut())).toMatchObject({ action: 'retry' });
  expect(got.length).toBeGreaterThanOrEqual(7);
  expect(await read(client, made.id)).toHaveLength(20);
});

test('the key is in no message', async () => {
  const { server } = await start({ apiKey: 'another' });
  const failure = await failureOf(clientAt(server.url).list(null, OPTIONS));
  expect(failure).toMatchObject({ action: 'stop', kind: 'authentication' });
  expect(JSON.stringify(failure)).not.toContain(KEY);
});

describe('a shard from end to end', () => {
  async function run(client: BatchClient, changes: Partial<Instrument>): Promise<JournalContents> {
    const asked = chat(changes);
    const store = await LocalStore.open(open.folder());
    const key = keyOf(asked);
    const own = Array.from({ length: 20 }, (_, index) => request(`Answer number ${index}.`, { key }));
    const work: WorkKey = { stage: 'judgements', group: 'context-instrument', key: keyOf('shard') };
    const signal = new AbortController().signal;
    for (let attempts = 1; ; attempts++) {
      const earlier = await journaledAttempts(store, work);
      let journal: Journal | undefined;
      try {
        await runBatches({
          ...{ store, work, account: 'openai', experiment: 'demo', usdOf: () => 0, client, gate: OPEN },
          ...{ timing: { lookMs: 20, createMs: 5000, settleMs: 200 }, now: Date.now, signal, hard: signal },
          ...{ requests: own, instruments: { [key]: asked }, host: 'test-host', holder: 'test' },
          read: () => readJournals(earlier),
          open: async () => (journal = await openJournal(await store.attempt(work, `a${attempts}`), earlier)),
          beforeCreate: () => Promise.resolve(),
          onPaid: () => Promise.resolve(),
          onProgress: () => undefined,
        });
        await journal?.close();
        return readJournals(await journaledAttempts(store, work));
      } catch (error) {
        await journal?.close();
        if (!(error instanceof BatchWaits)) throw error;
        await new Promise((resolve) => setTimeout(resolve, error.delayMs));
      }
    }
  }

  test('the reply to the creation is lost: the batch is found by its label; expected scores keep their tables', async () => {
    const { server, client } = await start({
      batches: { processingMs: 300, expiredShare: 0.2 },
      faults: [{ kind: 'reply_lost', on: 'batch_create' }],
    });
    const { finished } = await run(client, { expected: EXPECTED, maxTokens: 1 });
    expect(finished.size).toBe(20);
    for (const { row, provenance } of finished.values()) {
      expect(row.status).toBe('scored');
      expect(Number.isInteger(row.score)).toBe(false);
      expect(readTokenTable(row.raw)!.length).toBeGreaterThan(5);
      expect(provenance).toMatchObject({
        batch: expect.stringMatching(/^batch_/),
        requestId: expect.stringMatching(/^req_/),
      });
    }
    expect(server.ledger.summary()).toMatchObject({ paid: 20, paidTwice: 0 });
    expect(server.stats().batches.created).toBe(2); // the second is of what expired
  });

  test('the probability of words is read off a batch’s replies as off live ones', async () => {
    const { client } = await start({ batches: { processingMs: 100 } });
    const rubric = RUBRIC.replace('-> 5 else 95', '-> YES else NO');
    const words = { YES: 100, NO: 0 };
    const { finished } = await run(client, { rubric, words, verdicts: [], expected: EXPECTED, maxTokens: 1 });
    expect(finished.size).toBe(20);
    for (const { row } of finished.values()) {
      expect(row.status).toBe('scored');
      expect(row.score).toBeGreaterThan(0);
      expect(row.score).toBeLessThan(30);
      expect(readTokenTable(row.raw)!.map(({ token }) => token)).toContain(' YES');
    }
  });

  test('a refusal without log-probabilities is a row, and the verdicts beside it are kept', async () => {
    const { client } = await start();
    let refused = '';
    const refusing: BatchClient = {
      ...client,
      async *results(id, options) {
        for await (const result of client.results(id, options)) {
          if (refused === '' && result.kind === 'succeeded') {
            refused = result.customId;
            const { model, inputTokens, outputTokens } = result.reply;
            const reply = { text: 'I can not.', stopReason: 'refusal', model, inputTokens, outputTokens };
            yield { ...result, reply };
          } else yield result;
        }
      },
    };
    const { finished } = await run(refusing, { expected: EXPECTED, maxTokens: 1 });
    expect(finished.size).toBe(20);
    const statuses = [...finished.values()].map(({ row }) => [row.id === refused, row.status]);
    expect(new Set(statuses.map(String))).toEqual(new Set(['true,judge_refused', 'false,scored']));
  });

  test('answers without log-probabilities stop, as live ones do, and nothing is kept', async () => {
    const { client } = await start();
    const without: BatchClient = {
      ...client,
      async *results(id, options) {
        for await (const result of client.results(id, options)) {
          if (result.kind !== 'succeeded') continue;
          const { text, stopReason, model, inputTokens, outputTokens } = result.reply;
          yield { ...result, reply: { text, stopReason, model, inputTokens, outputTokens } };
        }
      },
    };
    await expect(run(without, { expected: EXPECTED, maxTokens: 1 })).rejects.toMatchObject({
      name: 'JudgeStopped',
      kind: 'configuration',
      message: expect.stringContaining('no log-probabilities') as string,
    });
  });
});
