/**
 * A fleet of judge workers in virtual time: the real retries, shares, pace and account, against the stand-in's own
 * limits. Only Temporal and HTTP are left out. With every share it is checked that the shares which are valid at that
 * moment add up to no more than the account's bounds.
 */
import { setMaxListeners } from 'node:events';
import { RetryingJudge } from '../../../../judge/ask';
import type { JudgeClient, JudgeReply } from '../../../../judge/client';
import { JudgeMustWait, RequestFailed, type WaitKind } from '../../../../judge/errors';
import { AccountShares } from '../../../../judge/pacing/account-share';
import { readRateLimits } from '../../../../judge/pacing/rate-limits';
import type { JudgeCall } from '../../../../judge/request';
import { latencies, type Latency } from '../../../../stand-in/latency';
import { Limiter, type LimitOptions } from '../../../../stand-in/limits';
import { draws } from '../../../../stand-in/seeded';
import { NO_RATES } from '../../../../experiment/rates';
import { JudgeAccount } from '../../../../workflows/account-state';
import type { AccountBounds, ShareRequest } from '../../../../workflows/account-messages';
import { VirtualClock } from './virtual-time';

export interface Scenario {
  requests: number;
  workers: number;
  seed: number;
  /** The experiment file's. */
  bounds?: Partial<AccountBounds>;
  limits?: LimitOptions;
  latency?: Latency;
  /** This share of the requests (0-1) is told at the first attempt to wait so many seconds. */
  delayed?: { share: number; seconds: number };
  /** Of each request. */
  inputTokens?: number;
  outputTokens?: number;
  /** Rejects what the limits would let pass: milliseconds to wait (null: not said), or undefined to let it pass. */
  refuse?: (now: number) => { kind: WaitKind; delayMs: number | null } | undefined;
  /** Milliseconds of one way of a request on the network. Default 2. */
  wireMs?: Latency;
  /** Milliseconds of one way of a share through Temporal, drawn anew for each. Default 10. */
  updateMs?: Latency;
  /** The worker of this number is killed so late: it sends nothing more, and what it had is done by the others. */
  kill?: { worker: number; atMs: number };
}

export interface Outcome {
  /** Until the last reply, in milliseconds of virtual time. */
  ms: number;
  /** 429s and 529s, without those that `delayed` scripts. */
  rejected: number;
  replies: { at: number; worker: number }[];
  /** When requests reached the server, rejected ones included, in milliseconds. */
  starts: { at: number; worker: number }[];
  /** Most requests in flight at once. */
  maxInFlight: number;
  account: JudgeAccount;
}

const MODEL = 'judge';
const SHARD = 50;
const SLOTS = 200;

export async function simulate(scenario: Scenario): Promise<Outcome> {
  const { requests, workers, seed, limits = {}, latency = { min: 100, max: 300 }, delayed, refuse, kill } = scenario;
  const cost = { inputTokens: scenario.inputTokens ?? 250, outputTokens: scenario.outputTokens ?? 2 };
  const clock = new VirtualClock(seed);
  const limiter = new Limiter(limits, 0);
  const nextLatency = latencies(latency, seed);
  const draw = draws(seed + 1);
  const nextWire = latencies(scenario.wireMs ?? 2, seed + 3);
  const wireBack = (): number => (scenario.wireMs === undefined ? 0 : nextWire());
  const nextUpdate = latencies(scenario.updateMs ?? 10, seed + 2);
  const dead = new AbortController();
  const account = new JudgeAccount(JudgeAccount.fresh('test'), clock.now);
  const outcome: Outcome = { ms: 0, rejected: 0, replies: [], starts: [], maxInFlight: 0, account };
  const bounds: AccountBounds = { ...NO_RATES, concurrency: 200, ...scenario.bounds };
  let inFlight = 0;

  const headers = (retryAfter: string | null): Headers => {
    const found = new Headers();
    const pairs = limiter.headers(clock.now());
    for (let index = 0; index < pairs.length; index += 2) found.set(pairs[index]!, pairs[index + 1]!);
    if (retryAfter !== null) found.set('retry-after', retryAfter);
    return found;
  };
  const reject = (kind: WaitKind, retryAfter: string | null): never => {
    const delayMs = retryAfter === null ? null : Number(retryAfter) * 1000;
    throw new RequestFailed({
      action: 'wait',
      kind,
      message: kind,
      delayMs,
      limits: readRateLimits(headers(retryAfter)),
    });
  };

  const told = new Set<JudgeCall>();
  const client = (worker: number): Pick<JudgeClient, 'send'> => ({
    send: async (call) => {
      await clock.sleep(nextWire());
      outcome.starts.push({ at: clock.now(), worker });
      if (delayed !== undefined && !told.has(call)) {
        told.add(call);
        if (draw() < delayed.share) reject('rate_limit', String(delayed.seconds));
      }
      const refused = refuse?.(clock.now());
      if (refused !== undefined) {
        outcome.rejected++;
        reject(refused.kind, refused.delayMs === null ? null : String(refused.delayMs / 1000));
      }
      const rejection = limiter.admit(clock.now(), cost);
      if (rejection !== null) {
        outcome.rejected++;
        reject('rate_limit', limiter.retryAfter(rejection));
      }
      outcome.maxInFlight = Math.max(outcome.maxInFlight, ++inFlight);
      await clock.sleep(nextLatency());
      inFlight--;
      limiter.release();
      await clock.sleep(wireBack());
      outcome.replies.push({ at: clock.now(), worker });
      return { ...cost, limits: readRateLimits(headers(null)) } as JudgeReply;
    },
  });

  const given = new Map<string, { maxInFlight: number; fraction: number; until: number }>();
  const shareFor = async (request: ShareRequest, worker: number) => {
    const sent = clock.now();
    await clock.sleep(nextUpdate());
    const share = account.share({ ...request, worker: `worker-${worker}` });
    given.set(`worker-${worker}`, {
      maxInFlight: share.maxInFlight,
      fraction: share.fraction,
      until: sent + share.validMs,
    });
    const valid = [...given.values()].filter(({ until }) => until > clock.now());
    const maxInFlight = valid.reduce((sum, each) => sum + each.maxInFlight, 0);
    const fraction = valid.reduce((sum, each) => sum + each.fraction, 0);
    if (maxInFlight > (bounds.concurrency ?? Infinity) || fraction > 1 + 1e-9) {
      throw new Error(`shares add up to ${maxInFlight} at once and ${fraction} of the rates at ${clock.now()} ms`);
    }
    await clock.sleep(nextUpdate());
    return share;
  };

  let left = requests;
  let unfinished = requests;
  let failure: unknown;
  const troubles: string[] = [];
  const work = async (worker: number): Promise<void> => {
    const killed = kill?.worker === worker;
    const account = { name: 'test', share: (request: ShareRequest) => shareFor(request, worker) };
    const mine = killed ? { ...clock, sleep: mortal(clock, dead.signal) } : clock;
    const shares = new AccountShares(account, mine, (message) => troubles.push(message));
    const { pace } = shares.use(MODEL, bounds);
    const never = new AbortController().signal;
    setMaxListeners(0, never, dead.signal); // every request waits with it, as in a shard
    const item = async (retrying: RetryingJudge): Promise<void> => {
      const call = {} as JudgeCall;
      const answer = await retrying.ask(() => call, cost.inputTokens * 4);
      if (answer.kind !== 'reply') throw new Error(`an item ended as ${answer.kind}`);
      unfinished--;
    };
    const shard = async (count: number): Promise<void> => {
      for (let todo = count; todo > 0;) {
        const retrying = new RetryingJudge({
          client: client(worker) as JudgeClient,
          keeping: { writable: () => Promise.resolve(), trouble: null },
          pace,
          clock: mine,
          deadlineMs: 60_000,
          quit: killed ? dead.signal : never,
          hard: never,
          onTrouble: () => undefined,
        });
        const results = await Promise.allSettled(Array.from({ length: todo }, () => item(retrying)));
        const reasons = results.flatMap((result) => (result.status === 'rejected' ? [result.reason as Error] : []));
        if (killed && dead.signal.aborted) return void (left += reasons.length);
        const waits = reasons.filter((reason) => reason instanceof JudgeMustWait);
        if (waits.length < reasons.length) throw reasons.find((reason) => !waits.includes(reason as JudgeMustWait))!;
        todo = waits.length;
        if (todo > 0) await clock.sleep(Math.max(...waits.map(({ delayMs }) => delayMs)));
      }
    };
    let open = 0;
    const running: Promise<void>[] = [];
    while (unfinished > 0 && !(killed && dead.signal.aborted)) {
      if (left > 0 && open < SLOTS && !shares.full) {
        const count = Math.min(SHARD, left);
        left -= count;
        open++;
        const ended = shard(count).finally(() => open--);
        ended.catch((error: unknown) => (failure ??= error));
        running.push(ended);
      }
      await clock.sleep(20);
      if (failure !== undefined) throw failure as Error;
    }
    await Promise.all(running);
  };

  if (kill !== undefined) void clock.sleep(kill.atMs).then(() => dead.abort(new Error('killed')));
  await clock.run(Promise.all(Array.from({ length: workers }, (_, worker) => work(worker))));
  if (troubles.length > 0) throw new Error(troubles.join('\n'));
  outcome.ms = Math.max(...outcome.replies.map(({ at }) => at));
  return outcome;
}

/** Sleeps of a process that may be killed: afterwards they never end. */
function mortal(clock: VirtualClock, dead: AbortSignal): VirtualClock['sleep'] {
  return async (milliseconds, signal) => {
    await clock.sleep(milliseconds, signal);
    if (dead.aborted) await new Promise(() => undefined);
  };
}

/** Most requests that reached the server within any span of so many milliseconds. */
export function busiest({ starts }: Outcome, spanMs: number): number {
  const times = starts.map(({ at }) => at).sort((one, other) => one - other);
  let first = 0;
  let maxInFlight = 0;
  for (const [index, at] of times.entries()) {
    while (at - times[first]! >= spanMs) first++;
    maxInFlight = Math.max(maxInFlight, index - first + 1);
  }
  return maxInFlight;
}
