/** The stand-in's Message Batches, asked by the real SDK: states, results, refusals, faults, and the death of its process. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import Anthropic from '@anthropic-ai/sdk';
import type { BatchOptions } from '../../../stand-in/batch-options';
import type { Fault } from '../../../stand-in/faults';
import type { StandInOptions } from '../../../stand-in/server';
import { resources } from '../judge/fixtures';

const open = resources();
const client = (baseURL: string) => new Anthropic({ apiKey: 'any', baseURL, maxRetries: 0 });
type Client = Anthropic;
type Item = Anthropic.Messages.BatchCreateParams.Request;

const item = (id: string, answer = `answer ${id}`, changes: object = {}): Item => ({
  custom_id: id,
  params: {
    model: 'stand-in-judge-1',
    max_tokens: 9,
    system: 'Judge it.\n[stand-in: contains "flamingo" -> 5 else 95]',
    messages: [{ role: 'user', content: JSON.stringify({ question: 'q', answer }) }],
    ...changes,
  },
});
const items = (count: number) => Array.from({ length: count }, (_, index) => item(`id-${index}`));

async function start(options: StandInOptions = {}, batches: BatchOptions = {}) {
  const server = await open.standIn({ ...options, batches: { processingMs: 30, cancelingMs: 30, ...batches } });
  return { server, sdk: client(server.url) };
}

async function ended(sdk: Client, id: string) {
  for (let tries = 0; tries < 400; tries++) {
    const batch = await sdk.messages.batches.retrieve(id);
    if (batch.processing_status === 'ended') return batch;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  throw new Error('the batch does not end');
}

async function results(sdk: Client, id: string) {
  const rows = [];
  for await (const row of await sdk.messages.batches.results(id)) rows.push(row);
  return rows;
}

describe('a batch', () => {
  test('is in progress, ends as a whole, and gives its results in an order of its own', async () => {
    const { server, sdk } = await start({}, { processingMs: 1_500 });
    const created = await sdk.messages.batches.create({ requests: [...items(19), item('bird', 'A flamingo.')] });
    expect(created).toMatchObject({
      id: expect.stringMatching(/^msgbatch_/),
      type: 'message_batch',
      processing_status: 'in_progress',
      request_counts: { processing: 20, succeeded: 0, errored: 0, canceled: 0, expired: 0 },
      ended_at: null,
      results_url: null,
      cancel_initiated_at: null,
    });
    expect(Date.parse(created.expires_at) - Date.parse(created.created_at)).toBe(86_400_000);
    await expect(sdk.messages.batches.results(created.id)).rejects.toThrow('results_url');
    const early = await fetch(`${server.url}/v1/messages/batches/${created.id}/results`, {
      headers: { 'x-api-key': 'x' },
    });
    expect(early.status).toBe(404);
    expect(server.ledger.paid).toBe(0);
    const done = await ended(sdk, created.id);
    expect(done.request_counts).toEqual({ processing: 0, succeeded: 20, errored: 0, canceled: 0, expired: 0 });
    expect(done.results_url).toBe(`${server.url}/v1/messages/batches/${created.id}/results`);
    const rows = await results(sdk, created.id);
    const ids = rows.map((row) => row.custom_id);
    expect(ids).not.toEqual([...items(19), item('bird')].map((each) => each.custom_id));
    expect(new Set(ids).size).toBe(20);
    expect((await results(sdk, created.id)).map((row) => row.custom_id)).toEqual(ids);
    const bird = rows.find((row) => row.custom_id === 'bird')!.result as Anthropic.Messages.MessageBatchSucceededResult;
    expect(bird).toMatchObject({
      type: 'succeeded',
      message: { type: 'message', content: [{ type: 'text', text: '5' }] },
    });
    const live = await sdk.messages.create(item('bird', 'A flamingo.').params);
    expect(bird.message).toEqual({ ...live });
    expect(server.ledger.summary()).toEqual({ paid: 21, distinctBodies: 20, judgements: 20, paidTwice: 0 });
    expect(server.stats()).toMatchObject({ requests: 1, paid: 21, batches: { created: 1, ended: 1, items: 20 } });
  });

  test('that is canceled keeps what was finished, pays only that, and ends soon', async () => {
    const { server, sdk } = await start({}, { processingMs: 1500, cancelingMs: 400 });
    const { id } = await sdk.messages.batches.create({ requests: items(100) });
    await expect(sdk.messages.batches.delete(id)).rejects.toMatchObject({ status: 400 });
    await new Promise((resolve) => setTimeout(resolve, 500));
    const canceling = await sdk.messages.batches.cancel(id);
    expect(canceling).toMatchObject({ processing_status: 'canceling', request_counts: { processing: 100 } });
    expect(await sdk.messages.batches.cancel(id)).toEqual(canceling);
    const { request_counts: counts } = await ended(sdk, id);
    expect(counts.succeeded + counts.canceled).toBe(100);
    expect(Math.min(counts.succeeded, counts.canceled)).toBeGreaterThan(10);
    expect(server.ledger.paid).toBe(counts.succeeded);
    const kinds = (await results(sdk, id)).map(({ result }) => result.type);
    expect(kinds.filter((kind) => kind === 'canceled')).toHaveLength(counts.canceled);
    await expect(sdk.messages.batches.cancel(id)).rejects.toMatchObject({ status: 400 });
    expect(await sdk.messages.batches.delete(id)).toEqual({ id, type: 'message_batch_deleted' });
    await expect(sdk.messages.batches.retrieve(id)).rejects.toMatchObject({ status: 404, type: 'not_found_error' });
  });

  test('that takes too long expires in part', async () => {
    const { sdk } = await start({}, { processingMs: 200, expiresMs: 100 });
    const { id } = await sdk.messages.batches.create({ requests: items(60) });
    const { request_counts: counts } = await ended(sdk, id);
    expect(counts.succeeded + counts.expired).toBe(60);
    expect(Math.min(counts.succeeded, counts.expired)).toBeGreaterThan(10);
  });

  test('shares of its items go wrong; passing errors pass, invalid items stay invalid', async () => {
    const { server, sdk } = await start({}, { invalidShare: 0.1, apiErrorShare: 0.1, expiredShare: 0.1 });
    const run = async () => {
      const { id } = await sdk.messages.batches.create({ requests: items(200) });
      await ended(sdk, id);
      const kinds: Record<string, number> = {};
      for (const { result } of await results(sdk, id)) {
        const kind = result.type === 'errored' ? result.error.error.type : result.type;
        kinds[kind] = (kinds[kind] ?? 0) + 1;
      }
      return kinds;
    };
    const first = await run();
    for (const kind of ['invalid_request_error', 'api_error', 'expired']) {
      expect(first[kind]).toBeGreaterThan(8);
      expect(first[kind]).toBeLessThan(35);
    }
    expect(server.ledger.paid).toBe(first['succeeded']);
    const invalid = first['invalid_request_error']!;
    expect(await run()).toEqual({ invalid_request_error: invalid, succeeded: 200 - invalid });
  });

  test('an item’s own params are looked at late, under the version of the create call; standing faults hold', async () => {
    const { sdk } = await start({ faults: [{ kind: 'refusal', match: 'refuse me' }] });
    const { id } = await sdk.messages.batches.create({
      requests: [
        item('good'),
        item('warm', 'a', { temperature: 0 }),
        item('model', 'a', { model: 'claude-haiku-4-5' }),
        item('refused', 'refuse me'),
      ],
    });
    expect((await ended(sdk, id)).request_counts).toMatchObject({ succeeded: 2, errored: 2 });
    const byId = Object.fromEntries((await results(sdk, id)).map((row) => [row.custom_id, row.result]));
    expect(byId['warm']).toMatchObject({
      error: {
        type: 'error',
        error: { type: 'invalid_request_error', message: expect.stringContaining('Extra inputs') },
      },
    });
    expect(byId['model']).toMatchObject({ error: { error: { type: 'not_found_error' } } });
    expect(byId['refused']).toMatchObject({ message: { stop_reason: 'refusal', content: [] } });
    const old = client(sdk.baseURL).withOptions({ defaultHeaders: { 'anthropic-version': '2023-06-01' } });
    const second = await old.messages.batches.create({ requests: [item('warm', 'a', { temperature: 0 })] });
    expect((await ended(sdk, second.id)).request_counts.succeeded).toBe(1);
  });
});

describe('create refuses', () => {
  test.each<[string, unknown, RegExp]>([
    ['a bad custom_id', [item('ok'), item('not ok')], /^requests\.1\.custom_id: String should match pattern/],
    ['one that is too long', [item('x'.repeat(65))], /pattern/],
    ['a duplicate', [item('a'), item('a')], /unique/],
    ['none at all', [], /at least one/],
    ['unknown keys', [{ ...item('a'), extra_body: {} }], /requests\.0\.extra_body: Extra inputs/],
    ['no params', [{ custom_id: 'a' }], /params/],
    ['too many', Array.from({ length: 100_001 }, (_, index) => ({ custom_id: `i${index}`, params: {} })), /100000/],
  ])('%s', async (_, requests, message) => {
    const { server, sdk } = await start();
    await expect(sdk.messages.batches.create({ requests: requests as Item[] })).rejects.toMatchObject({
      status: 400,
      apiMessage: expect.stringMatching(message),
    });
    expect((await sdk.messages.batches.list()).data).toEqual([]);
    expect(server.stats().batches.created).toBe(0);
  });
});

test('the list is paged, newest first', async () => {
  const { sdk } = await start();
  const ids: string[] = [];
  for (let index = 0; index < 5; index++) ids.unshift((await sdk.messages.batches.create({ requests: items(1) })).id);
  const all = [];
  for await (const batch of sdk.messages.batches.list({ limit: 2 })) all.push(batch.id);
  expect(all).toEqual(ids);
  const page = async (query: Anthropic.Messages.BatchListParams) => {
    const { data, has_more: more, first_id: first, last_id: last } = await sdk.messages.batches.list(query);
    expect([first, last]).toEqual([data[0]?.id ?? null, data.at(-1)?.id ?? null]);
    return [data.map(({ id }) => ids.indexOf(id)), more];
  };
  expect(await page({})).toEqual([[0, 1, 2, 3, 4], false]);
  expect(await page({ limit: 2, after_id: ids[1]! })).toEqual([[2, 3], true]);
  expect(await page({ limit: 2, after_id: ids[2]! })).toEqual([[3, 4], false]);
  expect(await page({ limit: 2, before_id: ids[3]! })).toEqual([[1, 2], true]);
  expect(await page({ limit: 9, before_id: ids[1]! })).toEqual([[0], false]);
  await expect(sdk.messages.batches.list({ limit: 0 })).rejects.toMatchObject({ status: 400 });
  await expect(sdk.messages.batches.list({ after_id: 'nobody' })).rejects.toMatchObject({ status: 400 });
});

describe('faults', () => {
  const with_ = (fault: Fault) => start({ faults: [fault] });

  test('a reply lost after the batch was made: it can only be found in the list', async () => {
    const { server, sdk } = await with_({ kind: 'reply_lost', on: 'batch_create' });
    await expect(sdk.messages.batches.create({ requests: items(3) })).rejects.toThrow(Anthropic.APIConnectionError);
    const { data } = await sdk.messages.batches.list();
    expect(data).toHaveLength(1);
    expect((await ended(sdk, data[0]!.id)).request_counts.succeeded).toBe(3);
    expect(server.ledger.paid).toBe(3);
  });

  test('a connection reset before: there is none', async () => {
    const { sdk } = await with_({ kind: 'reset', on: 'batch_create' });
    await expect(sdk.messages.batches.create({ requests: items(3) })).rejects.toThrow(Anthropic.APIConnectionError);
    expect((await sdk.messages.batches.list()).data).toEqual([]);
  });

  test('a late commit: made though the client has gone, and not to be found before', async () => {
    const { sdk } = await with_({ kind: 'late_commit', ms: 150 });
    await expect(sdk.messages.batches.create({ requests: items(1) }, { timeout: 50 })).rejects.toThrow(
      Anthropic.APIConnectionTimeoutError,
    );
    expect((await sdk.messages.batches.list()).data).toEqual([]);
    await new Promise((resolve) => setTimeout(resolve, 150));
    expect((await sdk.messages.batches.list()).data).toHaveLength(1);
  });

  test('a slow reply: made at once', async () => {
    const { sdk } = await with_({ kind: 'slow', ms: 200, on: 'batch_create' });
    await expect(sdk.messages.batches.create({ requests: items(1) }, { timeout: 50 })).rejects.toThrow(
      Anthropic.APIConnectionTimeoutError,
    );
    expect((await sdk.messages.batches.list()).data).toHaveLength(1);
  });

  test('not found yet: 404 for some time, though listed', async () => {
    const { sdk } = await with_({ kind: 'not_found_yet', ms: 100 });
    const { id } = await sdk.messages.batches.create({ requests: items(1) });
    await expect(sdk.messages.batches.retrieve(id)).rejects.toMatchObject({ status: 404 });
    expect((await sdk.messages.batches.list()).data.map((batch) => batch.id)).toEqual([id]);
    await new Promise((resolve) => setTimeout(resolve, 110));
    expect(await sdk.messages.batches.retrieve(id)).toMatchObject({ id });
  });

  test('results cut after some rows', async () => {
    const { sdk } = await with_({ kind: 'cut_results', rows: 4 });
    const { id } = await sdk.messages.batches.create({ requests: items(10) });
    await ended(sdk, id);
    const rows: string[] = [];
    const read = async () => {
      for await (const row of await sdk.messages.batches.results(id)) rows.push(row.custom_id);
    };
    await expect(read()).rejects.toThrow();
    expect(rows).toHaveLength(4);
    rows.length = 0;
    await read();
    expect(rows).toHaveLength(10);
  });

  test('errors of the API on any of its operations', async () => {
    const { sdk } = await with_({ kind: 'overloaded', on: 'batch_retrieve' });
    const { id } = await sdk.messages.batches.create({ requests: items(1) });
    await expect(sdk.messages.batches.retrieve(id)).rejects.toMatchObject({ status: 529 });
    expect(await sdk.messages.batches.retrieve(id)).toMatchObject({ id });
  });
});

describe('with a folder for its state', () => {
  test('batches go on after the server has ended, and are charged for once', async () => {
    const [state, ledger] = [open.folder(), join(open.folder(), 'ledger.jsonl')];
    const first = await start({ state, ledger }, { processingMs: 300 });
    const { id } = await first.sdk.messages.batches.create({ requests: items(30) });
    const closed = first.server.close();
    first.server.close = () => Promise.resolve();
    await closed;
    const second = await start({ state, ledger });
    expect((await second.sdk.messages.batches.list()).data).toMatchObject([{ id, processing_status: 'in_progress' }]);
    expect((await ended(second.sdk, id)).request_counts.succeeded).toBe(30);
    const rows = await results(second.sdk, id);
    await second.server.close();
    second.server.close = () => Promise.resolve();
    const third = await start({ state, ledger });
    expect(await results(third.sdk, id)).toEqual(rows);
    expect(third.server.ledger.summary()).toMatchObject({ paid: 30, paidTwice: 0 });
    await third.sdk.messages.batches.delete(id);
    expect(readdirSync(join(state, 'batches'))).toEqual([]);
  });

  test('what was charged for before a kill is not charged for again', async () => {
    const [state, ledger] = [open.folder(), join(open.folder(), 'ledger.jsonl')];
    const first = await start({ state, ledger }, { processingMs: 60_000 });
    const { id } = await first.sdk.messages.batches.create({ requests: items(5) });
    // as if it had been killed between the ledger and the record
    const entry = (each: string) => ({ at: '', sha256: '0'.repeat(64), id: `${id}/${each}`, judgement: each });
    first.server.ledger.add(['id-0', 'id-1', 'id-2', 'id-3', 'id-4'].map(entry));
    await first.sdk.messages.batches.cancel(id);
    await first.server.close();
    first.server.close = () => Promise.resolve();
    const second = await start({ state, ledger });
    await ended(second.sdk, id);
    expect(second.server.ledger.summary()).toMatchObject({ paid: 5, paidTwice: 0 });
  });
});
