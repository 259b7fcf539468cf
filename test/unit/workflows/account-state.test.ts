/** Who may send how much: the decisions of an account's workflow, without Temporal. */
import { NO_RATES } from '../../../experiment/rates';
import { JudgeAccount, fairShare } from '../../../workflows/account-state';
import type { AccountBounds, Share, ShareRequest } from '../../../workflows/account-messages';

/** A worker that is killed keeps its share for so long. */
const VALID_MS = 6_000;

let now: number;
let account: JudgeAccount;
beforeEach(() => {
  now = Date.parse('2026-01-01T00:00:00Z');
  account = new JudgeAccount(JudgeAccount.fresh('test'), () => now);
});

const BOUNDS: AccountBounds = { ...NO_RATES, concurrency: 20 };

/** A worker's first request brings it nothing, so it says it twice. */
function ask(worker: string, changes: Partial<ShareRequest> = {}): Share {
  const { model = 'judge-1', demand = 100 } = changes;
  if (demand > 0 && account.snapshot.models[model]?.holders[worker] === undefined) askOnce(worker, changes);
  return askOnce(worker, changes);
}

function askOnce(worker: string, changes: Partial<ShareRequest> = {}): Share {
  return account.share({
    worker,
    model: 'judge-1',
    demand: 100,
    knownLimit: null,
    neverRejected: true,
    inFlight: 0,
    // as far as the last share allows, as a worker promises that is busy
    promisedInFlight: account.snapshot.models[changes.model ?? 'judge-1']?.holders[worker]?.maxInFlight ?? 0,
    bounds: BOUNDS,
    learned: NO_RATES,
    held: null,
    ...changes,
  });
}

/** The server has had too many at once, and takes `knownLimit` of this worker. */
const found = (knownLimit: number, inFlight = knownLimit) => ({ neverRejected: false, knownLimit, inFlight });
const holder = (worker: string) => account.snapshot.models['judge-1']!.holders[worker]!;
const unassigned = () => account.snapshot.models['judge-1']!.unassigned;

describe('fair shares', () => {
  const holders = (...demands: number[]) =>
    Object.fromEntries(demands.map((demand, index) => [`w${index}`, { demand }]));
  const shares = (total: number, ...demands: number[]): number[] =>
    demands.map((_, index) => fairShare(total, `w${index}`, holders(...demands)));

  test.each([
    { total: 20, demands: [100], parts: [20] },
    { total: 20, demands: [100, 100], parts: [10, 10] },
    { total: 20, demands: [3, 100], parts: [3, 17] },
    { total: 20, demands: [100, 1, 5], parts: [14, 1, 5] },
    { total: 20, demands: [2, 3], parts: [2, 3] },
    { total: 2, demands: [9, 9, 9], parts: [0, 1, 1] },
    { total: 0, demands: [9, 9], parts: [0, 0] },
  ])('$total among $demands', ({ total, demands, parts }) => {
    expect(shares(total, ...demands)).toEqual(parts);
  });

  test('never add up to more than there is, nor to less than is wanted', () => {
    for (let seed = 1; seed < 200; seed++) {
      const demands = Array.from({ length: 1 + (seed % 7) }, (_, index) => (seed * (index + 3) * 31) % 23);
      const total = (seed * 17) % 60;
      const sum = shares(total, ...demands).reduce((one, other) => one + other, 0);
      expect(sum).toBe(
        Math.min(
          total,
          demands.reduce((one, other) => one + other, 0),
        ),
      );
    }
  });

  test('who is not there gets nothing', () => {
    expect(fairShare(20, 'stranger', holders(1, 2))).toBe(0);
  });
});

describe('shares', () => {
  test('one worker gets everything, for some seconds', () => {
    expect(ask('a')).toMatchObject({
      maxInFlight: 20,
      fraction: 1,
      workers: 1,
      mayProbe: true,
      validMs: VALID_MS,
      pause: null,
    });
  });

  test('workers that come in the same moment share what there is from the start', () => {
    for (const worker of ['a', 'b', 'c', 'd']) expect(askOnce(worker)).toMatchObject({ maxInFlight: 0, renewMs: 25 });
    for (const worker of ['a', 'b', 'c', 'd'])
      expect(askOnce(worker)).toMatchObject({ maxInFlight: 5, fraction: 0.25 });
  });

  test('a newcomer waits until the other one has renewed and its surplus has come back', () => {
    ask('a');
    expect(ask('b')).toMatchObject({ maxInFlight: 0, fraction: 0, workers: 2 });
    expect(ask('a', { inFlight: 20, knownLimit: 20 })).toMatchObject({ maxInFlight: 10, fraction: 0.5 });
    expect(ask('b').maxInFlight).toBe(0); // twenty are in flight
    ask('a', { inFlight: 14, knownLimit: 10 });
    expect(ask('b').maxInFlight).toBe(6);
    ask('a', { inFlight: 10, knownLimit: 10 });
    expect(ask('b')).toMatchObject({ maxInFlight: 10, fraction: 0.5 });
  });

  test('what a worker may have in flight before it hears of a lower share is nobody else’s', () => {
    ask('a', { knownLimit: 4, inFlight: 4, promisedInFlight: 4 });
    expect(ask('a', { knownLimit: 4, inFlight: 4, promisedInFlight: 20 }).maxInFlight).toBe(20);
    ask('b');
    expect(ask('a', { knownLimit: 4, inFlight: 4, promisedInFlight: 20 }).maxInFlight).toBe(10);
    expect(ask('b').maxInFlight).toBe(0);
    // it has heard
    ask('a', { knownLimit: 4, inFlight: 4, promisedInFlight: 7 });
    expect(ask('b').maxInFlight).toBe(10);
  });

  test('a worker that promises no less than it was allowed is counted with all of it', () => {
    ask('a', { knownLimit: 4, inFlight: 4 });
    ask('b');
    expect(ask('a', { knownLimit: 4, inFlight: 4 }).maxInFlight).toBe(10);
    expect(ask('b').maxInFlight).toBe(0);
  });

  test('an answer that was lost changes nothing: what the worker still believes is not given away', () => {
    ask('a', { promisedInFlight: 0 });
    ask('b');
    expect(ask('a', { knownLimit: 6, inFlight: 6, promisedInFlight: 18 }).maxInFlight).toBe(10); // it never hears of it
    ask('a', { knownLimit: 12, inFlight: 12, promisedInFlight: 20 });
    expect(ask('b').maxInFlight).toBe(0);
  });

  test('a bound that a person lowers: nobody gets more until what was allowed before is heard to be over', () => {
    ask('a', { promisedInFlight: 0 });
    ask('b');
    ask('a', { knownLimit: 2, inFlight: 2, promisedInFlight: 10 });
    account.adjust({ model: 'judge-1', concurrency: 8 });
    expect(ask('a', { knownLimit: 2, inFlight: 2, promisedInFlight: 10 }).maxInFlight).toBe(4);
    expect(ask('b').maxInFlight).toBe(0);
    ask('a', { knownLimit: 4, inFlight: 3, promisedInFlight: 4 });
    expect(ask('b').maxInFlight).toBe(4);
  });

  test('whatever workers do, shares and requests in flight stay within the bounds', () => {
    let random = 7;
    const draw = (): number => (random = (Math.imul(random, 1664525) + 1013904223) >>> 0) / 2 ** 32;
    const workers = ['a', 'b', 'c', 'd', 'e'];
    const given = new Map<string, { maxInFlight: number; fraction: number; until: number; inFlight: number }>();
    for (let step = 0; step < 3_000; step++) {
      now += Math.floor(draw() * 200);
      const worker = workers[Math.floor(draw() * workers.length)]!;
      const own = given.get(worker) ?? { maxInFlight: 0, fraction: 0, until: 0, inFlight: 0 };
      const demand = draw() < 0.1 ? 0 : own.inFlight + Math.ceil(draw() * 40);
      if (demand > 0) {
        const share = ask(worker, { demand, inFlight: own.inFlight });
        Object.assign(own, { maxInFlight: share.maxInFlight, fraction: share.fraction, until: now + share.validMs });
      } else {
        ask(worker, { demand: 0 });
        Object.assign(own, { maxInFlight: 0, fraction: 0, until: now, inFlight: 0 });
      }
      // some replies, and what it may start
      own.inFlight =
        own.maxInFlight >= own.inFlight
          ? Math.min(own.maxInFlight, demand)
          : Math.max(own.maxInFlight, own.inFlight - 3);
      given.set(worker, own);
      const valid = [...given.values()].filter(({ until }) => until > now);
      const sum = (part: (each: (typeof valid)[number]) => number) => valid.reduce((all, each) => all + part(each), 0);
      expect(sum(({ maxInFlight }) => maxInFlight)).toBeLessThanOrEqual(20);
      expect(sum(({ inFlight, maxInFlight }) => Math.max(inFlight, maxInFlight))).toBeLessThanOrEqual(20);
      expect(sum(({ fraction }) => fraction)).toBeLessThanOrEqual(1 + 1e-9);
    }
  });

  test('a share that is given back is there for the others', () => {
    ask('a');
    ask('a', { demand: 0 });
    expect(ask('b').maxInFlight).toBe(20);
  });

  test('a killed worker’s share comes back when its share has run out, not before', () => {
    ask('a');
    now += VALID_MS - 1;
    expect(ask('b').maxInFlight).toBe(0);
    now += 1;
    expect(ask('b')).toMatchObject({ maxInFlight: 20, fraction: 1, workers: 1 });
  });

  test('rates go by demand', () => {
    ask('a', { demand: 10 });
    now += VALID_MS - 1;
    ask('b', { demand: 30 });
    expect(ask('a', { demand: 10 }).fraction).toBe(0.25);
    expect(ask('b', { demand: 30 }).fraction).toBe(0.75);
  });

  test('models have their own shares', () => {
    ask('a');
    expect(ask('b', { model: 'judge-2' }).maxInFlight).toBe(20);
  });

  test('without any bound a thousand at once may be tried', () => {
    expect(ask('a', { demand: 5_000, bounds: { ...NO_RATES, concurrency: null } }).maxInFlight).toBe(1000);
  });
});

describe('rates', () => {
  test('the tightest of experiment files, server and persons', () => {
    ask('a', { learned: { ...NO_RATES, requestsPerMinute: 3000, inputTokensPerMinute: 500 } });
    const bounds = { ...BOUNDS, requestsPerMinute: 1000 };
    expect(ask('a', { bounds }).rates).toEqual({
      requestsPerMinute: 1000,
      inputTokensPerMinute: 500,
      outputTokensPerMinute: null,
    });
    account.adjust({ model: 'judge-1', requestsPerMinute: 200 });
    expect(ask('a', { bounds }).rates.requestsPerMinute).toBe(200);
  });

  test('what one worker has learned holds for all', () => {
    ask('a', { learned: { ...NO_RATES, requestsPerMinute: 3000 } });
    expect(ask('b').rates.requestsPerMinute).toBe(3000);
  });
});

describe('what the server takes at once', () => {
  test('while nobody was rejected all try, and a newcomer is told so', () => {
    ask('a', { bounds: { ...BOUNDS, concurrency: 200 } });
    expect(ask('b', { bounds: { ...BOUNDS, concurrency: 200 } })).toMatchObject({
      neverRejected: true,
      mayProbe: true,
      limitChange: 0,
    });
  });

  test('afterwards only one tries', () => {
    ask('a');
    ask('b');
    ask('a', found(8));
    expect(ask('a', found(8)).mayProbe).toBe(true);
    expect(ask('b', { neverRejected: false }).mayProbe).toBe(false);
  });

  test('a newcomer gets its part of what was found, once that is free', () => {
    const bounds = { ...BOUNDS, concurrency: 200 };
    ask('a', { bounds });
    ask('a', { ...found(20), bounds });
    // it lacks more than half of its part, so the other one gives up the surplus
    expect(ask('b', { bounds, neverRejected: false })).toMatchObject({ neverRejected: false, maxInFlight: 0 });
    expect(ask('a', { ...found(20), bounds }).limitChange).toBeLessThan(0);
    const knownLimit = 20 + (holder('a').knownLimit - 20);
    expect(holder('a').draining).toBe(20 - knownLimit); // all are still in flight
    ask('a', { ...found(knownLimit), bounds });
    const share = ask('b', { bounds, neverRejected: false });
    expect(share.limitChange).toBeGreaterThan(0);
    expect(share.maxInFlight).toBeGreaterThan(0);
    expect(holder('a').knownLimit + holder('b').knownLimit + holder('a').draining + unassigned()).toBe(20);
  });

  test('who needs less gives it up at once, for whoever can use it', () => {
    const bounds = { ...BOUNDS, concurrency: 200 };
    ask('a', { bounds });
    ask('a', { ...found(20), bounds });
    expect(ask('a', { ...found(20, 4), bounds, demand: 4, promisedInFlight: 20 }).limitChange).toBe(-16);
    expect(unassigned()).toBe(16);
    ask('b', { bounds, neverRejected: false }); // all of the rates are still the other one's
    ask('a', { ...found(4), bounds, demand: 4, promisedInFlight: 4 });
    expect(ask('b', { bounds, neverRejected: false }).limitChange).toBe(16);
    expect(unassigned()).toBe(0);
  });

  test('what is given back or expires is unassigned, and a fall of the limit takes what is unassigned away', () => {
    const bounds = { ...BOUNDS, concurrency: 200 };
    ask('a', { bounds });
    ask('a', { ...found(20), bounds });
    ask('a', { ...found(20), bounds });
    ask('a', { demand: 0 });
    expect(unassigned()).toBe(20);
    expect(ask('b', { bounds, demand: 6, neverRejected: false }).limitChange).toBe(6);
    expect(unassigned()).toBe(14);
    ask('b', { ...found(5), bounds, demand: 6 });
    expect(unassigned()).toBe(0);
    expect(holder('b').knownLimit).toBe(5);
  });

  test('growth that one worker finds uses up what is unassigned', () => {
    const bounds = { ...BOUNDS, concurrency: 200 };
    ask('a', { bounds });
    ask('a', { ...found(20), bounds });
    ask('a', { ...found(20, 4), bounds, demand: 4 });
    expect(unassigned()).toBe(16);
    ask('a', { ...found(10, 10), bounds, demand: 10 });
    expect(holder('a').knownLimit + unassigned()).toBe(20);
  });
});

describe('when the server takes more than before', () => {
  const bounds = { ...BOUNDS, concurrency: 200 };
  beforeEach(() => {
    ask('a', { bounds });
    ask('b', { bounds });
    ask('a', { ...found(10), bounds });
    ask('b', { ...found(10), bounds });
  });
  const limitRose = (worker: string, knownLimit: number) => ask(worker, { ...found(knownLimit), bounds }).limitRose;

  test('one that was tried and held is no news', () => {
    expect(limitRose('a', 11)).toBe(false);
    expect(limitRose('a', 12)).toBe(false);
    expect(limitRose('b', 10)).toBe(false);
  });

  test('all grow as soon as one does, until somebody is rejected', () => {
    limitRose('a', 14);
    expect(limitRose('b', 10)).toBe(true);
    expect(limitRose('a', 20)).toBe(true);
    limitRose('b', 8);
    expect(limitRose('a', 20)).toBe(false);
  });

  test('what was unassigned is no news', () => {
    ask('b', { ...found(10, 0), bounds, demand: 2, promisedInFlight: 10 });
    const left = unassigned();
    expect(left).toBeGreaterThan(2);
    limitRose('a', 10 + left);
    expect(limitRose('a', 10 + left)).toBe(false);
  });

  test('alone there is nobody to tell', () => {
    ask('b', { demand: 0 });
    limitRose('a', 40);
    expect(limitRose('a', 60)).toBe(false);
  });
});

test('a share that shrinks leaves what the server takes to the others', () => {
  const bounds = { ...BOUNDS, concurrency: 20 };
  ask('a', { bounds });
  ask('a', { ...found(20), bounds });
  ask('b', { bounds });
  const { maxInFlight, limitChange } = ask('a', { ...found(20, 4), bounds });
  expect(maxInFlight).toBe(10);
  expect(20 + limitChange).toBeLessThanOrEqual(10);
  expect(holder('a').knownLimit + holder('a').draining + holder('b').knownLimit + unassigned()).toBe(20);
});

describe('pauses', () => {
  test('nobody gets anything, everybody hears why, and only the first reason counts', () => {
    ask('a');
    const pause = account.pauseFor('spend limit', 'demo/em');
    expect(account.pauseFor('billing', 'other/em')).toEqual(pause);
    expect(pause).toEqual({ number: now, reason: 'spend limit', since: now });
    expect(ask('a')).toMatchObject({ maxInFlight: 0, fraction: 0, pause });
    expect(account.snapshot.models['judge-1']!.holders).toEqual({});
    expect(account.snapshot.waiting).toEqual(['demo/em', 'other/em']);
  });

  test('who asks later waits, too, once', () => {
    expect(account.wait('demo/em')).toBeNull();
    const pause = account.pauseFor('spend limit', null);
    expect(account.wait('demo/em')).toEqual(pause);
    account.wait('demo/em');
    expect(account.snapshot.waiting).toEqual(['demo/em']);
  });

  test('a resume names those who waited, and the next pause has another number', () => {
    account.pauseFor('spend limit', 'demo/em');
    expect(account.resume()).toEqual({ number: now, waiting: ['demo/em'] });
    expect(account.resume()).toBeNull();
    expect(ask('a')).toMatchObject({ maxInFlight: 20, pause: null });
    expect(account.pauseFor('again', null).number).toBe(now + 1);
    expect(account.snapshot.waiting).toEqual([]);
  });

  test('an account that began anew goes on with higher numbers', () => {
    const { number } = account.pauseFor('spend limit', 'demo/em');
    now += 180_000;
    const later = new JudgeAccount(JudgeAccount.fresh('test'), () => now);
    expect(later.pauseFor('again', 'demo/em').number).toBeGreaterThan(number);
  });

  test('what had been found out is known afterwards', () => {
    const bounds = { ...BOUNDS, concurrency: 200 };
    ask('a', { bounds });
    ask('a', { ...found(20), bounds });
    ask('a', { ...found(20), bounds });
    account.pauseFor('spend limit', null);
    account.resume();
    expect(ask('a', { ...found(20, 0), bounds })).toMatchObject({ neverRejected: false, limitChange: 0 });
    expect(holder('a').knownLimit).toBe(20);
  });
});

describe('a person’s bounds', () => {
  test('hold until they are taken away', () => {
    account.adjust({ model: 'judge-1', concurrency: 5 });
    expect(ask('a').maxInFlight).toBe(5);
    account.adjust({ model: 'judge-1', requestsPerMinute: 60 });
    expect(ask('a')).toMatchObject({ maxInFlight: 5, rates: { requestsPerMinute: 60 } });
    account.adjust({ model: 'judge-1', concurrency: null });
    expect(ask('a').maxInFlight).toBe(20);
  });

  test('never allow more than an experiment file does', () => {
    account.adjust({ model: 'judge-1', concurrency: 500 });
    expect(ask('a').maxInFlight).toBe(20);
  });
});

describe('what is kept', () => {
  test('idle only when nobody holds, nothing is paused and nothing was set', () => {
    expect(account.idle).toBe(true);
    ask('a');
    expect(account.idle).toBe(false);
    now += VALID_MS;
    expect(account.idle).toBe(true);
    account.pauseFor('spend limit', null);
    expect(account.idle).toBe(false);
    account.resume();
    account.adjust({ model: 'judge-1', concurrency: 5 });
    expect(account.idle).toBe(false);
    account.adjust({ model: 'judge-1', concurrency: null });
    expect(account.idle).toBe(true);
  });

  test('a new run goes on with the state as JSON', () => {
    const bounds = { ...BOUNDS, concurrency: 200 };
    ask('a', { bounds });
    ask('b', { bounds });
    ask('a', { ...found(20), bounds, learned: { ...NO_RATES, requestsPerMinute: 3000 } });
    account.adjust({ model: 'judge-1', inputTokensPerMinute: 9 });
    const copy = new JudgeAccount(JSON.parse(JSON.stringify(account.snapshot)) as typeof account.snapshot, () => now);
    const request = { ...found(20), bounds };
    const next = ask('a', request);
    account = copy;
    expect(ask('a', request)).toEqual(next);
    expect(copy.pauseFor('later', 'demo/em').number).toBe(now);
    const paused = new JudgeAccount(JSON.parse(JSON.stringify(copy.snapshot)) as typeof account.snapshot, () => now);
    expect(paused.pause).toMatchObject({ reason: 'later' });
    expect(paused.resume()).toEqual({ number: now, waiting: ['demo/em'] });
  });

  test('what people read in the Temporal UI', () => {
    ask('a', { held: { forMs: 5_000, reason: 'used up' } });
    expect(account.details()).toContain('**sending**');
    expect(account.details()).toContain('- requests at once: 20');
    expect(account.details()).toContain('- requests a minute: not known');
    expect(account.details()).toContain('waiting until 2026-01-01T00:00:05.000Z: used up');
    account.pauseFor('spend limit', 'demo/em');
    expect(account.details()).toContain('**waiting until `flamingo account resume test`: spend limit**');
    expect(account.details()).toContain('1 waiting');
  });
});
