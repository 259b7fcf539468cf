/**
 * When an experiment's run starts nothing more, so that it can continue as a new one: its history grows with all that it
 * starts, and it can only be left while nothing runs. Without Temporal: testable as a plain class.
 */

/**
 * Events after which a run waits for what it has started, and continues as a new one: at most 64 configurations, some six
 * events each, so that hardly a run has 2,000.
 */
const LONG = 1_400;
/** Events after which nothing is started in any case. The server warns at 10,240 events, and ends a run at 51,200. */
const LONGEST = 10_000;

/** How long what is queued waits for what runs, before it is started all the same. */
export const PATIENCE_MS = 5 * 60_000;

export class Continuing {
  private limit = LONG;

  /** Whether the run is to be left at the next moment at which nothing runs. */
  isDue(events: number): boolean {
    return events > LONG;
  }

  /** Whether nothing more is started. `held`: something that runs waits for a person, for as long as that takes. */
  isDraining(events: number, held: boolean): boolean {
    return events > LONGEST || (events > this.limit && !held);
  }

  /** Whether draining may be put off: the history has room. */
  canWait(events: number): boolean {
    return events <= LONGEST;
  }

  /** What runs takes longer than `PATIENCE_MS`: the run goes on, and drains again after as many events more. */
  putOff(events: number): void {
    this.limit = events + LONG;
  }
}
