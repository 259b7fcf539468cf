/** A worker's dealings with the account: asks while there is demand, renews, gives back; an account that is away or paused. */
import { setMaxListeners } from 'node:events';
import { AccountPaused } from '../../../../judge/errors';
import { AccountShares } from '../../../../judge/pacing/account-share';
import { NO_RATES } from '../../../../experiment/rates';
import type { AccountBounds, Share, ShareRequest } from '../../../../workflows/account-messages';
import { VirtualClock } from './virtual-time';

const never = new AbortController().signal;
setMaxListeners(0, never);
const BOUNDS: AccountBounds = { ...NO_RATES, concurrency: 5 };

let clock: VirtualClock;
let requests: (ShareRequest & { at: number })[];
let troubles: string[];
let answer: (request: ShareRequest) => Partial<Share>;
let shares: AccountShares;

beforeEach(() => {
  clock = new VirtualClock();
  requests = [];
  troubles = [];
  answer = () => ({});
  const account = {
    name: 'test',
    share: async (request: ShareRequest): Promise<Share> => {
      requests.push({ ...request, at: clock.now() });
      await clock.sleep(10);
      return {
        limitChange: 0,
        neverRejected: true,
        maxInFlight: 5,
        fraction: 1,
        workers: 1,
        mayProbe: true,
        limitRose: false,
        rates: NO_RATES,
        validMs: 6_000,
        renewMs: 500,
        pause: null,
        ...answer(request),
      };
    },
  };
  shares = new AccountShares(account, clock, (message) => troubles.push(message));
});

const wait = (milliseconds: number): Promise<void> => clock.run(clock.sleep(milliseconds));

test('nobody wants anything: nothing is asked of the account', async () => {
  shares.use('judge-1', BOUNDS);
  await wait(10_000);
  expect(requests).toEqual([]);
});

test('a request gets a share, which is renewed while it is in flight and given back afterwards', async () => {
  const { pace } = shares.use('judge-1', BOUNDS);
  let started = -1;
  void pace.enter(1, never).then(async (ticket) => {
    started = clock.now();
    await clock.sleep(1_200);
    ticket.leave();
  });
  await wait(5_000);
  expect(started).toBe(15); // 5 for other requests to come, 10 for the answer
  expect(requests[0]).toMatchObject({
    model: 'judge-1',
    demand: 1,
    knownLimit: null,
    inFlight: 0,
    bounds: BOUNDS,
    at: 5,
  });
  expect(requests[1]).toMatchObject({ demand: 1, inFlight: 1, at: 515 });
  expect(requests.at(-1)).toMatchObject({ demand: 0, inFlight: 0 });
  expect(requests).toHaveLength(4);
  expect(pace.allowed).toBe(0);
  expect(new Set(requests.map(({ worker }) => worker)).size).toBe(1);
});

test('the requests of a shard are asked for together, and many more at once when they come', async () => {
  const { pace } = shares.use('judge-1', BOUNDS);
  const enter = (count: number): void => {
    for (let request = 0; request < count; request++) void pace.enter(1, never).catch(() => undefined);
  };
  enter(3);
  await wait(20);
  expect(requests).toMatchObject([{ demand: 3 }]);
  enter(9);
  await wait(60);
  expect(requests).toMatchObject([{ demand: 3 }, { demand: 12 }]);
  enter(1);
  await wait(100);
  expect(requests).toHaveLength(2);
});

test('what comes while the share is given back waits for another share', async () => {
  const { pace } = shares.use('judge-1', BOUNDS);
  void pace.enter(1, never).then((ticket) => ticket.leave());
  await wait(400);
  while (requests.at(-1)!.demand > 0) await wait(1);
  const before = requests.length;
  let started = -1;
  void pace.enter(1, never).then((ticket) => {
    started = clock.now();
    ticket.leave();
  });
  await wait(400);
  expect(requests[before]).toMatchObject({ demand: 1, promisedInFlight: 0 });
  expect(started).toBe(requests[before]!.at + 10);
});

test('a worker between two shards keeps its share', async () => {
  const { pace } = shares.use('judge-1', BOUNDS);
  const once = async (): Promise<void> => {
    const ticket = await pace.enter(1, never);
    await clock.sleep(300);
    ticket.leave();
    await clock.sleep(150);
  };
  await clock.run(
    (async () => {
      for (let time = 0; time < 10; time++) await once();
    })(),
  );
  expect(requests.every(({ demand }) => demand > 0)).toBe(true);
});

test('an account that does not answer: nothing starts when the share has run out, and a word is said', async () => {
  const { pace } = shares.use('judge-1', BOUNDS);
  const starts: number[] = [];
  const loop = async (): Promise<void> => {
    for (;;) {
      const ticket = await pace.enter(1, never);
      starts.push(clock.now());
      await clock.sleep(100);
      ticket.leave();
    }
  };
  void loop();
  await wait(2_000);
  answer = () => {
    throw new Error('unreachable');
  };
  await wait(20_000);
  expect(troubles[0]).toBe('no share of the account test for judge-1: unreachable');
  const last = starts.at(-1)!;
  const granted = requests.filter(({ at }) => at < 2_000).at(-1)!.at;
  expect(last).toBeLessThan(granted + 6_000); // valid from when it was asked for
  expect(last).toBeGreaterThan(granted + 5_000);
  answer = () => ({});
  await wait(2_000);
  expect(starts.at(-1)).toBeGreaterThan(22_000);
});

test('a paused account refuses all that wait, with its reason', async () => {
  const pause = { number: 3, reason: 'spend limit', since: 0 };
  answer = () => ({ maxInFlight: 0, pause });
  const { pace } = shares.use('judge-1', BOUNDS);
  const waiting = pace.enter(1, never);
  const refused = waiting.catch((error: unknown) => error);
  await wait(100);
  expect(await refused).toBeInstanceOf(AccountPaused);
  expect(await refused).toMatchObject({ account: 'test', pause, message: expect.stringContaining('spend limit') });
  expect(pace.allowed).toBe(0);
});

test('the tightest bounds of those who use it count, and go with them', async () => {
  const loose = shares.use('judge-1', { ...NO_RATES, concurrency: 50, requestsPerMinute: 100 });
  const tight = shares.use('judge-1', { ...NO_RATES, concurrency: 3 });
  expect(loose.pace).toBe(tight.pace);
  const ticket = loose.pace.enter(1, never);
  await wait(100);
  expect(requests[0]!.bounds).toEqual({ ...NO_RATES, concurrency: 3, requestsPerMinute: 100 });
  tight.done();
  await wait(1_000);
  expect(requests.at(-1)!.bounds).toEqual({ ...NO_RATES, concurrency: 50, requestsPerMinute: 100 });
  (await ticket).leave();
});

test('each model has its own pace and share', async () => {
  const one = shares.use('judge-1', BOUNDS).pace;
  const other = shares.use('judge-2', BOUNDS).pace;
  expect(one).not.toBe(other);
  void one.enter(1, never);
  void other.enter(1, never);
  await wait(100);
  expect(requests.map(({ model }) => model).sort()).toEqual(['judge-1', 'judge-2']);
});

test('what the server holds is told', async () => {
  const { pace } = shares.use('judge-1', BOUNDS);
  const ticket = pace.enter(1, never);
  await wait(100);
  (await ticket).rejected('rate_limit', 9_000, { limits: NO_RATES, exhausted: true }, 'used up');
  await wait(600);
  expect(requests.at(-1)!.held).toMatchObject({ reason: 'used up' });
  expect(requests.at(-1)!.held!.forMs).toBeGreaterThan(8_000);
});

test('full, when some model has as many waiting as may be in flight', async () => {
  const { pace } = shares.use('judge-1', BOUNDS);
  shares.use('judge-2', BOUNDS);
  expect(shares.full).toBe(false);
  for (let index = 0; index < 11; index++) void pace.enter(1, never);
  await wait(100);
  expect(shares.full).toBe(true);
});
