/** Pacing against a simulated server in virtual time: how near to its limit, and how often beyond it. */
import { Pace } from '../../../activities/judge/pacing/pace';
import type { RateLimits } from '../../../activities/judge/pacing/rate-limits';
import { NO_RATES } from '../../../experiment/rates';
import { AccountBoard } from '../../../workflows/account-board';
import { VirtualClock } from './virtual-time';

interface Server {
  /** Requests at once, by time in ms. */
  concurrency: (at: number) => number;
  requestsPerMinute?: number;
  /** Of requests at once when a bucket is full. Default: a second's worth. */
  retryAfterMs: number | null;
}

interface Outcome {
  ms: number;
  rejected: number;
}

/** `workers` share `concurrency` as the account's workflow grants it. */
async function simulate(
  server: Server,
  requests: number,
  concurrency: number,
  workers = 1,
  seed = 1,
): Promise<Outcome> {
  const clock = new VirtualClock(seed);
  const perMs = (server.requestsPerMinute ?? Infinity) / 60_000;
  const capacity = (server.requestsPerMinute ?? 0) / 60;
  let level = capacity;
  let levelAt = 0;
  let active = 0;
  let rejected = 0;
  const limits = (exhausted: boolean): RateLimits => ({
    limits: { ...NO_RATES, requestsPerMinute: server.requestsPerMinute ?? null },
    exhausted,
  });
  const ask = async (): Promise<RateLimits | { rejected: RateLimits }> => {
    await clock.sleep(2);
    if (server.requestsPerMinute !== undefined) {
      level = Math.min(capacity, level + (clock.now() - levelAt) * perMs);
      levelAt = clock.now();
      if (level < 1) return { rejected: limits(true) };
    }
    if (active >= server.concurrency(clock.now())) return { rejected: limits(false) };
    level -= 1;
    active++;
    await clock.sleep(100 + 200 * clock.random());
    active--;
    return limits(false);
  };
  let left = requests;
  const paces = Array.from({ length: workers }, () => new Pace(clock));
  const account = new AccountBoard(AccountBoard.fresh('test'), clock.now);
  let over = false;
  const renew = async (pace: Pace, index: number): Promise<void> => {
    while (!over) {
      await clock.sleep(10);
      const sent = clock.now();
      const lease = account.lease({
        worker: `worker-${index}`,
        model: 'judge',
        demand: pace.demand,
        level: pace.level,
        growing: pace.growing,
        active: pace.inFlight,
        bounds: { ...NO_RATES, concurrency },
        learned: pace.learnedRates,
        held: null,
      });
      await clock.sleep(10);
      pace.grant({ ...lease, until: sent + lease.validMs });
      await clock.sleep(lease.renewMs);
    }
  };
  const item = async (pace: Pace): Promise<void> => {
    for (;;) {
      const ticket = await pace.enter(1000, new AbortController().signal);
      const reply = await ask();
      if (!('rejected' in reply)) {
        ticket.replied({ inputTokens: 250, outputTokens: 2 }, reply);
        return ticket.leave();
      }
      rejected++;
      const delay = server.retryAfterMs ?? 1000 * clock.random();
      ticket.rejected('rate_limit', delay, reply.rejected, '429');
      ticket.leave();
      await clock.sleep(pace.jittered(delay));
    }
  };
  // workers take shards of fifty from the common heap while they are not full, at most eight each
  const worker = async (pace: Pace): Promise<void> => {
    const lane = async (): Promise<void> => {
      while (left > 0) {
        if (pace.full) {
          await clock.sleep(50);
          continue;
        }
        const size = Math.min(50, left);
        left -= size;
        await Promise.all(Array.from({ length: size }, () => item(pace)));
      }
    };
    await Promise.all(Array.from({ length: 8 }, lane));
  };
  void Promise.all(paces.map(renew));
  await clock.run(Promise.all(paces.map(worker)).finally(() => (over = true)));
  return { ms: clock.now(), rejected };
}

const show = process.env['SHOW'] ? (text: string) => process.stderr.write(`${text}\n`) : () => undefined;

describe.each([1, 4])('%i worker(s)', (workers) => {
  test.each([1, 2, 3])('20 in flight, seed %i', async (seed) => {
    const { ms, rejected } = await simulate({ concurrency: () => 20, retryAfterMs: 1000 }, 2000, 200, workers, seed);
    show(`a ${workers}: ${ms / 20_000} ${rejected / 2000}`);
    expect(ms).toBeLessThan(1.1 * 20_000);
    expect(rejected).toBeLessThan(0.05 * 2000);
  });

  test.each([1, 2, 3])('3,000 a minute, seed %i', async (seed) => {
    for (const retryAfterMs of [1000, null]) {
      const server = { concurrency: () => Infinity, requestsPerMinute: 3000, retryAfterMs };
      const { ms, rejected } = await simulate(server, 2000, 200, workers, seed);
      show(`b ${workers}: ${ms / 39_000} ${rejected / 2000}`);
      expect(ms).toBeLessThan(1.1 * 39_000);
      expect(rejected).toBeLessThan(0.05 * 2000);
    }
  });

  test.each([1, 2, 3])('50, from 5 s on 10, from 15 s on 50 in flight, seed %i', async (seed) => {
    const concurrency = (at: number): number => (at < 5000 || at >= 15_000 ? 50 : 10);
    const { ms, rejected } = await simulate({ concurrency, retryAfterMs: 1000 }, 4000, 200, workers, seed);
    show(`c ${workers}: ${ms / 24_000} ${rejected / 4000}`);
    expect(ms).toBeLessThan(1.1 * 24_000);
    expect(rejected).toBeLessThan(0.05 * 4000);
  });
});
