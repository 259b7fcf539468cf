/** When a request may start: shares, rates, holds, and what each kind of rejection does. All in virtual time. */
import { setMaxListeners } from 'node:events';
import { JudgeMustWait } from '../../../../judge/errors';
import { FIRST_LIMIT } from '../../../../judge/pacing/concurrency-limit';
import { LONGEST_WAIT_MS, Pace, type ValidShare, type Ticket } from '../../../../judge/pacing/pace';
import type { RateLimits } from '../../../../judge/pacing/rate-limits';
import { NO_RATES, type Rates } from '../../../../experiment/rates';
import { VirtualClock } from './virtual-time';

const never = new AbortController().signal;
setMaxListeners(0, never);

let clock: VirtualClock;
beforeEach(() => (clock = new VirtualClock()));

function share(changes: Partial<ValidShare> = {}): ValidShare {
  return {
    limitChange: 0,
    neverRejected: true,
    maxInFlight: 10,
    fraction: 1,
    workers: 1,
    mayProbe: true,
    limitRose: false,
    rates: NO_RATES,
    until: Infinity,
    ...changes,
  };
}

function paced(changes: Partial<ValidShare> = {}): Pace {
  const pace = new Pace(clock);
  pace.grant(share(changes));
  return pace;
}

/** Asks for so many starts; the list fills with the time of each. */
function starts(pace: Pace, count: number, hold = false): { times: number[]; tickets: Ticket[]; refused: unknown[] } {
  const seen = { times: [] as number[], tickets: [] as Ticket[], refused: [] as unknown[] };
  for (let index = 0; index < count; index++) {
    pace.enter(1000, never).then(
      (ticket) => {
        seen.times.push(clock.now());
        seen.tickets.push(ticket);
        if (!hold) ticket.leave();
      },
      (error: unknown) => seen.refused.push(error),
    );
  }
  return seen;
}

const wait = (milliseconds: number): Promise<void> => clock.run(clock.sleep(milliseconds));
const rates = (changes: Partial<Rates>): Rates => ({ ...NO_RATES, ...changes });
const used = (exhausted: boolean | null): RateLimits => ({ limits: NO_RATES, exhausted });

describe('the share', () => {
  test('without one nothing starts; with one as many as it allows', async () => {
    const pace = new Pace(clock);
    const { times } = starts(pace, 5, true);
    await wait(60_000);
    expect(times).toEqual([]);
    expect(pace.demand).toBe(5);
    pace.grant(share({ maxInFlight: 3 }));
    await wait(1);
    expect(times).toHaveLength(3);
    expect(pace.inFlight).toBe(3);
  });

  test('of nothing starts nothing', async () => {
    const { times } = starts(paced({ maxInFlight: 0 }), 2);
    await wait(60_000);
    expect(times).toEqual([]);
  });

  test('one that expires stops starts until the next one; what is in flight goes on', async () => {
    const pace = paced({ maxInFlight: 2, until: 6_000 });
    const { times, tickets } = starts(pace, 4, true);
    await wait(6_000);
    for (const ticket of tickets.splice(0)) ticket.leave();
    await wait(60_000);
    expect(times).toEqual([0, 0]);
    pace.grant(share({ maxInFlight: 2 }));
    await wait(1);
    expect(times).toHaveLength(4);
  });

  test('that is given back stops starts, and is told as no demand', async () => {
    const pace = paced();
    pace.release();
    const { times } = starts(pace, 1);
    await wait(10_000);
    expect(times).toEqual([]);
    expect(pace.allowed).toBe(0);
  });

  test('a newcomer among several starts with a part of the first requests', async () => {
    const pace = paced({ maxInFlight: 500, fraction: 0.25, workers: 4 });
    expect(pace.allowed).toBe(FIRST_LIMIT / 4);
  });

  test('what others have found the server to take is taken over', () => {
    const pace = paced({ neverRejected: false, limitChange: 7 });
    expect(pace.knownLimit).toBe(7);
    pace.grant(share({ neverRejected: false, limitChange: -3 }));
    expect(pace.knownLimit).toBe(4);
  });

  test('while a share is asked for no more is in flight than was promised, whatever comes back', async () => {
    const pace = paced({ maxInFlight: 100 });
    const { tickets } = starts(pace, 600, true);
    await wait(1);
    expect(pace.inFlight).toBe(FIRST_LIMIT);
    expect(pace.promiseInFlight()).toBe(3 * FIRST_LIMIT);
    for (let round = 0; round < 5; round++) {
      for (const ticket of tickets.splice(0)) {
        ticket.replied({ inputTokens: 250, outputTokens: 2 }, null);
        ticket.leave();
      }
      await wait(1);
      expect(pace.inFlight).toBeLessThanOrEqual(3 * FIRST_LIMIT);
    }
    expect(pace.inFlight).toBe(3 * FIRST_LIMIT);
    pace.grant(share({ maxInFlight: 100 }));
    await wait(1);
    expect(pace.inFlight).toBeGreaterThan(3 * FIRST_LIMIT);
  });

  test('without a share only what is in flight is promised', async () => {
    const pace = paced();
    expect(new Pace(clock).promiseInFlight()).toBe(0);
    const { times } = starts(pace, 3, true);
    await wait(1);
    pace.release();
    expect(pace.promiseInFlight()).toBe(times.length);
  });

  test('demand is announced', () => {
    const pace = new Pace(clock);
    let told = 0;
    pace.onDemand = () => told++;
    starts(pace, 3);
    expect(told).toBe(3);
  });

  test('full: when as many wait as may be in flight', async () => {
    const pace = paced({ maxInFlight: 3 });
    starts(pace, 6, true);
    await wait(1);
    expect(pace.full).toBe(false);
    starts(pace, 1, true);
    expect(pace.full).toBe(true);
  });
});

describe('waiting', () => {
  test('who has waited before comes first', async () => {
    const pace = paced({ maxInFlight: 1 });
    const order: string[] = [];
    const held = await pace.enter(1, never);
    for (const [name, first] of [
      ['one', false],
      ['two', false],
      ['again', true],
    ] as const) {
      void pace.enter(1, never, first).then((ticket) => {
        order.push(name);
        ticket.leave();
      });
    }
    held.leave();
    await wait(1);
    expect(order).toEqual(['again', 'one', 'two']);
  });

  test('an abort ends it, with its reason, and frees the place in the queue', async () => {
    const pace = paced({ maxInFlight: 1 });
    await pace.enter(1, never);
    const stop = new AbortController();
    const waiting = pace.enter(1, stop.signal);
    stop.abort(new Error('cancelled'));
    await expect(waiting).rejects.toThrow('cancelled');
    expect(pace.demand).toBe(1);
    await expect(pace.enter(1, stop.signal)).rejects.toThrow('cancelled');
  });

  test('all can be refused; what is in flight is not', async () => {
    const pace = paced({ maxInFlight: 1 });
    const { refused, tickets } = starts(pace, 3, true);
    await wait(1);
    pace.refuseAll(new Error('paused'));
    await wait(1);
    expect(refused).toEqual([new Error('paused'), new Error('paused')]);
    expect(tickets).toHaveLength(1);
    expect(pace.inFlight).toBe(1);
  });
});

describe('rates', () => {
  test('of the share’s fraction', async () => {
    const { times } = starts(paced({ rates: rates({ requestsPerMinute: 600 }), fraction: 0.5 }), 21);
    await wait(4_001);
    expect(times.at(-1)).toBe(4_000);
    expect(times).toHaveLength(21);
  });

  test('the tighter of what the server says and what is allowed', async () => {
    const pace = paced({ rates: rates({ requestsPerMinute: 600 }) });
    const ticket = await pace.enter(1, never);
    ticket.replied({ inputTokens: 1, outputTokens: 1 }, { limits: rates({ requestsPerMinute: 60 }), exhausted: false });
    ticket.leave();
    expect(pace.learnedRates.requestsPerMinute).toBe(60);
    const { times } = starts(pace, 4);
    await wait(10_000);
    expect(times[3]! - times[0]!).toBe(3_000);
  });

  test('tokens: what a request really took is put right', async () => {
    const pace = paced({ maxInFlight: 1, rates: rates({ inputTokensPerMinute: 60_000 }) });
    const first = await pace.enter(4000, never); // expected: a thousand tokens, one second
    first.replied({ inputTokens: 3000, outputTokens: 1 }, null);
    first.leave();
    const { times } = starts(pace, 1);
    await wait(10_000);
    expect(times).toEqual([3_000]);
  });

  test('output tokens, too', async () => {
    const pace = paced({ maxInFlight: 1, rates: rates({ outputTokensPerMinute: 60 }) });
    const first = await pace.enter(1, never);
    first.replied({ inputTokens: 1, outputTokens: 4 }, null);
    first.leave();
    const { times } = starts(pace, 1);
    await wait(10_000);
    expect(times).toEqual([4_000]);
  });
});

describe('a 429 with a limit used up', () => {
  test('holds everybody for what the server says and up to 20 % more', async () => {
    const pace = paced();
    const ticket = await pace.enter(1, never);
    ticket.rejected('rate_limit', 5_000, used(true), 'no requests left');
    ticket.leave();
    expect(pace.held).toMatchObject({ reason: 'no requests left' });
    const { times } = starts(pace, 3);
    await wait(10_000);
    expect(times).toHaveLength(3);
    for (const time of times) {
      expect(time).toBeGreaterThan(5_000);
      expect(time).toBeLessThanOrEqual(6_000);
    }
    expect(pace.held).toBeNull();
  });

  test('of more than 15 s gives the slot back', async () => {
    const pace = paced();
    const ticket = await pace.enter(1, never);
    ticket.rejected('rate_limit', LONGEST_WAIT_MS + 5_000, used(true), 'no requests left');
    ticket.leave();
    const { refused } = starts(pace, 2);
    await wait(1);
    expect(refused).toHaveLength(2);
    expect(refused[0]).toBeInstanceOf(JudgeMustWait);
    expect((refused[0] as JudgeMustWait).delayMs).toBeGreaterThanOrEqual(20_000);
    expect((refused[0] as JudgeMustWait).delayMs).toBeLessThanOrEqual(24_000);
  });

  test('lowers the rate by a tenth, once for all that were in flight, and regains it in ten seconds', async () => {
    const pace = paced({ maxInFlight: 100, rates: rates({ requestsPerMinute: 60_000 }) });
    const { tickets } = starts(pace, 3, true);
    await wait(10);
    for (const ticket of tickets) {
      ticket.rejected('rate_limit', 1, used(true), 'used up');
      ticket.leave();
    }
    const inASecond = async (): Promise<number> => {
      const before = pace.demand;
      starts(pace, 2_000);
      await wait(1_000);
      const left = pace.demand;
      pace.refuseAll(new Error('enough'));
      await wait(1);
      return before + 2_000 - left;
    };
    const first = await inASecond();
    expect(first).toBeGreaterThan(890);
    expect(first).toBeLessThan(925); // about 0.905 of a thousand
    await wait(10_000);
    expect(await inASecond()).toBeGreaterThan(990);
  });

  test('does not say that there were too many at once', async () => {
    const pace = paced();
    const { tickets } = starts(pace, 10, true);
    await wait(1);
    tickets[0]!.rejected('rate_limit', 1, used(true), 'used up');
    expect(pace.knownLimit).toBe(10);
  });
});

describe('any other 429', () => {
  test('takes the limit back to what was accepted, and holds nobody else', async () => {
    const pace = paced();
    const { tickets } = starts(pace, 10, true);
    await wait(1);
    for (const ticket of tickets.slice(0, 3)) {
      ticket.rejected('rate_limit', 5_000, used(false), '429');
      ticket.leave();
    }
    expect(pace.knownLimit).toBe(7);
    expect(pace.neverRejected).toBe(false);
    expect(pace.held).toBeNull();
  });

  test('five without a reply between, and nothing else in flight: everybody waits', async () => {
    const pace = paced({ maxInFlight: 1 });
    for (let time = 0; time < 5; time++) {
      expect(pace.held).toBeNull();
      const ticket = await pace.enter(1, never);
      ticket.rejected('rate_limit', 3_000, null, '429');
      ticket.leave();
    }
    expect(pace.held).toMatchObject({ reason: '429' });
  });

  test('with a long pause concerns its request alone', async () => {
    const pace = paced({ maxInFlight: 100 });
    const { tickets } = starts(pace, 40, true);
    await wait(1);
    for (const ticket of tickets.slice(0, 4)) ticket.rejected('rate_limit', 89_000, null, 'later');
    expect(pace.knownLimit).toBe(FIRST_LIMIT);
    expect(pace.held).toBeNull();
  });

  test('long pauses for a quarter of what is in flight hold everybody; the limit is what it was', async () => {
    const pace = paced({ maxInFlight: 100 });
    const { tickets } = starts(pace, 40, true);
    await wait(1);
    for (const ticket of tickets.slice(0, FIRST_LIMIT / 4)) ticket.rejected('rate_limit', 89_000, null, 'later');
    expect(pace.held).toMatchObject({ reason: 'later' });
    for (const ticket of tickets) ticket.leave();
    await wait(120_000);
    expect(pace.held).toBeNull();
    expect(pace.knownLimit).toBe(FIRST_LIMIT);
    const again = starts(pace, 40, true);
    await wait(1);
    expect(again.times).toHaveLength(FIRST_LIMIT);
  });
});

describe('a ramp limit', () => {
  test('halves the limit and the rate, once for all that were in flight', async () => {
    const pace = paced({ maxInFlight: 16, rates: rates({ requestsPerMinute: 60_000 }) });
    const { tickets } = starts(pace, 16, true);
    await wait(100);
    expect(tickets).toHaveLength(16);
    for (const ticket of tickets.slice(0, 4)) ticket.rejected('ramp_limit', 1_000, used(false), 'too fast');
    expect(pace.knownLimit).toBe(8);
    for (const ticket of tickets) ticket.leave();
    const { times } = starts(pace, 600);
    await wait(3_000);
    // after what may start at once: half of a thousand a second, slowly regained
    const ms = times[500]! - times[300]!;
    expect(ms).toBeGreaterThan(380);
    expect(ms).toBeLessThanOrEqual(401);
  });
});

describe('a server in trouble', () => {
  test.each(['overloaded', 'troubled often'] as const)('%s: nothing is cut, and nothing grows', async (kind) => {
    const pace = paced({ maxInFlight: 1000 });
    const { tickets } = starts(pace, 80, true);
    await wait(1);
    expect(pace.inFlight).toBe(FIRST_LIMIT);
    if (kind === 'overloaded') tickets[0]!.rejected('overloaded', 1_000, null, '529');
    else for (const ticket of tickets.slice(0, 6)) ticket.troubled();
    expect(pace.knownLimit).toBe(FIRST_LIMIT);
    for (const ticket of tickets.slice(6, FIRST_LIMIT)) ticket.replied({ inputTokens: 1, outputTokens: 1 }, null);
    expect(pace.knownLimit).toBe(FIRST_LIMIT);
    expect(pace.neverRejected).toBe(true);
  });

  test('without trouble it grows', async () => {
    const pace = paced({ maxInFlight: 1000 });
    const { tickets } = starts(pace, 80, true);
    await wait(1);
    tickets[0]!.replied({ inputTokens: 1, outputTokens: 1 }, null);
    expect(pace.knownLimit).toBe(FIRST_LIMIT + 2);
  });
});

test('alone: a process that shares the account with nobody', async () => {
  const pace = Pace.alone(clock, 4, rates({ requestsPerMinute: 60 }));
  const { times } = starts(pace, 3);
  await wait(5_000);
  expect(times).toEqual([0, 1_000, 2_000]);
  expect(pace.allowed).toBe(4);
});
