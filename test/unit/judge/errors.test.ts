/**
 * The policies table row by row: every kind of failure in docs/judge-errors.md has a case here in which the stand-in fails
 * that way, and what is done about it is looked at from outside: requests, pauses, rows, what is missing, what is thrown.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createJudgeClient } from '../../../judge/client';
import {
  BY_ERROR_CODE,
  BY_ERROR_TYPE,
  BY_STATUS,
  type RequestFailure,
  JudgeMustWait,
  JudgeStopped,
  PAUSES_ACCOUNT,
  REMEDY,
  type StopKind,
} from '../../../judge/errors';
import type { Fault, FaultKind } from '../../../stand-in/faults';
import { installationRoot } from '../../../workers/places';
import { keyOf } from '../../../experiment/canonical';
import {
  instrument,
  INSTRUMENT,
  INSTRUMENT_KEY,
  journaled,
  judge,
  jumpingClock,
  request,
  requests,
  resources,
} from './fixtures';

const open = resources();

type Policy =
  /** Waits what the server says, then goes on. */
  | 'waits'
  /** Five requests at most, then the item is missing. */
  | 'retries'
  /** No row, nothing more is sent, the reason is thrown, and everybody who uses the account waits. */
  | 'pauses the account'
  /** The same, but only for what is being judged. */
  | 'stops'
  /** A row `failed`, and on with the next item. */
  | 'fails the item'
  /** Neither the item's nor everybody's fault until that is found out. */
  | 'finds out';

/** `faults`: how the stand-in shows it; the others have tests of their own below. */
const POLICIES: Record<RequestFailure['kind'], { policy: Policy; faults: FaultKind[] }> = {
  rate_limit: { policy: 'waits', faults: ['rate_limit'] },
  ramp_limit: { policy: 'waits', faults: ['ramp_limit'] },
  overloaded: { policy: 'waits', faults: ['overloaded', 'error_200'] },
  server: { policy: 'retries', faults: ['server_error', 'conflict', 'html_502'] },
  timeout: { policy: 'retries', faults: ['timeout'] },
  network: { policy: 'retries', faults: ['reset'] },
  deadline: { policy: 'retries', faults: ['stalled_body'] },
  cut_body: { policy: 'retries', faults: ['cut_body'] },
  malformed: { policy: 'retries', faults: ['malformed'] },
  wrong_shape: { policy: 'retries', faults: ['html_200', 'wrong_shape'] },
  spend_limit: { policy: 'pauses the account', faults: ['spend_limit'] },
  billing: { policy: 'pauses the account', faults: ['billing'] },
  authentication: { policy: 'pauses the account', faults: ['authentication'] },
  permission: { policy: 'pauses the account', faults: ['permission', 'on_hold'] },
  unknown_model: { policy: 'stops', faults: ['unknown_model'] },
  wrong_model: { policy: 'stops', faults: [] },
  configuration: { policy: 'stops', faults: [] },
  too_large: { policy: 'fails the item', faults: ['too_large'] },
  bad_request: { policy: 'finds out', faults: ['bad_request', 'unprocessable'] },
};

/** Kind and fault, of all rows with this policy. */
const cases = (policy: Policy): [RequestFailure['kind'], FaultKind][] =>
  Object.entries(POLICIES)
    .filter(([, row]) => row.policy === policy)
    .flatMap(([kind, { faults }]) =>
      faults.map((fault): [RequestFailure['kind'], FaultKind] => [kind as RequestFailure['kind'], fault]),
    );

async function setUp(faults: Fault[]) {
  const bodies: string[] = [];
  const server = await open.standIn({ faults, onRequest: ({ body }) => bodies.push(body) });
  const folder = open.folder();
  return { server, bodies, folder, journal: await open.journal(folder) };
}

/** A stalled body ends with the deadline only, and a deadline that is too short would end other replies. */
const deadlineOf = (fault: FaultKind): number => (fault === 'stalled_body' ? 100 : 5_000);
const thrownBy = (work: Promise<unknown>): Promise<unknown> => work.then(() => null).catch((error: unknown) => error);

describe('the table in the docs', () => {
  const text = readFileSync(join(installationRoot(), 'docs', 'judge-errors.md'), 'utf8');
  const table = /\| what comes back \| kind \|.*\n\|[-|]+\|\n((?:\|.*\n)+)/.exec(text)![1]!;
  const rows = table
    .trimEnd()
    .split('\n')
    .map((line) => line.split('|').map((cell) => cell.trim()))
    .map(([, what, kind, does]) => ({ what: what!, kind: kind!.replaceAll('`', ''), does: does! }));
  const rowOf = (kind: string) => rows.find((row) => row.kind === kind);

  test('has one row for each kind, and a case here for each row', () => {
    expect(rows.map(({ kind }) => kind).sort()).toEqual(Object.keys(POLICIES).sort());
  });

  test('has every kind that the code knows', () => {
    const rules = [BY_ERROR_CODE, BY_ERROR_TYPE, BY_STATUS].flatMap((each) => Object.values(each));
    for (const kind of [...rules.map((rule) => rule.kind), ...Object.keys(REMEDY)]) expect(rowOf(kind)).toBeDefined();
  });

  test('names every error code and every status of the code in the row of its kind', () => {
    for (const [code, { kind }] of Object.entries(BY_ERROR_CODE)) expect(rowOf(kind)!.what).toContain(`\`${code}\``);
    for (const [status, { kind }] of Object.entries(BY_STATUS)) expect(rowOf(kind)!.what).toContain(status);
  });

  test('says of whatever pauses the account that it does', () => {
    for (const { kind, does } of rows) {
      expect([kind, does.includes('pauses the account')]).toEqual([kind, PAUSES_ACCOUNT.has(kind as StopKind)]);
      expect([kind, PAUSES_ACCOUNT.has(kind as StopKind)]).toEqual([
        kind,
        POLICIES[kind as RequestFailure['kind']].policy === 'pauses the account',
      ]);
    }
  });
});

describe.each(cases('waits'))('%s (%s) waits', (kind, fault) => {
  test('what the server says and up to 20 % more, and sends the same bytes', async () => {
    const { server, bodies, journal } = await setUp([{ kind: fault, retryAfter: '7' }]);
    const clock = jumpingClock(0.5);
    const judged = await judge(server, { requests: requests(1), journal, ...clock });
    expect(clock.slept[0]).toBeGreaterThan(7_000);
    expect(clock.slept[0]).toBeLessThanOrEqual(8_400);
    expect(judged).toMatchObject({ requestsSent: 2, missing: [], counts: { scored: 1 }, troubles: { [kind]: 1 } });
    expect(new Set(bodies).size).toBe(1);
  });

  test('of its own accord when the server names no time', async () => {
    const { server, journal } = await setUp([{ kind: fault, count: 3, retryAfter: '' }]);
    const clock = jumpingClock(1);
    const judged = await judge(server, { requests: requests(1), journal, ...clock });
    expect(judged).toMatchObject({ requestsSent: 4, missing: [] });
    // pauses of up to 1, 2, 4 s, and a fifth of that
    expect(clock.slept).toEqual([1_200, 2_400, 4_800]);
  });

  test('not for ever: one item that is always told so is missing, 31 requests later', async () => {
    const { server, bodies, journal } = await setUp([{ kind: fault, match: 'cursed', retryAfter: '1' }]);
    const all = [request('cursed'), ...requests(300)];
    const judged = await judge(server, { requests: all, journal, concurrency: 2 });
    expect(judged.missing).toMatchObject([{ id: all[0]!.id, kind }]);
    expect(judged.rows).toHaveLength(300);
    expect(bodies.filter((body) => body.includes('cursed'))).toHaveLength(31);
  });

  test('not for ever: when nothing else is answered the shard is given back within minutes', async () => {
    const { server, bodies, journal } = await setUp([{ kind: fault, every: 1, retryAfter: '10' }]);
    const clock = jumpingClock();
    const started = clock.now();
    const error = await thrownBy(judge(server, { requests: requests(20), journal, ...clock }));
    expect(error).toBeInstanceOf(JudgeMustWait);
    expect(clock.now() - started).toBeLessThan(6 * 60_000);
    expect(bodies.length).toBeLessThan(20 * 31);
  });
});

describe.each(cases('retries'))('%s (%s) is repeated', (kind, fault) => {
  test('and overcome, with the same bytes', async () => {
    const { server, bodies, journal } = await setUp([{ kind: fault, count: 2 }]);
    const judged = await judge(server, { requests: requests(1), journal, deadlineMs: deadlineOf(fault) });
    expect(judged).toMatchObject({ requestsSent: 3, missing: [], counts: { scored: 1 }, troubles: { [kind]: 2 } });
    expect(new Set(bodies).size).toBe(1);
  });

  test('five times in all; then the item is missing, and no row', async () => {
    const { server, folder, journal } = await setUp([{ kind: fault, match: 'cursed' }]);
    const all = [request('cursed'), request('good')];
    const judged = await judge(server, { requests: all, journal, deadlineMs: deadlineOf(fault), concurrency: 1 });
    expect(judged.missing).toMatchObject([{ id: all[0]!.id, kind }]);
    expect(judged).toMatchObject({ requestsSent: 6, counts: { scored: 1 } });
    expect((await journaled(folder)).finished.size).toBe(1);
  });

  test('by a few items only when nothing is answered: the rest is not tried', async () => {
    const { server, journal } = await setUp([{ kind: fault, every: 1 }]);
    const deadlineMs = deadlineOf(fault);
    const judged = await judge(server, { requests: requests(100), journal, deadlineMs, concurrency: 8 });
    expect(judged.rows).toEqual([]);
    expect(judged.missing).toHaveLength(100);
    // those in flight, and those that started before five had failed
    const tried = judged.missing.filter((each) => each.kind === kind).length;
    expect(tried).toBeLessThan(8 + 5);
    expect(judged.missing.filter((each) => each.kind === 'not_tried')).toHaveLength(100 - tried);
    expect(judged.requestsSent).toBe(5 * tried);
  });
});

describe.each([...cases('pauses the account'), ...cases('stops')])('%s (%s) stops', (kind, fault) => {
  test('at once, with what a person can do; what is finished is kept, nothing becomes a row', async () => {
    const { server, bodies, folder, journal } = await setUp([{ kind: fault, match: 'number 4' }]);
    const error = await thrownBy(judge(server, { requests: requests(20), journal, concurrency: 1 }));
    expect(error).toBeInstanceOf(JudgeStopped);
    expect(error).toMatchObject({ kind, message: expect.stringContaining(REMEDY[kind as StopKind]) });
    expect(bodies).toHaveLength(5);
    expect([...(await journaled(folder)).finished.values()].map(({ row }) => row.status)).toEqual(
      Array(4).fill('scored'),
    );
  });
});

describe('wrong_model stops', () => {
  test('a stand-in that answers for Claude: the reply is thrown away', async () => {
    const { server, bodies, folder, journal } = await setUp([]);
    const claude = instrument({ judge: 'claude' });
    const key = keyOf(claude);
    const env = { ANTHROPIC_API_KEY: 'key', ANTHROPIC_BASE_URL: server.url };
    const error = await thrownBy(
      judge(server, {
        requests: Array.from({ length: 5 }, (_, index) => request(`Answer ${index}`, { key })),
        instruments: { [key]: claude },
        client: createJudgeClient({ judge: 'claude', env }),
        journal,
        concurrency: 1,
      }),
    );
    expect(error).toMatchObject({ name: 'JudgeStopped', kind: 'wrong_model' });
    expect(bodies).toHaveLength(1);
    expect((await journaled(folder)).finished.size).toBe(0);
  });
});

describe('configuration stops', () => {
  test.each([
    ['a judge of another kind', { [INSTRUMENT_KEY]: { ...INSTRUMENT, judge: 'claude' as const } }],
    ['a rubric that can not be used', { [INSTRUMENT_KEY]: { ...INSTRUMENT, rubric: 'no placeholder' } }],
    ['an instrument that is not there', {}],
  ])('%s: before any request', async (_, instruments) => {
    const { server, bodies, journal } = await setUp([]);
    const error = await thrownBy(judge(server, { requests: requests(3), journal, instruments }));
    expect(error).toMatchObject({ name: 'JudgeStopped', kind: 'configuration' });
    expect(bodies).toEqual([]);
  });
});

describe.each(cases('fails the item'))('%s (%s) fails the item', (_, fault) => {
  test('with one request, and goes on', async () => {
    const { server, journal } = await setUp([{ kind: fault, match: 'cursed' }]);
    const all = [request('cursed'), request('good')];
    const judged = await judge(server, { requests: all, journal, concurrency: 1 });
    expect(judged).toMatchObject({ requestsSent: 2, missing: [], counts: { failed: 1, scored: 1 } });
    expect(judged.rows.find(({ id }) => id === all[0]!.id)).toMatchObject({ status: 'failed', score: null });
  });
});

describe.each(cases('finds out'))('%s (%s)', (kind, fault) => {
  test('of an item while others are answered: a row `failed`', async () => {
    const { server, journal } = await setUp([{ kind: fault, match: 'cursed' }]);
    const judged = await judge(server, {
      requests: [request('cursed'), request('good')],
      journal,
      concurrency: 1,
    });
    expect(judged).toMatchObject({ requestsSent: 2, missing: [], counts: { failed: 1, scored: 1 } });
  });

  test('the same three times before any success: one harmless control, and judging stops without any row', async () => {
    const { server, bodies, folder, journal } = await setUp([{ kind: fault, every: 1 }]);
    const error = await thrownBy(judge(server, { requests: requests(20), journal, concurrency: 1 }));
    expect(error).toMatchObject({ name: 'JudgeStopped', kind });
    expect(bodies).toHaveLength(4);
    expect((await journaled(folder)).finished.size).toBe(0);
  });

  test('with many at once: what is in flight meanwhile, not the whole shard', async () => {
    const { server, bodies, journal } = await setUp([{ kind: fault, every: 1 }]);
    await thrownBy(judge(server, { requests: requests(200), journal, concurrency: 10 }));
    expect(bodies.length).toBeLessThan(3 + 3 * 10);
  });
});

describe('replies that are no score are rows', () => {
  test.each([
    { fault: 'refusal', status: 'judge_refused', asked: 1 },
    { fault: 'empty', status: 'judge_refused', asked: 1 },
    { fault: 'prose', status: 'unparsable', asked: 2 },
    { fault: 'out_of_range', status: 'unparsable', asked: 2 },
    { fault: 'max_tokens', status: 'unparsable', asked: 2 },
  ] as const)('$fault: $status after $asked request(s), all paid', async ({ fault, status, asked }) => {
    const { server, bodies, journal } = await setUp([{ kind: fault, match: 'cursed' }]);
    const all = [request('cursed'), request('good')];
    const judged = await judge(server, { requests: all, journal, concurrency: 1 });
    expect(judged.rows.find(({ id }) => id === all[0]!.id)).toMatchObject({ status, score: null });
    expect(judged).toMatchObject({ missing: [], counts: { scored: 1, [status]: 1 }, usage: { requests: 1 + asked } });
    expect(new Set(bodies).size).toBe(2);
    expect(server.ledger.paid).toBe(1 + asked);
  });
});
