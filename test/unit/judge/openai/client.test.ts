import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expectedVerdict, readTokenTable } from '../../../../experiment/expected-score';
import type { Instrument } from '../../../../experiment/plan';
import type { JudgeSpec } from '../../../../experiment/spec';
import { type RequestFailure, RequestFailed } from '../../../../judge/errors';
import { createChatClient } from '../../../../judge/openai/client';
import { parseReply } from '../../../../judge/parse';
import { preflight, preflightOf } from '../../../../judge/preflight';
import { buildCall, type JudgeCall } from '../../../../judge/request';
import type { Fault } from '../../../../stand-in/faults';
import type { ReceivedRequest } from '../../../../stand-in/server';
import { instrument, request, resources, RUBRIC } from '../fixtures';

const KEY = 'sk-secret-0123456789';
const EXPECTED = { topLogprobs: 20, leastMass: 0.25 };
const open = resources();
const options = { signal: new AbortController().signal, deadlineMs: 250 };

const chat = (changes: Partial<Instrument> = {}): Instrument =>
  instrument({ judge: 'openai', endpoint: '127.0.0.1/v1', apiVersion: 'chat-completions', ...changes });

function clientAt(url: string, keyVariable: string | null = 'LAB_KEY', env: NodeJS.ProcessEnv = { LAB_KEY: KEY }) {
  return createChatClient({ endpoint: { baseUrl: `${url}/v1`, keyVariable }, env });
}

async function failureOf(work: () => Promise<unknown>): Promise<RequestFailure> {
  try {
    await work();
  } catch (error) {
    if (error instanceof RequestFailed) return error.failure;
    throw error;
  }
  throw new Error('it succeeded');
}

/** A server that answers every request with this. */
async function answering(status: number, body: unknown, headers: Record<string, string> = {}): Promise<string> {
  const server = createServer((_, response) => {
    response.writeHead(status, { 'content-type': 'application/json', ...headers });
    response.end(typeof body === 'string' ? body : JSON.stringify(body));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  open.onEnd(() => server.close());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const completion = (choice: object, model = 'gpt-4o-2024-08-06'): object => ({
  id: 'c',
  object: 'chat.completion',
  model,
  choices: [
    { index: 0, message: { role: 'assistant', content: '85', refusal: null }, finish_reason: 'stop', ...choice },
  ],
  usage: { prompt_tokens: 100, completion_tokens: 1, total_tokens: 101 },
});

const gpt = (changes: Partial<Instrument> = {}): JudgeCall =>
  buildCall(request('fine'), chat({ model: 'gpt-4o-2024-08-06', ...changes }));

test('the request is a chat completion of the judge’s own bytes, with the key of its own variable', async () => {
  const received: ReceivedRequest[] = [];
  const server = await open.standIn({ onRequest: (each) => received.push(each) });
  const call = buildCall(request('a flamingo'), chat({ expected: EXPECTED, maxTokens: 1 }));
  const reply = await clientAt(server.url).send(call, options);
  expect(reply).toMatchObject({ text: '5', stopReason: 'end_turn', model: 'stand-in-judge-1', outputTokens: 1 });
  expect(reply.requestId).toMatch(/^req_stand_in_/);
  expect(reply.tokens!.length).toBeGreaterThan(5);
  const [{ path, headers, body }] = received as [ReceivedRequest];
  expect(path).toBe('/v1/chat/completions');
  expect(headers.authorization).toBe(`Bearer ${KEY}`);
  expect(headers['anthropic-version']).toBeUndefined();
  expect(body).toBe(call.body);
  expect(JSON.parse(body)).toEqual({
    model: 'stand-in-judge-1',
    max_tokens: 1,
    temperature: 0,
    logprobs: true,
    top_logprobs: 20,
    messages: [{ role: 'user', content: expect.stringContaining('a flamingo') }],
  });
});

test('the json form has a system message, the combined one a schema, OpenAI’s own API the newer limit', () => {
  const parts = ['alignment', 'coherence'];
  const made = buildCall(
    request('fine'),
    chat({ form: 'json', rubric: 'Rate.', parts, metric: 'both', temperature: null, endpoint: 'api.openai.com/v1' }),
  );
  expect(made.params).toMatchObject({
    max_completion_tokens: 16,
    response_format: {
      type: 'json_schema',
      json_schema: { name: 'scores', strict: true, schema: { required: parts, additionalProperties: false } },
    },
    messages: [{ role: 'system', content: 'Rate.' }, { role: 'user' }],
  });
  expect(made.params).not.toHaveProperty('temperature');
  expect(made.params).not.toHaveProperty('max_tokens');
});

test('without a variable no key is sent, whatever the environment holds', async () => {
  const received: ReceivedRequest[] = [];
  const server = await open.standIn({ onRequest: (each) => received.push(each) });
  const env = { OPENAI_API_KEY: KEY, OPENAI_ORG_ID: 'org', OPENAI_BASE_URL: 'http://127.0.0.1:9/v1' };
  await clientAt(server.url, null, env).send(buildCall(request('fine'), chat()), options);
  expect(JSON.stringify(received)).not.toContain(KEY);
  expect(received[0]!.headers.authorization).toBeUndefined();
  expect(received[0]!.headers['openai-organization']).toBeUndefined();
});

test.each([
  [{}, /LAB_KEY is not set/],
  [{ LAB_KEY: 'two words' }, /LAB_KEY holds white space/],
])('a key that can not be sent is told before any request: %j', async (env, message) => {
  const failure = await failureOf(() => Promise.resolve(clientAt('http://127.0.0.1:9', 'LAB_KEY', env)));
  expect(failure).toMatchObject({ action: 'stop', kind: 'authentication', message: expect.stringMatching(message) });
});

describe('every failure has its action', () => {
  const cases: [Fault, Partial<RequestFailure>][] = [
    [
      { kind: 'rate_limit', retryAfter: '7' },
      { action: 'wait', kind: 'rate_limit', delayMs: 7000 },
    ],
    [{ kind: 'ramp_limit' }, { action: 'wait', kind: 'ramp_limit' }],
    [{ kind: 'spend_limit' }, { action: 'stop', kind: 'spend_limit' }],
    [{ kind: 'billing' }, { action: 'stop', kind: 'billing' }],
    [{ kind: 'authentication' }, { action: 'stop', kind: 'authentication' }],
    [{ kind: 'permission' }, { action: 'stop', kind: 'permission' }],
    [{ kind: 'unknown_model' }, { action: 'stop', kind: 'unknown_model' }],
    [{ kind: 'bad_request' }, { action: 'item', kind: 'bad_request' }],
    [{ kind: 'too_large' }, { action: 'item', kind: 'too_large' }],
    [{ kind: 'timeout' }, { action: 'retry', kind: 'timeout' }],
    [{ kind: 'server_error' }, { action: 'retry', kind: 'server', mayBePaid: false }],
    [{ kind: 'overloaded' }, { action: 'retry', kind: 'server', mayBePaid: false }],
    [{ kind: 'html_502' }, { action: 'retry', kind: 'server' }],
    [{ kind: 'html_200' }, { action: 'retry', kind: 'wrong_shape', mayBePaid: true }],
    [{ kind: 'wrong_shape' }, { action: 'retry', kind: 'wrong_shape', mayBePaid: true }],
    [{ kind: 'malformed' }, { action: 'retry', kind: 'malformed', mayBePaid: true }],
    [{ kind: 'cut_body' }, { action: 'retry', kind: 'cut_body', mayBePaid: true }],
    [{ kind: 'reset' }, { action: 'retry', kind: 'network', mayBePaid: true }],
    [{ kind: 'stalled_body' }, { action: 'retry', kind: 'deadline', mayBePaid: true }],
  ];
  test.each(cases)('%j', async (fault, expected) => {
    const server = await open.standIn({ faults: [fault] });
    const failure = await failureOf(() => clientAt(server.url).send(buildCall(request('fine'), chat()), options));
    expect(failure).toMatchObject(expected);
    expect(failure.message).not.toContain(KEY);
  });

  test('a quota that is used up is no rate limit, although both are 429', async () => {
    const body = { error: { message: `no quota for ${KEY}`, type: 'insufficient_quota', code: 'insufficient_quota' } };
    const url = await answering(429, body);
    const failure = await failureOf(() => clientAt(url).send(gpt(), options));
    expect(failure).toMatchObject({ action: 'stop', kind: 'billing', message: expect.stringContaining('[LAB_KEY]') });
    expect(failure.message).not.toContain(KEY);
  });

  test('a limit that is used up is waited for as the headers say', async () => {
    const url = await answering(
      429,
      { error: { message: 'slow', type: 'tokens', code: 'rate_limit_exceeded' } },
      {
        'x-ratelimit-limit-tokens': '30000',
        'x-ratelimit-remaining-tokens': '0',
        'x-ratelimit-reset-tokens': '1m2.5s',
        'x-ratelimit-limit-requests': '500',
        'x-ratelimit-remaining-requests': '499',
        'x-ratelimit-reset-requests': '120ms',
      },
    );
    const failure = await failureOf(() => clientAt(url).send(gpt(), options));
    expect(failure).toMatchObject({
      action: 'wait',
      kind: 'rate_limit',
      delayMs: 60_000,
      limits: { exhausted: true, limits: { requestsPerMinute: 500, inputTokensPerMinute: 30_000 } },
    });
  });
});

test('a refusal is one by the message, by the reason, and by a content filter’s 400', async () => {
  const send = async (status: number, body: unknown) => clientAt(await answering(status, body)).send(gpt(), options);
  expect(await send(200, completion({ message: { content: null, refusal: 'I can not.' } }))).toMatchObject({
    stopReason: 'refusal',
    text: 'I can not.',
  });
  expect(await send(200, completion({ message: { content: '' }, finish_reason: 'content_filter' }))).toMatchObject({
    stopReason: 'refusal',
  });
  expect(await send(400, { error: { message: 'filtered', code: 'content_filter' } })).toMatchObject({
    stopReason: 'refusal',
    inputTokens: 0,
    outputTokens: 0,
  });
});

test('no log-probabilities stop the judging, and an empty table does not', async () => {
  const call = gpt({ expected: EXPECTED });
  for (const logprobs of [null, undefined, {}, { content: null }]) {
    const url = await answering(200, completion({ logprobs }));
    expect(await failureOf(() => clientAt(url).send(call, options))).toMatchObject({
      action: 'stop',
      kind: 'configuration',
      message: expect.stringContaining('score: text'),
    });
  }
  const refusals = [
    { logprobs: null, message: { content: null, refusal: 'I can not.' } },
    { logprobs: { content: null }, message: { content: null }, finish_reason: 'content_filter' },
  ];
  for (const refusal of refusals) {
    const reply = await clientAt(await answering(200, completion(refusal))).send(call, options);
    expect(parseReply(reply, chat({ expected: EXPECTED })).status).toBe('judge_refused');
  }
  const empty = await answering(200, completion({ logprobs: { content: [] } }));
  expect((await clientAt(empty).send(call, options)).tokens).toEqual([]);
  const broken = await answering(200, completion({ logprobs: { content: [{ top_logprobs: [{ token: 5 }] }] } }));
  expect(await failureOf(() => clientAt(broken).send(call, options))).toMatchObject({ kind: 'wrong_shape' });
});

test('the probability of words is read off the first token', async () => {
  const server = await open.standIn();
  const rubric = RUBRIC.replace('-> 5 else 95', '-> YES else NO');
  const words = { YES: 100, NO: 0 };
  const scoreOf = async (answer: string) => {
    const asked = chat({ rubric, words, verdicts: [], expected: EXPECTED, maxTokens: 1 });
    const reply = await clientAt(server.url).send(buildCall(request(answer), asked), options);
    expect(reply.tokens!.map(({ token }) => token)).toEqual(
      expect.arrayContaining([
        'YES',
        'NO',
        'The',
        expect.stringMatching(/^(yes|no)$/),
        expect.stringMatching(/^ (YES|NO)$/),
      ]),
    );
    return parseReply(reply, asked);
  };
  const [with_, without] = [await scoreOf('a flamingo'), await scoreOf('a heron')];
  expect([with_.status, without.status]).toEqual(['scored', 'scored']);
  expect(with_.score).toBeGreaterThan(70);
  expect(with_.score).toBeLessThan(100);
  expect(without.score).toBeGreaterThan(0);
  expect(without.score).toBeLessThan(30);
  // read again from what is kept, by the values that somebody else gives them
  const kept = readTokenTable(with_.raw)!;
  expect(expectedVerdict(kept, EXPECTED, [], { YES: 0, NO: 100 }).score).toBeCloseTo(100 - with_.score!, 5);
});

test('a real model’s scores and the stand-in’s are never confused', async () => {
  const server = await open.standIn();
  expect(await failureOf(() => clientAt(server.url).send(gpt(), options))).toMatchObject({ kind: 'wrong_model' });
  const real = await answering(200, completion({}));
  const call = buildCall(request('fine'), chat());
  expect(await failureOf(() => clientAt(real).send(call, options))).toMatchObject({ kind: 'wrong_model' });
});

describe('the check before any work', () => {
  const found = (url: string, changes: Partial<Instrument> = {}) =>
    preflight(clientAt(url, null), chat({ model: 'gpt-4o-2024-08-06', expected: EXPECTED, ...changes }), {
      sleep: () => Promise.resolve(),
    });
  const table = (token: string) => ({
    logprobs: { content: [{ token, top_logprobs: [{ token, logprob: -0.01 }] }] },
    message: { content: token },
  });

  test('passes the stand-in', async () => {
    const server = await open.standIn();
    expect(await found(server.url, { model: 'stand-in-judge-1' })).toMatchObject({ ok: true });
  });

  test('refuses a server without log-probabilities, and a model that writes digit by digit', async () => {
    // the same body is no model to the look-up, whose `id` is there
    expect(await found(await answering(200, completion({})))).toMatchObject({ ok: false, kind: 'configuration' });
    expect(await found(await answering(200, completion(table('8'))))).toMatchObject({
      ok: false,
      action: 'stop',
      message: expect.stringContaining('several tokens'),
    });
    expect(await found(await answering(200, completion(table('85'))))).toMatchObject({ ok: true });
  });

  test('takes a model that writes digit by digit where words are all that it is asked for', async () => {
    const digits = await answering(200, completion(table('8')));
    const judge = { kind: 'openai', model: 'gpt-4o-2024-08-06', apiVersion: 'chat-completions', temperature: 0 };
    const endpoint = { baseUrl: 'http://127.0.0.1/v1', keyVariable: null };
    const spec = { ...judge, expected: EXPECTED, endpoint } as unknown as JudgeSpec;
    const asked = (words?: Record<string, number>) =>
      chat({ model: 'gpt-4o-2024-08-06', expected: EXPECTED, ...(words === undefined ? {} : { words }) });
    const looked = (instruments: Instrument[]) =>
      preflight(clientAt(digits, null), preflightOf(spec, instruments), { sleep: () => Promise.resolve() });
    const words = asked({ YES: 100, NO: 0 });
    expect(await looked([words, chat({ categories: { A: 1, B: 0 } }), instrument()])).toMatchObject({ ok: true });
    expect(await looked([words, asked()])).toMatchObject({ ok: false, kind: 'configuration' });
    expect(await looked([])).toMatchObject({ ok: false });
    const silent = await answering(200, completion({}));
    expect(await preflight(clientAt(silent, null), preflightOf(spec, [words]))).toMatchObject({
      ok: false,
      message: expect.stringContaining('sends no log-probabilities'),
    });
  });

  test('tells a chat template that fails', async () => {
    const body = {
      object: 'error',
      message: 'Chat template error: no system role',
      type: 'BadRequestError',
      code: 400,
    };
    expect(await found(await answering(400, body))).toMatchObject({
      ok: false,
      message: expect.stringContaining('Chat template error'),
    });
  });
});

describe('a key that the server refuses in mid-run', () => {
  const at = (url: string, renewKey: () => Promise<string | null>) =>
    createChatClient({
      endpoint: { baseUrl: `${url}/v1`, keyVariable: 'LAB_KEY' },
      env: { LAB_KEY: 'old-key' },
      renewKey,
    });
  const call = buildCall(request('fine'), chat());

  test('is renewed once for all that were refused together, and the requests go on', async () => {
    const server = await open.standIn({ apiKey: KEY });
    const renewKey = jest.fn().mockResolvedValue(`${KEY}\n`);
    const client = at(server.url, renewKey);
    const replies = await Promise.all([1, 2, 3].map(() => client.send(call, options)));
    expect(replies.map(({ text }) => text)).toEqual([replies[0]!.text, replies[0]!.text, replies[0]!.text]);
    expect(renewKey).toHaveBeenCalledTimes(1);
    expect(renewKey).toHaveBeenCalledWith('LAB_KEY');
    expect(server.ledger.paid).toBe(3);
  });

  test.each([
    ['nothing renews it', () => Promise.resolve(null)],
    ['the new one is refused, too', () => Promise.resolve('another-wrong-key')],
    ['the command fails', () => Promise.reject(new Error('the command that renews LAB_KEY ended with 1'))],
    ['what comes can be no key', () => Promise.resolve('two words')],
  ])('stays refused where %s, and no key stands in the message', async (_, renewKey) => {
    const server = await open.standIn({ apiKey: KEY });
    const failure = await failureOf(() => at(server.url, renewKey).send(call, options));
    expect(failure).toMatchObject({ action: 'stop', kind: 'authentication' });
    expect(failure.message).not.toMatch(/old-key|another-wrong-key|two words/);
    expect(server.ledger.paid).toBe(0);
  });
});
