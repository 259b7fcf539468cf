/**
 * Keeps the account's share of this worker: a pace for each model, and one loop for each that gets a share while there is
 * demand, renews it, and gives it back when nothing is to be asked. Without a valid share nothing is sent, so the limits
 * hold for all workers together, whatever becomes of one.
 */
import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { NO_RATES, tighter } from '../../experiment/rates';
import type { AccountBounds, Share, ShareRequest } from '../../workflows/account-messages';
import type { Clock } from '../clock';
import { AccountPaused } from '../errors';
import { Pace } from './pace';

/** The account's workflow, as a worker sees it. */
export interface Account {
  readonly name: string;
  share(request: ShareRequest): Promise<Share>;
}

/** The model that calls of message batches count as: their limits are not those of messages. */
export const BATCH_CALLS = 'message-batches';

/** Between two looks at whether there is demand, and after an account that did not answer. */
const IDLE_MS = 250;
const UNREACHABLE_MS = 1000;
/** The requests of a shard come one by one, and those of the next shards some milliseconds later. */
const GATHER_MS = 5;
const LOOK_MS = 40;
/** Demand that has grown by this factor is told to the account at once, not only when the share is renewed. */
const GROWN_DEMAND = 1.5;
/** A known limit that has risen by so much is told at once: the server takes more, and the others can use that, too. */
const RISEN_LIMIT = 3;

export class AccountShares {
  private readonly paces = new Map<string, ModelPace>();
  private readonly worker = `${hostname()}:${process.pid}:${randomUUID().slice(0, 4)}`;

  constructor(
    private readonly account: Account,
    private readonly clock: Clock,
    private readonly onTrouble: (message: string) => void,
  ) {}

  /** The pace of a model, under `bounds` until `done` is called. */
  use(model: string, bounds: AccountBounds): { pace: Pace; done: () => void } {
    let own = this.paces.get(model);
    if (own === undefined) {
      own = new ModelPace(this.account, this.worker, model, this.clock, this.onTrouble);
      this.paces.set(model, own);
    }
    return { pace: own.pace, done: own.bound(bounds) };
  }

  /** More work would only wait here: for some model as many requests wait as may be in flight. Batch calls do not count. */
  get full(): boolean {
    return [...this.paces].some(([model, { pace }]) => model !== BATCH_CALLS && pace.full);
  }
}

class ModelPace {
  readonly pace: Pace;
  private readonly bounds = new Set<AccountBounds>();
  private running = false;

  constructor(
    private readonly account: Account,
    private readonly worker: string,
    private readonly model: string,
    private readonly clock: Clock,
    private readonly onTrouble: (message: string) => void,
  ) {
    this.pace = new Pace(clock);
    this.pace.onDemand = () => {
      if (!this.running) void this.keep();
    };
  }

  bound(bounds: AccountBounds): () => void {
    const own = { ...bounds };
    this.bounds.add(own);
    return () => this.bounds.delete(own);
  }

  /** Runs while there is demand, and gives the share back at the end. */
  private async keep(): Promise<void> {
    this.running = true;
    const never = new AbortController().signal;
    await this.clock.sleep(GATHER_MS, never);
    for (;;) {
      const { demand } = this.pace;
      const sent = this.clock.now();
      const request = this.request(demand);
      let next = UNREACHABLE_MS;
      let tellAtLimit = Infinity;
      // what comes meanwhile waits for the next share: this one is another worker's as soon as the account hears of it
      if (demand === 0) this.pace.release();
      try {
        const share = await this.account.share(request);
        next = share.renewMs;
        const told = request.knownLimit ?? 0;
        // a worker that was rejected meanwhile does not grow
        const limitRose = share.limitRose && this.knownLimit >= told;
        if (!share.neverRejected && !share.limitRose) tellAtLimit = told + share.limitChange + RISEN_LIMIT;
        if (share.pause !== null) {
          this.pace.release();
          this.pace.refuseAll(new AccountPaused(this.account.name, share.pause));
        } else if (demand > 0) {
          this.pace.grant({ ...share, limitRose, until: sent + share.validMs });
        }
      } catch (error) {
        this.onTrouble(`no share of the account ${this.account.name} for ${this.model}: ${(error as Error).message}`);
      }
      if (demand === 0 && this.pace.demand === 0) break;
      if (demand > 0) await this.untilRenewal(demand, next, tellAtLimit, never);
      // a worker between two shards does not give its share back
      if (this.pace.demand === 0) await this.clock.sleep(IDLE_MS, never);
    }
    this.running = false;
  }

  private get knownLimit(): number {
    return this.pace.knownLimit ?? 0;
  }

  /** Ends early when much more is to be sent than was asked for, or when the known limit has risen to `tellAtLimit`. */
  private async untilRenewal(asked: number, renewMs: number, tellAtLimit: number, signal: AbortSignal): Promise<void> {
    const until = this.clock.now() + renewMs;
    while (this.clock.now() < until) {
      await this.clock.sleep(Math.min(LOOK_MS, until - this.clock.now()), signal);
      if (this.pace.needsLargerShare && this.pace.demand > GROWN_DEMAND * asked) return;
      if (this.knownLimit >= tellAtLimit) return;
    }
  }

  private request(demand: number): ShareRequest {
    const { pace, worker, model } = this;
    const { held } = pace;
    return {
      worker,
      model,
      demand,
      knownLimit: pace.knownLimit,
      neverRejected: pace.neverRejected,
      inFlight: pace.inFlight,
      promisedInFlight: pace.promiseInFlight(),
      bounds: tightest(this.bounds),
      learned: pace.learnedRates,
      held: held === null ? null : { forMs: held.until - this.clock.now(), reason: held.reason },
    };
  }
}

function tightest(all: Iterable<AccountBounds>): AccountBounds {
  const result: AccountBounds = { ...NO_RATES, concurrency: null };
  for (const bounds of all) {
    for (const name of Object.keys(result) as (keyof AccountBounds)[])
      result[name] = tighter(result[name], bounds[name]);
  }
  return result;
}
