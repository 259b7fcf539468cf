/** The stand-in's side of OpenAI's Batch API, asked by the official client: files, states, results, refusals, and the death of its process. */
import { join } from 'node:path';
import OpenAI, { toFile } from 'openai';
import type { BatchOptions } from '../../../stand-in/batch-options';
import type { StandInOptions } from '../../../stand-in/server';
import { resources } from '../judge/fixtures';

const open = resources();
type Client = OpenAI;
type Line = Record<string, unknown>;
const ENDPOINT = '/v1/chat/completions';

const line = (id: string, answer = `answer ${id}`, changes: Line = {}): Line => ({
  custom_id: id,
  method: 'POST',
  url: ENDPOINT,
  body: {
    model: 'stand-in-judge-1',
    max_tokens: 9,
    messages: [
      { role: 'system', content: 'Judge it.\n[stand-in: contains "flamingo" -> 5 else 95]' },
      { role: 'user', content: JSON.stringify({ question: 'q', answer }) },
    ],
  },
  ...changes,
});
const lines = (count: number): Line[] => Array.from({ length: count }, (_, index) => line(`id-${index}`));

async function start(options: StandInOptions = {}, batches: BatchOptions = {}) {
  const server = await open.standIn({ ...options, batches: { processingMs: 30, cancelingMs: 30, ...batches } });
  return { server, sdk: new OpenAI({ apiKey: 'any', baseURL: `${server.url}/v1`, maxRetries: 0 }) };
}

async function upload(sdk: Client, rows: readonly (Line | string)[]): Promise<string> {
  const text = rows.map((row) => `${typeof row === 'string' ? row : JSON.stringify(row)}\n`).join('');
  return (await sdk.files.create({ file: await toFile(Buffer.from(text), 'requests.jsonl'), purpose: 'batch' })).id;
}

async function create(sdk: Client, rows: readonly (Line | string)[], metadata: Record<string, string> | null = null) {
  const file = await upload(sdk, rows);
  return sdk.batches.create({ input_file_id: file, endpoint: ENDPOINT, completion_window: '24h', metadata });
}

const OVER = ['completed', 'failed', 'expired', 'cancelled'];

async function ended(sdk: Client, id: string) {
  for (let tries = 0; tries < 400; tries++) {
    const batch = await sdk.batches.retrieve(id);
    if (OVER.includes(batch.status)) return batch;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  throw new Error('the batch does not end');
}

async function rows(sdk: Client, file: string | null | undefined): Promise<Line[]> {
  if (file == null) return [];
  const text = await (await sdk.files.content(file)).text();
  return text
    .split('\n')
    .filter((row) => row !== '')
    .map((row) => JSON.parse(row) as Line);
}

test('a batch is looked through, worked on and put together, and its results are those of live requests', async () => {
  const { server, sdk } = await start({}, { processingMs: 600 });
  const made = await create(sdk, [...lines(19), line('bird', 'A flamingo.')], { of: 'this test' });
  expect(made).toMatchObject({
    object: 'batch',
    endpoint: ENDPOINT,
    completion_window: '24h',
    status: 'validating',
    metadata: { of: 'this test' },
    request_counts: { total: 0, completed: 0, failed: 0 },
    output_file_id: null,
    error_file_id: null,
    errors: null,
  });
  expect(made.expires_at! - made.created_at).toBe(86_400);
  const seen = new Set<string>([made.status]);
  while (!OVER.includes((await sdk.batches.retrieve(made.id)).status)) {
    seen.add((await sdk.batches.retrieve(made.id)).status);
    await new Promise((resolve) => setTimeout(resolve, 15));
  }
  expect([...seen].filter((status) => !OVER.includes(status))).toEqual(['validating', 'in_progress', 'finalizing']);
  const done = await sdk.batches.retrieve(made.id);
  expect(done).toMatchObject({ status: 'completed', request_counts: { total: 20, completed: 20, failed: 0 } });
  expect(done.error_file_id).toBeNull();
  expect(await sdk.files.retrieve(done.output_file_id!)).toMatchObject({ purpose: 'batch_output', object: 'file' });
  const results = await rows(sdk, done.output_file_id);
  expect(results.map((row) => row['custom_id'])).not.toEqual(
    [...lines(19), line('bird')].map((row) => row['custom_id']),
  );
  const bird = results.find((row) => row['custom_id'] === 'bird') as { response: { body: OpenAI.ChatCompletion } };
  expect(bird).toMatchObject({ error: null, response: { status_code: 200 } });
  const live = await sdk.chat.completions.create(line('bird', 'A flamingo.')['body'] as never);
  expect({ ...bird.response.body, created: 0 }).toEqual({ ...(live as object), created: 0 });
  expect(bird.response.body.choices[0]!.message.content).toBe('5');
  expect(server.ledger.summary()).toEqual({ paid: 21, distinctBodies: 20, judgements: 20, paidTwice: 0 });
});

test('log-probabilities come as they were asked for', async () => {
  const { sdk } = await start();
  const body = { ...(line('a')['body'] as Line), max_tokens: 1, logprobs: true, top_logprobs: 20 };
  const done = await ended(sdk, (await create(sdk, [line('a', 'x', { body })])).id);
  const [row] = (await rows(sdk, done.output_file_id)) as { response: { body: OpenAI.ChatCompletion } }[];
  expect(row!.response.body.choices[0]!.logprobs!.content![0]!.top_logprobs.length).toBeGreaterThan(5);
});

test('one that is cancelled keeps what was finished, pays only that, and can not be cancelled twice', async () => {
  const { server, sdk } = await start({}, { processingMs: 1500, cancelingMs: 300 });
  const { id } = await create(sdk, lines(100));
  await new Promise((resolve) => setTimeout(resolve, 500));
  expect(await sdk.batches.cancel(id)).toMatchObject({ status: 'cancelling' });
  const done = await ended(sdk, id);
  expect(done).toMatchObject({ status: 'cancelled', request_counts: { total: 100 } });
  const good = await rows(sdk, done.output_file_id);
  const bad = await rows(sdk, done.error_file_id);
  expect(good.length + bad.length).toBe(100);
  expect(Math.min(good.length, bad.length)).toBeGreaterThan(10);
  expect(bad[0]).toMatchObject({ response: null, error: { code: 'batch_cancelled' } });
  expect(server.ledger.paid).toBe(good.length);
  await expect(sdk.batches.cancel(id)).rejects.toMatchObject({ status: 409 });
});

test('one that takes too long expires in part; what expired is not paid', async () => {
  const { server, sdk } = await start({}, { processingMs: 200, expiresMs: 100 });
  const done = await ended(sdk, (await create(sdk, lines(60))).id);
  expect(done.status).toBe('expired');
  const good = await rows(sdk, done.output_file_id);
  const bad = await rows(sdk, done.error_file_id);
  expect(Math.min(good.length, bad.length)).toBeGreaterThan(10);
  expect(bad[0]).toMatchObject({ response: null, error: { code: 'batch_expired' } });
  expect(server.ledger.paid).toBe(good.length);
});

test('shares of its items go wrong, with the statuses and errors of this API; passing ones pass', async () => {
  const { sdk } = await start({}, { invalidShare: 0.1, apiErrorShare: 0.1 });
  const statuses = async () => {
    const done = await ended(sdk, (await create(sdk, lines(200))).id);
    const bad = (await rows(sdk, done.error_file_id)) as { response: { status_code: number } }[];
    return [400, 500].map((status) => bad.filter(({ response }) => response.status_code === status).length);
  };
  const [invalid, broken] = await statuses();
  for (const count of [invalid, broken]) {
    expect(count).toBeGreaterThan(8);
    expect(count).toBeLessThan(35);
  }
  expect(await statuses()).toEqual([invalid, 0]);
});

test.each<[string, (Line | string)[], string, number | null]>([
  ['nothing', [], 'empty_file', null],
  ['a line that is no JSON', [line('a'), '{"custom_id":'], 'invalid_json_line', 2],
  ['another method', [line('a', 'x', { method: 'GET' })], 'invalid_method', 1],
  ['another endpoint', [line('a', 'x', { url: '/v1/embeddings' })], 'mismatched_endpoint', 1],
  ['an id twice', [line('a'), line('a')], 'duplicate_custom_id', 2],
  ['two models', [line('a'), line('b', 'x', { body: { model: 'stand-in-judge-2' } })], 'mismatched_model', 2],
])('a file with %s makes a batch that fails, and nothing is paid', async (_, text, code, number) => {
  const { server, sdk } = await start();
  const done = await ended(sdk, (await create(sdk, text)).id);
  expect(done).toMatchObject({ status: 'failed', errors: { object: 'list', data: [{ code, line: number }] } });
  expect(done.failed_at).toBeGreaterThan(0);
  expect(server.ledger.paid).toBe(0);
});

test('the queue has a limit of tokens; what does not fit fails, and fits once the queue is empty', async () => {
  const { sdk } = await start({}, { processingMs: 400, enqueuedTokens: 3000 });
  const first = await create(sdk, lines(30));
  const failed = await ended(sdk, (await create(sdk, lines(30))).id);
  expect(failed.errors?.data?.[0]).toMatchObject({ code: 'token_limit_exceeded' });
  expect((await ended(sdk, first.id)).status).toBe('completed');
  expect((await ended(sdk, (await create(sdk, lines(30))).id)).status).toBe('completed');
});

describe('create refuses', () => {
  test.each<[string, object, string | null]>([
    ['a file that there is not', { input_file_id: 'file-none' }, 'file_id'],
    ['another endpoint', { endpoint: '/v1/embeddings' }, 'endpoint'],
    ['another window', { completion_window: '7d' }, 'completion_window'],
    ['too much metadata', { metadata: { key: 'x'.repeat(513) } }, 'metadata'],
  ])('%s', async (_, changes, param) => {
    const { server, sdk } = await start();
    const body = {
      input_file_id: await upload(sdk, lines(1)),
      endpoint: ENDPOINT,
      completion_window: '24h',
      ...changes,
    };
    await expect(sdk.batches.create(body as never)).rejects.toMatchObject({ status: 400, param });
    expect(server.stats().batches.created).toBe(0);
  });

  test('files that are not for batches, and forms that are none', async () => {
    const { server, sdk } = await start();
    const file = await toFile(Buffer.from('{}'), 'x.jsonl');
    await expect(sdk.files.create({ file, purpose: 'fine-tune' })).rejects.toMatchObject({ status: 400 });
    const reply = await fetch(`${server.url}/v1/files`, { method: 'POST', body: '{}' });
    expect(reply.status).toBe(400);
    expect(await reply.json()).toMatchObject({ error: { type: 'invalid_request_error', code: null } });
  });
});

test('lists are paged, newest first; files can be deleted', async () => {
  const { sdk } = await start();
  const ids: string[] = [];
  for (let index = 0; index < 5; index++) ids.unshift((await create(sdk, lines(1))).id);
  const all: string[] = [];
  for await (const batch of sdk.batches.list({ limit: 2 })) all.push(batch.id);
  expect(all).toEqual(ids);
  await expect(sdk.batches.list({ limit: 101 })).rejects.toMatchObject({ status: 400 });
  const files = (await sdk.files.list({ purpose: 'batch' })).data;
  expect(files).toHaveLength(5);
  expect(await sdk.files.delete(files[0]!.id)).toMatchObject({ deleted: true });
  await expect(sdk.files.retrieve(files[0]!.id)).rejects.toMatchObject({ status: 404 });
  await expect(sdk.batches.retrieve('batch_none')).rejects.toMatchObject({ status: 404 });
});

test('batches and files outlive the process', async () => {
  const [state, ledger] = [open.folder(), join(open.folder(), 'ledger.jsonl')];
  const first = await start({ state, ledger }, { processingMs: 300 });
  const { id } = await create(first.sdk, lines(30), { of: 'this test' });
  await first.server.close();
  first.server.close = () => Promise.resolve();
  const second = await start({ state, ledger });
  const done = await ended(second.sdk, id);
  expect(done).toMatchObject({ status: 'completed', metadata: { of: 'this test' } });
  const results = await rows(second.sdk, done.output_file_id);
  expect(results).toHaveLength(30);
  await second.server.close();
  second.server.close = () => Promise.resolve();
  const third = await start({ state, ledger });
  expect(await rows(third.sdk, done.output_file_id)).toEqual(results);
  expect(third.server.ledger.summary()).toMatchObject({ paid: 30, paidTwice: 0 });
});
