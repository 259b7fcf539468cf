/**
 * State and decisions of an account's workflow, without Temporal: who may send how much. At no time do the shares that
 * are still valid, and the requests in flight, add up to more than the account's bounds: a new worker waits until the
 * others have renewed theirs and their surplus has come back.
 */
import { NO_RATES, RATE_WORDS, RATES, tighter, type Rates } from '../experiment/rates';
import type {
  AccountBounds,
  AccountPause,
  AccountState,
  Adjustment,
  Holder,
  Share,
  ShareRequest,
  ModelState,
} from './account-messages';

/** A worker that is killed keeps its share from the others for so long. */
const VALID_MS = 6_000;
const RENEW_MS = 500;
/** A worker that got less than its fair share asks again soon, since the others give up their surplus when they renew; so does one that gives up some. */
const ASK_AGAIN_MS = 200;
/** While the server takes less than half of what may be tried its limit may rise at any moment, and all should hear of it soon. */
const RENEW_EACH_MS = 60;
/** No worker gets a share with its first request: others mostly come in the same moment, and shares are not called back. */
const GATHER_MS = 25;
/** A known limit that rises by so much has risen by more than the one request that was tried: the server takes more. */
const RISE = 2;
/** Used when no experiment file and no person bounds the requests at once. */
const MOST_AT_ONCE = 1000;

export class JudgeAccount {
  constructor(
    private readonly state: AccountState,
    private readonly now: () => number,
  ) {}

  static fresh(account: string): AccountState {
    return { account, pause: null, waiting: [], pauses: 0, models: {} };
  }

  get snapshot(): AccountState {
    return this.state;
  }

  get pause(): AccountPause | null {
    return this.state.pause;
  }

  /** Nobody holds a share, nothing is paused and nothing was set by a person: the state is worth nothing. */
  get idle(): boolean {
    this.expire();
    return (
      this.state.pause === null &&
      Object.values(this.state.models).every(
        ({ holders, adjusted }) => Object.keys(holders).length === 0 && Object.keys(adjusted).length === 0,
      )
    );
  }

  share(request: ShareRequest): Share {
    const { worker, model, demand, knownLimit, neverRejected, inFlight, promisedInFlight, bounds, learned, held } =
      request;
    this.expire();
    const state = this.model(model);
    for (const rate of RATES) state.learned[rate] = learned[rate] ?? state.learned[rate];
    if (demand === 0 || this.state.pause !== null) {
      this.release(state, worker);
      const nothing = {
        limitChange: 0,
        neverRejected: false,
        maxInFlight: 0,
        fraction: 0,
        workers: 1,
        mayProbe: false,
        limitRose: false,
        rates: { ...NO_RATES },
      };
      return { ...nothing, validMs: VALID_MS, renewMs: RENEW_MS, pause: this.state.pause };
    }
    const before = state.holders[worker];
    const newcomer = before === undefined;
    const known = before?.newcomer ? undefined : before;
    this.learnLimit(state, known, knownLimit);
    const rising = known !== undefined && knownLimit !== null && knownLimit > known.knownLimit;
    state.neverRejected &&= neverRejected;
    const expiresAt = this.now() + VALID_MS;
    const holder: Holder = {
      newcomer,
      limitMet: !state.neverRejected,
      demand,
      bounds,
      knownLimit: known === undefined ? 0 : (knownLimit ?? known.knownLimit),
      draining: known?.draining ?? 0,
      maxInFlight: 0,
      countedInFlight: Math.max(inFlight, promisedInFlight),
      fraction: 0,
      expiresAt,
      held: held === null ? null : { until: this.now() + held.forMs, reason: held.reason },
    };
    state.holders[worker] = holder;
    const others = Object.entries(state.holders).flatMap(([name, other]) => (name === worker ? [] : [other]));
    const free = (total: number, part: (other: Holder) => number): number =>
      Math.max(0, total - others.reduce((sum, other) => sum + part(other), 0));

    const bound = this.bound(state, 'concurrency') ?? MOST_AT_ONCE;
    const fair = fairShare(bound, worker, state.holders);
    if (!newcomer) {
      holder.maxInFlight = Math.min(
        fair,
        free(bound, ({ maxInFlight, countedInFlight }) => Math.max(maxInFlight, countedInFlight)),
      );
    }
    // rates go by demand: who has little left to ask needs little
    const demands = Object.values(state.holders).reduce((sum, other) => sum + other.demand, 0);
    holder.fraction = Math.min(
      demand / demands,
      free(1, ({ fraction }) => fraction),
    );
    if (holder.maxInFlight === 0 || holder.fraction === 0) holder.maxInFlight = holder.fraction = 0;
    const satisfied =
      !state.neverRejected &&
      this.shareKnownLimit(state, worker, inFlight, rising) &&
      holder.maxInFlight >= fair &&
      holder.countedInFlight <= holder.maxInFlight;
    const workers = Object.keys(state.holders).sort();
    return {
      limitChange: state.neverRejected ? 0 : holder.knownLimit - (knownLimit ?? 0),
      neverRejected: state.neverRejected,
      maxInFlight: !state.neverRejected && holder.knownLimit === 0 ? 0 : holder.maxInFlight,
      fraction: holder.fraction,
      workers: workers.length,
      mayProbe: state.neverRejected || workers[0] === worker,
      limitRose: state.limitRose && workers.length > 1,
      rates: this.rates(state),
      validMs: VALID_MS,
      renewMs: newcomer ? GATHER_MS : satisfied ? this.renewal(state, bound) : ASK_AGAIN_MS,
      pause: null,
    };
  }

  pauseFor(reason: string, workflowId: string | null): AccountPause {
    if (workflowId !== null && !this.state.waiting.includes(workflowId)) this.state.waiting.push(workflowId);
    if (this.state.pause === null) {
      // an account that was idle begins anew, and its pauses must not get the numbers of those that are over
      this.state.pauses = Math.max(this.state.pauses + 1, this.now());
      this.state.pause = { number: this.state.pauses, reason, since: this.now() };
      // what workers still hold is not valid for long, and they learn of the pause when they renew
      for (const model of Object.values(this.state.models)) {
        for (const worker of Object.keys(model.holders)) this.release(model, worker);
      }
    }
    return this.state.pause;
  }

  wait(workflowId: string): AccountPause | null {
    return this.state.pause === null ? null : this.pauseFor('', workflowId);
  }

  /** Returns the pause that is over and who waited for that; null when nothing was paused. */
  resume(): { number: number; waiting: string[] } | null {
    const { pause, waiting } = this.state;
    if (pause === null) return null;
    this.state.pause = null;
    this.state.waiting = [];
    return { number: pause.number, waiting };
  }

  adjust({ model, ...bounds }: Adjustment): void {
    const state = this.model(model);
    for (const [name, value] of Object.entries(bounds) as [keyof AccountBounds, number | null][]) {
      if (value === null) delete state.adjusted[name];
      else state.adjusted[name] = value;
    }
  }

  /** For the Temporal UI, as Markdown. */
  details(): string {
    this.expire();
    const { pause, waiting, models } = this.state;
    const lines =
      pause === null
        ? [`**sending**`]
        : [
            `**waiting until \`flamingo account resume ${this.state.account}\`: ${pause.reason}**`,
            `since ${new Date(pause.since).toISOString()}, ${waiting.length} waiting`,
          ];
    for (const [name, model] of Object.entries(models)) {
      const rates = this.rates(model);
      lines.push('', `**${name}**`, `- requests at once: ${this.bound(model, 'concurrency') ?? MOST_AT_ONCE}`);
      for (const rate of RATES) lines.push(`- ${RATE_WORDS[rate]}: ${rates[rate] ?? 'not known'}`);
      for (const [worker, { demand, knownLimit, maxInFlight, fraction, held }] of Object.entries(model.holders)) {
        const wait = held === null ? '' : `; waiting until ${new Date(held.until).toISOString()}: ${held.reason}`;
        lines.push(
          `- ${worker}: ${knownLimit} at once, at most ${maxInFlight}, ${Math.round(fraction * 100)} % of the rates, wants ${demand}${wait}`,
        );
      }
    }
    return lines.join('\n');
  }

  /** The tightest of what holders, persons and server say. */
  private bound(state: ModelState, name: keyof AccountBounds): number | null {
    let bound = state.adjusted[name] ?? null;
    for (const { bounds } of Object.values(state.holders)) bound = tighter(bound, bounds[name]);
    return bound;
  }

  private rates(state: ModelState): Rates {
    const rates = { ...NO_RATES };
    for (const rate of RATES) rates[rate] = tighter(this.bound(state, rate), state.learned[rate]);
    return rates;
  }

  private model(name: string): ModelState {
    return (this.state.models[name] ??= {
      learned: { ...NO_RATES },
      adjusted: {},
      neverRejected: true,
      unassigned: 0,
      limitRose: false,
      holders: {},
    });
  }

  /**
   * What became of the limit that the worker was told: it grew into what no worker used, so into what was unassigned; a
   * fall says that the server takes less than was thought, so nothing is unassigned.
   */
  private learnLimit(state: ModelState, known: Holder | undefined, knownLimit: number | null): void {
    if (state.neverRejected || known === undefined || knownLimit === null) return;
    if (knownLimit < known.knownLimit) {
      state.unassigned = 0;
      state.limitRose = false;
      return;
    }
    const grown = knownLimit - known.knownLimit;
    const regained = Math.min(grown, known.draining);
    known.draining -= regained;
    state.limitRose ||= known.limitMet && grown - regained - state.unassigned >= RISE;
    state.unassigned = Math.max(0, state.unassigned - (grown - regained));
  }

  /**
   * Moves the worker's known limit towards its fair part of what all have found together. It gives up at once what it can
   * not use, and, once its limit has stopped rising, a surplus where another worker has less than half of its part. While
   * all are busy the parts decide nothing, and what moves is idle on its way, because others get it only when the requests
   * in flight have come back. What a worker lacks it gets from what is unassigned. Returns whether nothing is left to move.
   */
  private shareKnownLimit(state: ModelState, worker: string, inFlight: number, rising: boolean): boolean {
    const holder = state.holders[worker]!;
    const holders = Object.entries(state.holders);
    const total = holders.reduce((sum, [, { knownLimit, draining }]) => sum + knownLimit + draining, state.unassigned);
    const fair = (name: string): number => fairShare(total, name, state.holders);
    const starving = holders.some(([name, { knownLimit }]) => name !== worker && knownLimit < fair(name) / 2);
    const most =
      starving && !rising ? fair(worker) : Math.max(fair(worker), Math.min(holder.knownLimit, holder.demand));
    const free = state.unassigned + holder.draining;
    const knownLimit = Math.min(Math.max(1, most), holder.knownLimit + free, holder.maxInFlight);
    const left = free + holder.knownLimit - knownLimit;
    holder.knownLimit = knownLimit;
    holder.draining = Math.min(left, Math.max(0, inFlight - knownLimit));
    state.unassigned = left - holder.draining;
    return (
      knownLimit >= fair(worker) / 2 && holder.draining === 0 && (state.unassigned === 0 || holder.demand <= knownLimit)
    );
  }

  /** Fewer renewals a worker in a large fleet: they are the account's load. */
  private renewal({ holders }: ModelState, bound: number): number {
    const limits = Object.values(holders).map(({ knownLimit }) => knownLimit);
    const taken = limits.reduce((sum, limit) => sum + limit, 0);
    if (limits.length === 1 || taken > bound / 2) return RENEW_MS;
    return Math.min(RENEW_MS, Math.max(ASK_AGAIN_MS, RENEW_EACH_MS * limits.length));
  }

  private release(state: ModelState, worker: string): void {
    const holder = state.holders[worker];
    if (holder === undefined) return;
    if (!state.neverRejected) state.unassigned += holder.knownLimit + holder.draining;
    delete state.holders[worker];
  }

  private expire(): void {
    const now = this.now();
    for (const model of Object.values(this.state.models)) {
      for (const [worker, { expiresAt }] of Object.entries(model.holders)) {
        if (expiresAt <= now) this.release(model, worker);
      }
    }
  }
}

/**
 * A worker's part of `total`: equal parts, but nobody gets more than it wants, and what is left over goes to the others.
 * Parts are whole and add up to at most `total`.
 */
export function fairShare(
  total: number,
  worker: string,
  holders: Readonly<Record<string, Pick<Holder, 'demand'>>>,
): number {
  const order = Object.entries(holders).sort(([a, one], [b, other]) => one.demand - other.demand || (a < b ? -1 : 1));
  let left = total;
  for (const [index, [name, { demand }]] of order.entries()) {
    const part = Math.min(demand, Math.floor(left / (order.length - index)));
    if (name === worker) return part;
    left -= part;
  }
  return 0;
}
