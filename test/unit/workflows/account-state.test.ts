/** Who may send how much: the decisions of an account's workflow, without Temporal. */
import { NO_RATES } from '../../../experiment/rates';
import { AccountBoard, fairShare } from '../../../workflows/account-state';
import type { AccountBounds, Lease, LeaseRequest } from '../../../workflows/account-messages';

/** A worker that is killed keeps its share for so long. */
const VALID_MS = 6_000;

let now: number;
let board: AccountBoard;
beforeEach(() => {
  now = Date.parse('2026-01-01T00:00:00Z');
  board = new AccountBoard(AccountBoard.fresh('test'), () => now);
});

const BOUNDS: AccountBounds = { ...NO_RATES, concurrency: 20 };

/** A worker's first word brings it nothing, so it says it twice. */
function ask(worker: string, changes: Partial<LeaseRequest> = {}): Lease {
  const { model = 'judge-1', demand = 100 } = changes;
  if (demand > 0 && board.snapshot.models[model]?.holders[worker] === undefined) askOnce(worker, changes);
  return askOnce(worker, changes);
}

function askOnce(worker: string, changes: Partial<LeaseRequest> = {}): Lease {
  return board.lease({
    worker,
    model: 'judge-1',
    demand: 100,
    level: null,
    growing: true,
    active: 0,
    bounds: BOUNDS,
    learned: NO_RATES,
    held: null,
    ...changes,
  });
}

/** The server has had too many at once, and takes `level` of this worker. */
const found = (level: number, active = level) => ({ growing: false, level, active });
const holder = (worker: string) => board.snapshot.models['judge-1']!.holders[worker]!;
const spare = () => board.snapshot.models['judge-1']!.spare;

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

describe('leases', () => {
  test('one worker gets everything, for some seconds', () => {
    expect(ask('a')).toMatchObject({ most: 20, fraction: 1, workers: 1, probes: true, validMs: VALID_MS, pause: null });
  });

  test('workers that come in the same moment share what there is from the start', () => {
    for (const worker of ['a', 'b', 'c', 'd']) expect(askOnce(worker)).toMatchObject({ most: 0, renewMs: 25 });
    for (const worker of ['a', 'b', 'c', 'd']) expect(askOnce(worker)).toMatchObject({ most: 5, fraction: 0.25 });
  });

  test('a newcomer waits until the other one has renewed and its surplus has come back', () => {
    ask('a');
    expect(ask('b')).toMatchObject({ most: 0, fraction: 0, workers: 2 });
    expect(ask('a', { active: 20, level: 20 })).toMatchObject({ most: 10, fraction: 0.5 });
    expect(ask('b').most).toBe(0); // twenty are in flight
    ask('a', { active: 14, level: 10 });
    expect(ask('b').most).toBe(6);
    ask('a', { active: 10, level: 10 });
    expect(ask('b')).toMatchObject({ most: 10, fraction: 0.5 });
  });

  test('what a worker may reach before it hears of a lower share is nobody else’s', () => {
    ask('a', { level: 4, active: 4, reach: 4 });
    expect(ask('a', { level: 4, active: 4, reach: 20 }).most).toBe(20);
    ask('b');
    expect(ask('a', { level: 4, active: 4, reach: 20 }).most).toBe(10);
    expect(ask('b').most).toBe(0);
    // it has heard
    ask('a', { level: 4, active: 4, reach: 7 });
    expect(ask('b').most).toBe(10);
  });

  test('a worker that does not say how far it may go is counted with all that it was allowed', () => {
    ask('a', { level: 4, active: 4 });
    ask('b');
    expect(ask('a', { level: 4, active: 4 }).most).toBe(10);
    expect(ask('b').most).toBe(0);
  });

  test('an answer that was lost changes nothing: what the worker still believes is not given away', () => {
    ask('a', { reach: 0 });
    ask('b');
    expect(ask('a', { level: 6, active: 6, reach: 18 }).most).toBe(10); // it never hears of it
    ask('a', { level: 12, active: 12, reach: 20 });
    expect(ask('b').most).toBe(0);
  });

  test('a bound that a person lowers: nobody gets more until what was allowed before is heard to be over', () => {
    ask('a', { reach: 0 });
    ask('b');
    ask('a', { level: 2, active: 2, reach: 10 });
    board.adjust({ model: 'judge-1', concurrency: 8 });
    expect(ask('a', { level: 2, active: 2, reach: 10 }).most).toBe(4);
    expect(ask('b').most).toBe(0);
    ask('a', { level: 4, active: 3, reach: 4 });
    expect(ask('b').most).toBe(4);
  });

  test('whatever workers do, shares and requests in flight stay within the bounds', () => {
    let random = 7;
    const draw = (): number => (random = (Math.imul(random, 1664525) + 1013904223) >>> 0) / 2 ** 32;
    const workers = ['a', 'b', 'c', 'd', 'e'];
    const given = new Map<string, { most: number; fraction: number; until: number; active: number }>();
    for (let step = 0; step < 3_000; step++) {
      now += Math.floor(draw() * 200);
      const worker = workers[Math.floor(draw() * workers.length)]!;
      const own = given.get(worker) ?? { most: 0, fraction: 0, until: 0, active: 0 };
      const demand = draw() < 0.1 ? 0 : own.active + Math.ceil(draw() * 40);
      if (demand > 0) {
        const lease = ask(worker, { demand, active: own.active });
        Object.assign(own, { most: lease.most, fraction: lease.fraction, until: now + lease.validMs });
      } else {
        ask(worker, { demand: 0 });
        Object.assign(own, { most: 0, fraction: 0, until: now, active: 0 });
      }
      // some replies, and what it may start
      own.active = own.most >= own.active ? Math.min(own.most, demand) : Math.max(own.most, own.active - 3);
      given.set(worker, own);
      const valid = [...given.values()].filter(({ until }) => until > now);
      const sum = (part: (each: (typeof valid)[number]) => number) => valid.reduce((all, each) => all + part(each), 0);
      expect(sum(({ most }) => most)).toBeLessThanOrEqual(20);
      expect(sum(({ active, most }) => Math.max(active, most))).toBeLessThanOrEqual(20);
      expect(sum(({ fraction }) => fraction)).toBeLessThanOrEqual(1 + 1e-9);
    }
  });

  test('a lease that is given back is there for the others', () => {
    ask('a');
    ask('a', { demand: 0 });
    expect(ask('b').most).toBe(20);
  });

  test('a killed worker’s share comes back when its lease has run out, not before', () => {
    ask('a');
    now += VALID_MS - 1;
    expect(ask('b').most).toBe(0);
    now += 1;
    expect(ask('b')).toMatchObject({ most: 20, fraction: 1, workers: 1 });
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
    expect(ask('b', { model: 'judge-2' }).most).toBe(20);
  });

  test('without any bound a thousand at once may be tried', () => {
    expect(ask('a', { demand: 5_000, bounds: { ...NO_RATES, concurrency: null } }).most).toBe(1000);
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
    board.adjust({ model: 'judge-1', requestsPerMinute: 200 });
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
      growing: true,
      probes: true,
      move: 0,
    });
  });

  test('afterwards only one tries', () => {
    ask('a');
    ask('b');
    ask('a', found(8));
    expect(ask('a', found(8)).probes).toBe(true);
    expect(ask('b', { growing: false }).probes).toBe(false);
  });

  test('a newcomer gets its part of what was found, once that is free', () => {
    const bounds = { ...BOUNDS, concurrency: 200 };
    ask('a', { bounds });
    ask('a', { ...found(20), bounds });
    // it lacks more than half of its part, so the other one gives up the surplus
    expect(ask('b', { bounds, growing: false })).toMatchObject({ growing: false, most: 0 });
    expect(ask('a', { ...found(20), bounds }).move).toBeLessThan(0);
    const level = 20 + (holder('a').level - 20);
    expect(holder('a').draining).toBe(20 - level); // all are still in flight
    ask('a', { ...found(level), bounds });
    const lease = ask('b', { bounds, growing: false });
    expect(lease.move).toBeGreaterThan(0);
    expect(lease.most).toBeGreaterThan(0);
    expect(holder('a').level + holder('b').level + holder('a').draining + spare()).toBe(20);
  });

  test('who needs less gives it up at once, for whoever can use it', () => {
    const bounds = { ...BOUNDS, concurrency: 200 };
    ask('a', { bounds });
    ask('a', { ...found(20), bounds });
    expect(ask('a', { ...found(20, 4), bounds, demand: 4, reach: 20 }).move).toBe(-16);
    expect(spare()).toBe(16);
    ask('b', { bounds, growing: false }); // all of the rates are still the other one's
    ask('a', { ...found(4), bounds, demand: 4, reach: 4 });
    expect(ask('b', { bounds, growing: false }).move).toBe(16);
    expect(spare()).toBe(0);
  });

  test('what is given back or expires is spare, and a cut takes the spare away', () => {
    const bounds = { ...BOUNDS, concurrency: 200 };
    ask('a', { bounds });
    ask('a', { ...found(20), bounds });
    ask('a', { ...found(20), bounds });
    ask('a', { demand: 0 });
    expect(spare()).toBe(20);
    expect(ask('b', { bounds, demand: 6, growing: false }).move).toBe(6);
    expect(spare()).toBe(14);
    ask('b', { ...found(5), bounds, demand: 6 });
    expect(spare()).toBe(0);
    expect(holder('b').level).toBe(5);
  });

  test('growth that one finds uses up the spare', () => {
    const bounds = { ...BOUNDS, concurrency: 200 };
    ask('a', { bounds });
    ask('a', { ...found(20), bounds });
    ask('a', { ...found(20, 4), bounds, demand: 4 });
    expect(spare()).toBe(16);
    ask('a', { ...found(10, 10), bounds, demand: 10 });
    expect(holder('a').level + spare()).toBe(20);
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
  const climbs = (worker: string, level: number) => ask(worker, { ...found(level), bounds }).climbs;

  test('one that was tried and held is no news', () => {
    expect(climbs('a', 11)).toBe(false);
    expect(climbs('a', 12)).toBe(false);
    expect(climbs('b', 10)).toBe(false);
  });

  test('all climb as soon as one does, until somebody is rejected', () => {
    climbs('a', 14);
    expect(climbs('b', 10)).toBe(true);
    expect(climbs('a', 20)).toBe(true);
    climbs('b', 8);
    expect(climbs('a', 20)).toBe(false);
  });

  test('what was spare is no news', () => {
    ask('b', { ...found(10, 0), bounds, demand: 2, reach: 10 });
    const left = spare();
    expect(left).toBeGreaterThan(2);
    climbs('a', 10 + left);
    expect(climbs('a', 10 + left)).toBe(false);
  });

  test('alone there is nobody to tell', () => {
    ask('b', { demand: 0 });
    climbs('a', 40);
    expect(climbs('a', 60)).toBe(false);
  });
});

test('a share that shrinks leaves what the server takes to the others', () => {
  const bounds = { ...BOUNDS, concurrency: 20 };
  ask('a', { bounds });
  ask('a', { ...found(20), bounds });
  ask('b', { bounds });
  const { most, move } = ask('a', { ...found(20, 4), bounds });
  expect(most).toBe(10);
  expect(20 + move).toBeLessThanOrEqual(10);
  expect(holder('a').level + holder('a').draining + holder('b').level + spare()).toBe(20);
});

describe('pauses', () => {
  test('nobody gets anything, everybody hears why, and only the first reason counts', () => {
    ask('a');
    const pause = board.pauseFor('spend limit', 'demo/em');
    expect(board.pauseFor('billing', 'other/em')).toEqual(pause);
    expect(pause).toEqual({ number: now, reason: 'spend limit', since: now });
    expect(ask('a')).toMatchObject({ most: 0, fraction: 0, pause });
    expect(board.snapshot.models['judge-1']!.holders).toEqual({});
    expect(board.snapshot.waiting).toEqual(['demo/em', 'other/em']);
  });

  test('who asks later waits, too, once', () => {
    expect(board.wait('demo/em')).toBeNull();
    const pause = board.pauseFor('spend limit', null);
    expect(board.wait('demo/em')).toEqual(pause);
    board.wait('demo/em');
    expect(board.snapshot.waiting).toEqual(['demo/em']);
  });

  test('a resume names those who waited, and the next pause has another number', () => {
    board.pauseFor('spend limit', 'demo/em');
    expect(board.resume()).toEqual({ number: now, waiting: ['demo/em'] });
    expect(board.resume()).toBeNull();
    expect(ask('a')).toMatchObject({ most: 20, pause: null });
    expect(board.pauseFor('again', null).number).toBe(now + 1);
    expect(board.snapshot.waiting).toEqual([]);
  });

  test('an account that began anew goes on with higher numbers', () => {
    const { number } = board.pauseFor('spend limit', 'demo/em');
    now += 180_000;
    const later = new AccountBoard(AccountBoard.fresh('test'), () => now);
    expect(later.pauseFor('again', 'demo/em').number).toBeGreaterThan(number);
  });

  test('what had been found out is known afterwards', () => {
    const bounds = { ...BOUNDS, concurrency: 200 };
    ask('a', { bounds });
    ask('a', { ...found(20), bounds });
    ask('a', { ...found(20), bounds });
    board.pauseFor('spend limit', null);
    board.resume();
    expect(ask('a', { ...found(20, 0), bounds })).toMatchObject({ growing: false, move: 0 });
    expect(holder('a').level).toBe(20);
  });
});

describe('a person’s bounds', () => {
  test('hold until they are taken away', () => {
    board.adjust({ model: 'judge-1', concurrency: 5 });
    expect(ask('a').most).toBe(5);
    board.adjust({ model: 'judge-1', requestsPerMinute: 60 });
    expect(ask('a')).toMatchObject({ most: 5, rates: { requestsPerMinute: 60 } });
    board.adjust({ model: 'judge-1', concurrency: null });
    expect(ask('a').most).toBe(20);
  });

  test('never allow more than an experiment file does', () => {
    board.adjust({ model: 'judge-1', concurrency: 500 });
    expect(ask('a').most).toBe(20);
  });
});

describe('what is kept', () => {
  test('idle only when nobody holds, nothing is paused and nothing was set', () => {
    expect(board.idle).toBe(true);
    ask('a');
    expect(board.idle).toBe(false);
    now += VALID_MS;
    expect(board.idle).toBe(true);
    board.pauseFor('spend limit', null);
    expect(board.idle).toBe(false);
    board.resume();
    board.adjust({ model: 'judge-1', concurrency: 5 });
    expect(board.idle).toBe(false);
    board.adjust({ model: 'judge-1', concurrency: null });
    expect(board.idle).toBe(true);
  });

  test('a new run goes on with the state as JSON', () => {
    const bounds = { ...BOUNDS, concurrency: 200 };
    ask('a', { bounds });
    ask('b', { bounds });
    ask('a', { ...found(20), bounds, learned: { ...NO_RATES, requestsPerMinute: 3000 } });
    board.adjust({ model: 'judge-1', inputTokensPerMinute: 9 });
    const copy = new AccountBoard(JSON.parse(JSON.stringify(board.snapshot)) as typeof board.snapshot, () => now);
    const request = { ...found(20), bounds };
    const next = ask('a', request);
    board = copy;
    expect(ask('a', request)).toEqual(next);
    expect(copy.pauseFor('later', 'demo/em').number).toBe(now);
    const paused = new AccountBoard(JSON.parse(JSON.stringify(copy.snapshot)) as typeof board.snapshot, () => now);
    expect(paused.pause).toMatchObject({ reason: 'later' });
    expect(paused.resume()).toEqual({ number: now, waiting: ['demo/em'] });
  });

  test('what people read in the Temporal UI', () => {
    ask('a', { held: { forMs: 5_000, reason: 'used up' } });
    expect(board.details()).toContain('**sending**');
    expect(board.details()).toContain('- requests at once: 20');
    expect(board.details()).toContain('- requests a minute: not known');
    expect(board.details()).toContain('waiting until 2026-01-01T00:00:05.000Z: used up');
    board.pauseFor('spend limit', 'demo/em');
    expect(board.details()).toContain('**waiting until `flamingo account resume test`: spend limit**');
    expect(board.details()).toContain('1 waiting');
  });
});
