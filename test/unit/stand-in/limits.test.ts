/** The stand-in's rate limits and latency, its statistics, and the ideal time computed from both. */
import { parseCommandLine } from '../../../stand-in/command-line';
import { idealMs, parseIdealOptions } from '../../../stand-in/ideal';
import { latencies, parseLatency } from '../../../stand-in/latency';
import { Limiter, parseLimits } from '../../../stand-in/limits';
import type { StandIn, StandInOptions } from '../../../stand-in/server';
import { resources } from '../judge/fixtures';

const open = resources();
const FREE = { inputTokens: 0, outputTokens: 0 };

function ask(server: StandIn, text = 'x', model = 'stand-in-judge-1') {
  return fetch(`${server.url}/v1/messages`, {
    method: 'POST',
    headers: { 'x-api-key': 'x', 'anthropic-version': '2023-06-01' },
    body: JSON.stringify({ model, max_tokens: 5, messages: [{ role: 'user', content: text }] }),
  });
}

describe('the buckets', () => {
  test('hold a second’s worth, refill continuously, and charge nothing for a rejection', () => {
    const limiter = new Limiter({ requestsPerMinute: 600 }, 0);
    const admitted = (now: number) => limiter.admit(now, FREE) === null;
    expect(Array.from({ length: 12 }, () => admitted(0))).toEqual([...Array<boolean>(10).fill(true), false, false]);
    expect(limiter.waitMs(0)).toBeCloseTo(100);
    expect([admitted(99), admitted(100), admitted(100), admitted(200)]).toEqual([false, true, false, true]);
    expect(limiter.waitMs(10_000)).toBe(0);
  });

  test('`burst` is the capacity for requests', () => {
    const limiter = new Limiter({ requestsPerMinute: 60, burst: 3 }, 0);
    expect(Array.from({ length: 4 }, () => limiter.admit(0, FREE)?.waitMs ?? 0)).toEqual([0, 0, 0, 1000]);
  });

  test.each(['inputTokens', 'outputTokens'] as const)('%s go into debt, and the mean is exact', (kind) => {
    const limiter = new Limiter({ [`${kind}PerMinute`]: 60_000 }, 0);
    let now = 0;
    for (let index = 0; index < 50; index++) {
      expect(limiter.admit(now, { ...FREE, [kind]: 3000 })).toBeNull();
      now += limiter.waitMs(now);
    }
    expect(now).toBeGreaterThan(50 * 3000 - 1001);
    expect(now).toBeLessThan(50 * 3000);
  });

  test('requests at once follow the schedule from the first request on', () => {
    const limiter = new Limiter(
      {
        concurrency: 3,
        schedule: [
          { atMs: 1000, concurrency: 1 },
          { atMs: 2000, concurrency: 2 },
        ],
      },
      0,
    );
    const start = 5000;
    expect([1, 2, 3, 4].map(() => limiter.admit(start, FREE)?.waitMs)).toEqual([undefined, undefined, undefined, null]);
    [1, 2, 3].forEach(() => limiter.release());
    expect([1, 2].map(() => limiter.admit(start + 1000, FREE) === null)).toEqual([true, false]);
    expect([1, 2].map(() => limiter.admit(start + 2000, FREE) === null)).toEqual([true, false]);
  });

  test.each([
    { requestsPerMinute: 0 },
    { concurrency: 1.5 },
    { perHour: 3 },
    {
      schedule: [
        { atMs: 5, concurrency: 1 },
        { atMs: 5, concurrency: 2 },
      ],
    },
  ])('%j are no limits', (limits) => expect(() => parseLimits(limits)).toThrow());
});

describe('over HTTP', () => {
  test('429 with the vendor’s headers, on replies as well; each model has its own limits', async () => {
    const server = await open.standIn({
      limits: { requestsPerMinute: 2, burst: 1, inputTokensPerMinute: 6_000_000, outputTokensPerMinute: 600 },
    });
    const first = await ask(server, 'x'.repeat(4000));
    expect(first.status).toBe(200);
    expect(Object.fromEntries([...first.headers].filter(([name]) => name.startsWith('anthropic-')))).toEqual({
      'anthropic-ratelimit-requests-limit': '2',
      'anthropic-ratelimit-requests-remaining': '0',
      'anthropic-ratelimit-requests-reset': expect.stringMatching(/^\d{4}-.*Z$/),
      'anthropic-ratelimit-input-tokens-limit': '6000000',
      'anthropic-ratelimit-input-tokens-remaining': '99000',
      'anthropic-ratelimit-input-tokens-reset': expect.any(String),
      'anthropic-ratelimit-output-tokens-limit': '600',
      'anthropic-ratelimit-output-tokens-remaining': '9',
      'anthropic-ratelimit-output-tokens-reset': expect.any(String),
      'anthropic-ratelimit-tokens-limit': '600',
      'anthropic-ratelimit-tokens-remaining': '9',
      'anthropic-ratelimit-tokens-reset': expect.any(String),
    });
    const reset = Date.parse(first.headers.get('anthropic-ratelimit-requests-reset')!) - Date.now();
    expect(reset).toBeGreaterThan(25_000);
    expect(reset).toBeLessThan(31_000);
    const second = await ask(server);
    expect(second.status).toBe(429);
    expect(second.headers.get('retry-after')).toBe('30');
    expect(await second.json()).toMatchObject({ type: 'error', error: { type: 'rate_limit_error' } });
    expect((await ask(server, 'x', 'stand-in-judge-2')).status).toBe(200);
    expect(server.ledger.paid).toBe(2);
    expect(server.stats()).toMatchObject({
      requests: 3,
      paid: 2,
      rejected: { rate_limit: 1 },
      statuses: { 200: 2, 429: 1 },
    });
  });

  test.each([
    [undefined, '1'],
    [true, '1'],
    [false, null],
    [89, '89'],
  ])('retryAfter %j', async (retryAfter, header) => {
    const server = await open.standIn({
      limits: { concurrency: 0, ...(retryAfter === undefined ? {} : { retryAfter }) },
    });
    const response = await ask(server);
    expect([response.status, response.headers.get('retry-after')]).toEqual([429, header]);
  });

  test('requests at once, whether they end or their client goes', async () => {
    const server = await open.standIn({ limits: { concurrency: 2 }, latencyMs: 150 });
    const statuses = await Promise.all([1, 2, 3, 4].map(async () => (await ask(server)).status));
    expect(statuses.sort()).toEqual([200, 200, 429, 429]);
    expect(server.stats()).toMatchObject({ inFlight: 0, peakInFlight: 2 });
    const impatient = fetch(`${server.url}/v1/messages`, {
      method: 'POST',
      headers: { 'x-api-key': 'x', 'anthropic-version': '2023-06-01' },
      body: JSON.stringify({ model: 'stand-in-judge-1', max_tokens: 5, messages: [{ role: 'user', content: 'x' }] }),
      signal: AbortSignal.timeout(50),
    });
    await expect(impatient).rejects.toThrow();
    await new Promise((resolve) => setTimeout(resolve, 30));
    expect(server.stats()).toMatchObject({ inFlight: 0, paid: 3 });
  });

  test('can be set, seen and cleared; a reset fills the buckets and forgets the statistics', async () => {
    const server = await open.standIn({ controlToken: 't' });
    const headers = { 'x-control-token': 't' };
    const send = (method: string, path: string, body?: unknown) =>
      fetch(server.url + path, { method, headers, ...(body === undefined ? {} : { body: JSON.stringify(body) }) });
    const limits = { requestsPerMinute: 60, burst: 1 };
    expect(await (await send('POST', '/limits', limits)).json()).toEqual({ limits });
    expect([(await ask(server)).status, (await ask(server)).status]).toEqual([200, 429]);
    expect(await (await send('POST', '/reset')).json()).toEqual({ ok: true });
    expect(await (await send('GET', '/stats')).json()).toMatchObject({
      requests: 0,
      paid: 0,
      rejected: {},
      firstRequestAt: null,
    });
    expect(await (await send('GET', '/ledger')).json()).toMatchObject({ paid: 0, distinctBodies: 0 });
    expect((await ask(server)).status).toBe(200);
    expect(await (await send('GET', '/limits')).json()).toEqual({ limits });
    expect(await (await send('DELETE', '/limits')).json()).toEqual({ limits: {} });
    expect((await send('POST', '/limits', { concurrency: -1 })).status).toBe(400);
    expect((await ask(server)).status).toBe(200);
  });

  test('statistics know the longest time with nothing in flight', async () => {
    const server = await open.standIn({ latencyMs: 20 });
    await ask(server);
    await new Promise((resolve) => setTimeout(resolve, 250));
    await ask(server);
    const { longestIdleMs, firstRequestAt, lastReplyAt } = server.stats();
    expect(longestIdleMs).toBeGreaterThan(240);
    expect(longestIdleMs).toBeLessThan(lastReplyAt! - firstRequestAt! - 35);
  });
});

test('latencies are uniform, seeded, and in whole milliseconds', () => {
  expect(parseLatency('250')).toBe(250);
  const range = parseLatency('100-300');
  for (const text of ['300-100', '-1', 'fast', '']) expect(() => parseLatency(text)).toThrow(TypeError);
  const take = (seed: number) => Array.from({ length: 4000 }, latencies(range, seed));
  const values = take(1);
  expect(take(1)).toEqual(values);
  expect(take(2)).not.toEqual(values);
  expect(Math.min(...values)).toBe(100);
  expect(Math.max(...values)).toBe(300);
  expect(values.every(Number.isInteger)).toBe(true);
  expect(values.reduce((sum, value) => sum + value, 0) / values.length).toBeCloseTo(200, -1);
});

describe('the ideal time', () => {
  test('of concurrency alone is the work divided among the lanes', () => {
    expect(idealMs({ requests: 4000, concurrency: 200, latency: 200 })).toBe(4000);
    const drawn = idealMs({ requests: 4000, concurrency: 200, latency: { min: 100, max: 300 } });
    expect(drawn).toBeGreaterThan(3950);
    expect(drawn).toBeLessThan(4400);
    expect(idealMs({ requests: 2000, concurrency: 200, latency: 200, limits: { concurrency: 20 } })).toBe(20_000);
    expect(idealMs({ requests: 7, concurrency: 3 })).toBe(0);
  });

  test('of a rate is what exceeds the burst, divided by the rate', () => {
    const limits = { requestsPerMinute: 3000, burst: 50 };
    expect(idealMs({ requests: 2000, concurrency: 200, latency: 100, limits })).toBeCloseTo(
      (1950 / 50) * 1000 + 100,
      3,
    );
    const tokens = { inputTokensPerMinute: 60_000 };
    expect(() => idealMs({ requests: 5, concurrency: 1, limits: tokens })).toThrow(TypeError);
    // a thousand in the bucket: two starts of 600, then each waits for its debt
    expect(idealMs({ requests: 5, concurrency: 9, inputTokens: 600, limits: tokens })).toBeCloseTo(4 * 600 - 1000, 0);
  });

  test('of a limit that falls and returns', () => {
    const schedule = [
      { atMs: 0, concurrency: 50 },
      { atMs: 5000, concurrency: 10 },
      { atMs: 15_000, concurrency: 50 },
    ];
    // 25 rounds of 50, 50 rounds of 10, the rest in rounds of 50
    const of = (requests: number) => idealMs({ requests, concurrency: 200, latency: 200, limits: { schedule } });
    expect([of(1250), of(1260), of(1750), of(1800)]).toEqual([5000, 5200, 15_000, 15_200]);
    expect(() => idealMs({ requests: 1, concurrency: 1, limits: { concurrency: 0 } })).toThrow(RangeError);
  });

  test('of scripted delays', () => {
    const delayed = { share: 0.05, seconds: 89 };
    const ms = idealMs({ requests: 1000, concurrency: 50, latency: 200, delayed });
    expect(ms).toBeGreaterThan(89_000 + 200);
    expect(ms).toBeLessThan(89_000 + 4000 + 200);
    expect(idealMs({ requests: 100, concurrency: 100, latency: 200, delayed: { share: 1, seconds: 2 } })).toBe(2200);
    expect(idealMs({ requests: 100, concurrency: 10, latency: 200, delayed: { share: 0, seconds: 2 } })).toBe(2000);
  });

  test('reads its options as JSON', () => {
    const options = parseIdealOptions(
      '{"requests": 10, "concurrency": 2, "latency": "100-100", "limits": {"concurrency": 1}}',
    );
    expect(idealMs(options)).toBe(1000);
    expect(idealMs(parseIdealOptions('{"requests": 10, "concurrency": 2, "latency": 100}'))).toBe(500);
    expect(() => parseIdealOptions('{"requests": 10}')).toThrow();
    expect(() => parseIdealOptions('{"requests": 10, "concurrency": 2, "limit": 1}')).toThrow();
  });

  test.each<[string, StandInOptions & object, number]>([
    ['concurrency', { limits: { concurrency: 8 }, latencyMs: { min: 10, max: 30 } }, 200],
    ['a rate', { limits: { requestsPerMinute: 12_000, burst: 20 }, latencyMs: 5 }, 200],
  ])('is what a client needs that keeps to %s, and no client is faster', async (_, options, requests) => {
    const server = await open.standIn(options);
    const { limits = {}, latencyMs = 0 } = options;
    const concurrency = limits.concurrency ?? 16;
    const ideal = idealMs({ requests, concurrency, limits, latency: latencyMs });
    let left = requests;
    let rejected = 0;
    const lane = async () => {
      while (left > 0) {
        left--;
        for (;;) {
          const response = await ask(server);
          await response.arrayBuffer();
          if (response.status === 200) break;
          rejected++;
          await new Promise((resolve) => setTimeout(resolve, 20));
        }
      }
    };
    const started = performance.now();
    await Promise.all(Array.from({ length: concurrency }, lane));
    const took = performance.now() - started;
    expect(took).toBeGreaterThan(ideal * 0.97); // timers round to milliseconds
    if (limits.concurrency !== undefined) expect(rejected).toBe(0);
  });
});

describe('the command line', () => {
  test('gives every option of the server', () => {
    const flags = [
      '--port',
      '4010',
      '--host',
      '::1',
      '--ledger',
      'l',
      '--latency',
      '100-300',
      '--seed',
      '7',
      '--state',
      's',
    ];
    flags.push('--faults', '[{"kind": "reset"}]', '--limits', '{"concurrency": 9, "retryAfter": 89}');
    flags.push('--batches', '{"processingMs": 5}', '--lifecycles', '{"stand-in-judge-2": "retired"}');
    expect(parseCommandLine(flags)).toEqual({
      port: 4010,
      host: '::1',
      ledger: 'l',
      latencyMs: { min: 100, max: 300 },
      seed: 7,
      state: 's',
      faults: [{ kind: 'reset' }],
      limits: { concurrency: 9, retryAfter: 89 },
      batches: { processingMs: 5 },
      lifecycles: { 'stand-in-judge-2': 'retired' },
    });
    expect(parseCommandLine([])).toMatchObject({ port: 0, host: '127.0.0.1', latencyMs: 0, faults: [], limits: {} });
  });

  test.each([
    ['--port', 'x'],
    ['--latency', 'fast'],
    ['--limits', '{"rpm": 3}'],
    ['--faults', '{'],
    ['--speed', '3'],
  ])('%s %s is refused', (...flags) => expect(() => parseCommandLine(flags)).toThrow());
});
