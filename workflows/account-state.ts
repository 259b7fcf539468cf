/**
 * State and decisions of an account's workflow, without Temporal: who may send how much. At no time do the leases that
 * are still valid, and the requests in flight, add up to more than the account's bounds: a newcomer waits until the others
 * have renewed theirs and their surplus has come back.
 */
import { NO_RATES, RATE_WORDS, RATES, tighter, type Rates } from '../experiment/rates';
import type {
  AccountBounds,
  AccountPause,
  AccountState,
  Adjustment,
  Holder,
  Lease,
  LeaseRequest,
  ModelState,
} from './account-messages';

/** A worker that is killed keeps its share from the others for so long. */
const VALID_MS = 6_000;
const RENEW_MS = 500;
/** Asks again soon: who got less than would be fair, since the others give up their surplus when they renew, and who gives up. */
const ASK_AGAIN_MS = 200;
/** While the server takes less than half of what may be tried its limit may rise at any moment, so news should travel fast. */
const RENEW_EACH_MS = 60;
/** Nobody gets a share with its first word: others mostly come in the same moment, and shares are not called back. */
const GATHER_MS = 25;
/** A level risen by so much beyond what was known is more than one that was tried: the server's limit has risen. */
const CLIMB = 2;
/** Used when no experiment file and no person bounds the requests at once. */
const MOST_AT_ONCE = 1000;

export class AccountBoard {
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

  /** Nobody holds a lease, nothing is paused and nothing was set by a person: the state is worth nothing. */
  get idle(): boolean {
    this.expire();
    return (
      this.state.pause === null &&
      Object.values(this.state.models).every(
        ({ holders, adjusted }) => Object.keys(holders).length === 0 && Object.keys(adjusted).length === 0,
      )
    );
  }

  lease({ worker, model, demand, level, growing, active, reach, bounds, learned, held }: LeaseRequest): Lease {
    this.expire();
    const state = this.model(model);
    for (const rate of RATES) state.learned[rate] = learned[rate] ?? state.learned[rate];
    if (demand === 0 || this.state.pause !== null) {
      this.release(state, worker);
      const nothing = {
        move: 0,
        growing: false,
        most: 0,
        fraction: 0,
        workers: 1,
        probes: false,
        climbs: false,
        rates: { ...NO_RATES },
      };
      return { ...nothing, validMs: VALID_MS, renewMs: RENEW_MS, pause: this.state.pause };
    }
    const before = state.holders[worker];
    const newcomer = before === undefined;
    const known = before?.fresh ? undefined : before;
    this.account(state, known, level);
    const climbing = known !== undefined && level !== null && level > known.level;
    state.growing &&= growing;
    const expiresAt = this.now() + VALID_MS;
    const holder: Holder = {
      fresh: newcomer,
      settled: !state.growing,
      demand,
      bounds,
      level: known === undefined ? 0 : (level ?? known.level),
      draining: known?.draining ?? 0,
      most: 0,
      busy: Math.max(active, reach ?? known?.most ?? 0),
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
      holder.most = Math.min(
        fair,
        free(bound, ({ most, busy }) => Math.max(most, busy)),
      );
    }
    // rates go by demand: who has little left to ask needs little
    const demands = Object.values(state.holders).reduce((sum, other) => sum + other.demand, 0);
    holder.fraction = Math.min(
      demand / demands,
      free(1, ({ fraction }) => fraction),
    );
    if (holder.most === 0 || holder.fraction === 0) holder.most = holder.fraction = 0;
    const satisfied =
      !state.growing &&
      this.shareLevel(state, worker, active, climbing) &&
      holder.most >= fair &&
      holder.busy <= holder.most;
    const workers = Object.keys(state.holders).sort();
    return {
      move: state.growing ? 0 : holder.level - (level ?? 0),
      growing: state.growing,
      most: !state.growing && holder.level === 0 ? 0 : holder.most,
      fraction: holder.fraction,
      workers: workers.length,
      probes: state.growing || workers[0] === worker,
      climbs: state.climbing === true && workers.length > 1,
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
      for (const [worker, { demand, level, most, fraction, held }] of Object.entries(model.holders)) {
        const wait = held === null ? '' : `; waiting until ${new Date(held.until).toISOString()}: ${held.reason}`;
        lines.push(
          `- ${worker}: ${level} at once, at most ${most}, ${Math.round(fraction * 100)} % of the rates, wants ${demand}${wait}`,
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
      growing: true,
      spare: 0,
      holders: {},
    });
  }

  /**
   * What became of the level that was granted: growth was found where nobody was, so in what was spare; a cut says that
   * the server takes less than was thought, so nothing is spare.
   */
  private account(state: ModelState, known: Holder | undefined, level: number | null): void {
    if (state.growing || known === undefined || level === null) return;
    if (level < known.level) {
      state.spare = 0;
      state.climbing = false;
      return;
    }
    const grown = level - known.level;
    const regained = Math.min(grown, known.draining);
    known.draining -= regained;
    state.climbing ||= known.settled === true && grown - regained - state.spare >= CLIMB;
    state.spare = Math.max(0, state.spare - (grown - regained));
  }

  /**
   * Moves the worker's level towards its fair part of what all have found together. It gives up at once what it can not
   * use, and a surplus where another one has less than half of its part, once it has stopped climbing: who has how much decides nothing while all are
   * busy, and what moves is idle on its way, because others get it only when the requests in flight have come back. What a
   * worker lacks it gets from what nobody uses. Returns whether nothing is left to move.
   */
  private shareLevel(state: ModelState, worker: string, active: number, climbing: boolean): boolean {
    const holder = state.holders[worker]!;
    const holders = Object.entries(state.holders);
    const total = holders.reduce((sum, [, { level, draining }]) => sum + level + draining, state.spare);
    const fair = (name: string): number => fairShare(total, name, state.holders);
    const starving = holders.some(([name, { level }]) => name !== worker && level < fair(name) / 2);
    const most = starving && !climbing ? fair(worker) : Math.max(fair(worker), Math.min(holder.level, holder.demand));
    const free = state.spare + holder.draining;
    const level = Math.min(Math.max(1, most), holder.level + free, holder.most);
    const left = free + holder.level - level;
    holder.level = level;
    holder.draining = Math.min(left, Math.max(0, active - level));
    state.spare = left - holder.draining;
    return level >= fair(worker) / 2 && holder.draining === 0 && (state.spare === 0 || holder.demand <= level);
  }

  /** Fewer renewals a worker in a large fleet: they are the account's load. */
  private renewal({ holders }: ModelState, bound: number): number {
    const levels = Object.values(holders).map(({ level }) => level);
    const taken = levels.reduce((sum, level) => sum + level, 0);
    if (levels.length === 1 || taken > bound / 2) return RENEW_MS;
    return Math.min(RENEW_MS, Math.max(ASK_AGAIN_MS, RENEW_EACH_MS * levels.length));
  }

  private release(state: ModelState, worker: string): void {
    const holder = state.holders[worker];
    if (holder === undefined) return;
    if (!state.growing) state.spare += holder.level + holder.draining;
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
