/** Shards of judgements against a stand-in on a bad day: waits, retries, stops, an item's own fault. */
import { JudgeMustWait, JudgeStopped } from '../../../judge/errors';
import type { Clock } from '../../../judge/clock';
import { Pace } from '../../../judge/pacing/pace';
import { keyOf } from '../../../experiment/canonical';
import { instrument, journaled, judge, jumpingClock, request, requests, resources, standInClient } from './fixtures';

const open = resources();

describe('waiting and asking again', () => {
  test('a 429 holds everybody for what the server says and up to 20 % more', async () => {
    const { server, journal } = await open.setUp([{ kind: 'rate_limit', retryAfter: '7' }]);
    const clock = jumpingClock(0.5);
    const judged = await judge(server, { requests: requests(3), journal, ...clock, concurrency: 1 });
    expect(judged.missing).toEqual([]);
    expect(clock.slept).toEqual([7700]);
  });

  test.each([
    'server_error',
    'timeout',
    'conflict',
    'html_502',
    'html_200',
    'wrong_shape',
    'malformed',
    'cut_body',
    'reset',
    'stalled_body',
    'overloaded',
    'error_200',
    'ramp_limit',
  ] as const)('%s is overcome, with the same bytes', async (kind) => {
    const { server, received, journal } = await open.setUp([{ kind, count: 2 }]);
    const deadlineMs = kind === 'stalled_body' ? 100 : 5000;
    const judged = await judge(server, { requests: requests(1), journal, deadlineMs });
    expect(judged.counts.scored).toBe(1);
    expect(new Set(received.map(({ body }) => body)).size).toBe(1);
    expect(judged.requestsSent).toBe(3);
  });

  test('replies lost on the way count as paid', async () => {
    const { server, journal } = await open.setUp([{ kind: 'cut_body', count: 2 }]);
    const judged = await judge(server, { requests: requests(1), journal });
    expect(judged.provenance[0]!.requests).toBe(3);
    expect(judged.usage.requests).toBe(3);
    expect(server.ledger.paid).toBe(3);
  });

  test('what fails for ever is missing after 5 attempts, never a row, and asked again by the next run', async () => {
    const all = [request('good'), request('cursed')];
    const { server, folder, journal } = await open.setUp([{ kind: 'server_error', match: 'cursed' }]);
    const judged = await judge(server, { requests: all, journal });
    expect(judged.missing).toEqual([{ id: all[1]!.id, kind: 'server', message: '500 api_error: internal error' }]);
    expect(judged.rows.map(({ id }) => id)).toEqual([all[0]!.id]);
    expect(judged.requestsSent).toBe(6);
    server.setFaults([]);
    const next = await judge(server, { requests: all, journal: await open.journal(folder, 'a2') });
    expect(next).toMatchObject({ missing: [], requestsSent: 1 });
  });

  test('an item that is told to wait for ever is missing, too', async () => {
    const all = [request('cursed'), ...requests(300)];
    const { server, journal } = await open.setUp([{ kind: 'overloaded', match: 'cursed' }]);
    const judged = await judge(server, { requests: all, journal, concurrency: 2 });
    expect(judged.missing).toMatchObject([{ id: all[0]!.id, kind: 'overloaded' }]);
  });

  test('an unreachable judge is not asked for every item', async () => {
    const { server, journal } = await open.setUp([{ kind: 'server_error', every: 1 }]);
    const judged = await judge(server, { requests: requests(50), journal, concurrency: 1 });
    expect(judged.missing).toHaveLength(50);
    expect(judged.requestsSent).toBe(25);
    expect(judged.missing.filter(({ kind }) => kind === 'not_tried')).toHaveLength(45);
    expect(judged.missing.find(({ kind }) => kind === 'not_tried')!.message).toContain('500');
  });

  describe('the pauses of one that always fails', () => {
    /** `others`: what else the worker hears while it pauses, for the so many-th time. */
    async function pauses(others: (pace: Pace, pause: number) => void): Promise<number[]> {
      const { server, journal } = await open.setUp([{ kind: 'server_error', every: 1 }]);
      const clock = jumpingClock(1);
      const pace = Pace.alone(clock, 8);
      const sleep: Clock['sleep'] = async (milliseconds, signal) => {
        await clock.sleep(milliseconds, signal);
        others(pace, clock.slept.length);
      };
      await judge(server, { requests: requests(1), journal, ...clock, sleep, pace });
      return clock.slept;
    }

    test('sum to a restart of the server while nothing is answered', async () => {
      expect(await pauses(() => undefined)).toEqual([250, 4000, 8000, 16_000]);
    });

    test('are short while others are answered, whatever shard they are of', async () => {
      expect(await pauses((pace) => pace.heard())).toEqual([250, 500, 1000, 2000]);
    });

    test('stay short when it is the last one that is left', async () => {
      expect(await pauses((pace, pause) => pause === 1 && pace.heard())).toEqual([250, 500, 1000, 2000]);
    });
  });

  test('a judge that answers another shard is no unreachable one', async () => {
    const { server, journal } = await open.setUp([{ kind: 'server_error', every: 1 }]);
    const clock = jumpingClock();
    const pace = Pace.alone(clock, 1);
    const sleep: Clock['sleep'] = async (milliseconds, signal) => {
      await clock.sleep(milliseconds, signal);
      pace.heard();
    };
    const judged = await judge(server, { requests: requests(10), journal, ...clock, sleep, pace });
    expect(judged.requestsSent).toBe(50);
    expect(judged.missing.map(({ kind }) => kind)).toEqual(Array(10).fill('server'));
  });

  test('a long pause gives the slot back, with everything kept', async () => {
    const { server, folder, journal } = await open.setUp([
      { kind: 'rate_limit', retryAfter: '600', match: 'number 3' },
    ]);
    const error: unknown = await judge(server, { requests: requests(6), journal, concurrency: 1 }).catch(
      (thrown: unknown) => thrown,
    );
    expect(error).toBeInstanceOf(JudgeMustWait);
    expect((error as JudgeMustWait).delayMs).toBeGreaterThanOrEqual(600_000);
    expect((error as JudgeMustWait).delayMs).toBeLessThanOrEqual(720_000);
    expect((await journaled(folder)).finished.size).toBe(3);
  });

  test('a server that only ever says "later" is given up after minutes, not never', async () => {
    const { server, journal } = await open.setUp([{ kind: 'rate_limit', every: 1, retryAfter: '14' }]);
    const clock = jumpingClock();
    const started = clock.now();
    await expect(judge(server, { requests: requests(4), journal, ...clock })).rejects.toThrow(JudgeMustWait);
    expect(clock.now() - started).toBeLessThan(6 * 60_000);
  });
});

describe('systemic failures stop the shard and keep what is finished', () => {
  test.each([
    ['spend_limit', 'spend_limit'],
    ['billing', 'billing'],
    ['authentication', 'authentication'],
    ['permission', 'permission'],
    ['on_hold', 'permission'],
    ['unknown_model', 'unknown_model'],
  ] as const)('%s', async (kind, expected) => {
    const { server, folder, journal, received } = await open.setUp([{ kind, match: 'number 4' }]);
    const error: unknown = await judge(server, { requests: requests(20), journal, concurrency: 1 }).catch(
      (thrown: unknown) => thrown,
    );
    expect(error).toBeInstanceOf(JudgeStopped);
    expect((error as JudgeStopped).kind).toBe(expected);
    expect(received).toHaveLength(5);
    expect((await journaled(folder)).finished.size).toBe(4);
  });

  test('those in flight when it happens are kept', async () => {
    const { server, folder, journal } = await open.setUp([{ kind: 'billing', match: 'number 0' }], { latencyMs: 100 });
    await expect(judge(server, { requests: requests(20), journal, concurrency: 4 })).rejects.toThrow(JudgeStopped);
    expect((await journaled(folder)).finished.size).toBe(3);
    expect(server.ledger.paid).toBe(3);
  });

  test('the same bad request three times, and the control too: nothing becomes a row', async () => {
    const { server, folder, journal } = await open.setUp();
    const wrong = instrument({ apiVersion: '2026-10-21' });
    const key = keyOf(wrong);
    const all = Array.from({ length: 10 }, (_, index) => request(`Answer ${index}`, { key }));
    const error: unknown = await judge(server, {
      requests: all,
      journal,
      instruments: { [key]: wrong },
      concurrency: 1,
    }).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({
      name: 'JudgeStopped',
      kind: 'bad_request',
      message: expect.stringContaining('temperature'),
    });
    expect((await journaled(folder)).finished.size).toBe(0);
    expect(server.ledger.paid).toBe(0);
  });

  test('settings that are wrong for a shard of one are found out, too', async () => {
    const { server, journal } = await open.setUp([{ kind: 'bad_request', every: 1 }]);
    await expect(judge(server, { requests: requests(1), journal })).rejects.toMatchObject({ kind: 'bad_request' });
  });

  test('a limit that arrives as a plain 400 in the middle fails no item', async () => {
    const { server, folder, journal, received } = await open.setUp();
    const all = requests(20);
    const client = standInClient(server);
    const send: typeof client.send = (call, options) => {
      if (received.length === 8) server.setFaults([{ kind: 'bad_request', every: 1, message: 'usage limits' }]);
      return client.send(call, options);
    };
    await expect(
      judge(server, { requests: all, journal, client: { ...client, send }, concurrency: 1 }),
    ).rejects.toMatchObject({
      kind: 'bad_request',
    });
    const { finished } = await journaled(folder);
    expect([...finished.values()].map(({ row }) => row.status)).toEqual(Array(8).fill('scored'));
  });
});

describe("an item's own fault", () => {
  test('becomes a row once others are answered', async () => {
    const { server, journal } = await open.setUp([{ kind: 'bad_request', match: 'cursed', message: 'odd text' }]);
    const all = [request('cursed'), request('good')];
    const judged = await judge(server, { requests: all, journal, concurrency: 1 });
    expect(judged.rows.find(({ id }) => id === all[0]!.id)).toMatchObject({
      status: 'failed',
      score: null,
      raw: '400 invalid_request_error: odd text',
    });
    expect(judged).toMatchObject({ counts: { failed: 1, scored: 1 }, missing: [], requestsSent: 2 });
  });

  test('of the last item is settled by a control request', async () => {
    const { server, journal } = await open.setUp([{ kind: 'unprocessable', match: 'cursed' }]);
    const judged = await judge(server, { requests: [request('good'), request('cursed')], journal, concurrency: 1 });
    expect(judged).toMatchObject({ counts: { failed: 1, scored: 1 }, requestsSent: 3, usage: { requests: 2 } });
  });

  test('three alike in a row do not stop a shard whose control is answered', async () => {
    const { server, journal } = await open.setUp([{ kind: 'bad_request', match: 'cursed' }]);
    const all = [1, 2, 3, 4].map((index) => request(`cursed ${index}`));
    const judged = await judge(server, { requests: all, journal });
    expect(judged).toMatchObject({ counts: { failed: 4 }, missing: [] });
  });

  test('a control request that is lost leaves them missing', async () => {
    const { server, journal } = await open.setUp([{ kind: 'bad_request' }, { kind: 'server_error', every: 1 }]);
    const judged = await judge(server, { requests: requests(1), journal });
    expect(judged).toMatchObject({ rows: [], missing: [{ kind: 'bad_request' }] });
  });

  test('too large needs no proof', async () => {
    const { server, journal } = await open.setUp([{ kind: 'too_large' }]);
    const judged = await judge(server, { requests: requests(1), journal });
    expect(judged).toMatchObject({ counts: { failed: 1 }, requestsSent: 1, usage: { requests: 0 } });
  });
});
