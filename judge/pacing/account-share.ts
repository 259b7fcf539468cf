/**
 * Keeps the account's share of this worker: a pace for each model, and one loop for each that gets a lease while there is
 * demand, renews it, and gives it back when nothing is to be asked. Without a valid lease nothing is sent, so the limits
 * hold for all workers together, whatever becomes of one.
 */
import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { NO_RATES, tighter } from '../../experiment/rates';
import type { AccountBounds, AccountPause, Lease, LeaseRequest } from '../../workflows/account-messages';
import type { Clock } from '../ask';
import { Pace } from './pace';

/** The account's workflow, as a worker sees it. */
export interface Account {
  readonly name: string;
  lease(request: LeaseRequest): Promise<Lease>;
}

/** Nothing may be sent for the account until a person resumes it. */
export class AccountPaused extends Error {
  override name = 'AccountPaused';
  constructor(
    readonly account: string,
    readonly pause: AccountPause,
  ) {
    super(`the judge account ${account} is paused: ${pause.reason}`);
  }
}

/** The model that calls of message batches count as: their limits are not those of messages. */
export const BATCH_CALLS = 'message-batches';

/** Between two looks at whether there is demand, and after an account that did not answer. */
const IDLE_MS = 250;
const UNREACHABLE_MS = 1000;
/** The requests of a shard come one by one, and those of the next shards some milliseconds later. */
const GATHER_MS = 5;
const LOOK_MS = 40;
/** So much more is asked for at once, not only when the lease is renewed. */
const MUCH_MORE = 1.5;
/** A level risen by so much is told at once: the server takes more than was known, and the others can use that, too. */
const CLIMBED = 3;

export class Leases {
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

  /** More work would only wait here: some model has as many requests waiting as may be in flight. Batches wait elsewhere. */
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

  /** Runs while there is demand, and gives the lease back at the end. */
  private async keep(): Promise<void> {
    this.running = true;
    const never = new AbortController().signal;
    await this.clock.sleep(GATHER_MS, never);
    for (;;) {
      const { demand } = this.pace;
      const sent = this.clock.now();
      const request = this.request(demand);
      let next = UNREACHABLE_MS;
      let news = Infinity;
      // what comes meanwhile waits for the next lease: this one is another's as soon as the account hears of it
      if (demand === 0) this.pace.release();
      try {
        const lease = await this.account.lease(request);
        next = lease.renewMs;
        const told = request.level ?? 0;
        // who was rejected meanwhile does not climb
        const climbs = lease.climbs && this.level >= told;
        if (!lease.growing && !lease.climbs) news = told + lease.move + CLIMBED;
        if (lease.pause !== null) {
          this.pace.release();
          this.pace.refuseAll(new AccountPaused(this.account.name, lease.pause));
        } else if (demand > 0) {
          this.pace.grant({ ...lease, climbs, until: sent + lease.validMs });
        }
      } catch (error) {
        this.onTrouble(`no lease for ${this.model} from the account ${this.account.name}: ${(error as Error).message}`);
      }
      if (demand === 0 && this.pace.demand === 0) break;
      if (demand > 0) await this.untilRenewal(demand, next, news, never);
      // a worker between two shards does not give its lease back
      if (this.pace.demand === 0) await this.clock.sleep(IDLE_MS, never);
    }
    this.running = false;
  }

  private get level(): number {
    return this.pace.level ?? 0;
  }

  /** Ends early when much more is to be sent than was asked for, or when the level has risen to what others should know. */
  private async untilRenewal(asked: number, renewMs: number, news: number, signal: AbortSignal): Promise<void> {
    const until = this.clock.now() + renewMs;
    while (this.clock.now() < until) {
      await this.clock.sleep(Math.min(LOOK_MS, until - this.clock.now()), signal);
      if (this.pace.short && this.pace.demand > MUCH_MORE * asked) return;
      if (this.level >= news) return;
    }
  }

  private request(demand: number): LeaseRequest {
    const { pace, worker, model } = this;
    const { held } = pace;
    return {
      worker,
      model,
      demand,
      level: pace.level,
      growing: pace.growing,
      active: pace.inFlight,
      reach: pace.promise(),
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
