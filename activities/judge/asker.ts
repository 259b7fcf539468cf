/**
 * Gets one reply: sends a request through the gate, and repeats it as the error policy says, always within bounds.
 */
import type { JudgeClient, JudgeReply } from './client';
import { type Failure, REMEDY, RequestFailed, type StopKind } from './errors';
import { type Gate, JudgeMustWait } from './gate';
import type { JudgeCall } from './request';

/** No request can succeed until a person does something; the experiment stops and keeps what is finished. */
export class JudgeStopped extends Error {
  override name = 'JudgeStopped';
  constructor(
    readonly kind: StopKind,
    reason: string,
  ) {
    super(`judging stopped (${kind}): ${reason.replace(/\.$/, '')}. ${REMEDY[kind]}`);
  }
}

export interface Clock {
  now: () => number;
  sleep: (milliseconds: number, signal: AbortSignal) => Promise<void>;
  random: () => number;
}

/** `lost`: requests whose reply did not arrive though it may have been paid. `number`: the answered request's, from 1. */
export type Answer =
  | { kind: 'reply'; reply: JudgeReply; number: number; lost: number }
  | { kind: 'refused'; failure: Failure & { action: 'item' }; lost: number }
  | { kind: 'exhausted'; failure: Failure; lost: number };

export interface AskerOptions {
  client: JudgeClient;
  gate: Gate;
  clock: Clock;
  deadlineMs: number;
  /** Start nothing more. */
  quit: AbortSignal;
  /** End what is in flight. */
  hard: AbortSignal;
  onTrouble: (message: string) => void;
}

/** Server errors and broken connections: with full jitter the pauses sum to 15 s on average, a server's restart. */
const ATTEMPTS = 5;
const RETRY_BASE_MS = 2000;
const RETRY_LONGEST_MS = 16_000;
/** A 429 or 529 without `retry-after`. */
const WAIT_BASE_MS = 1000;
const WAIT_LONGEST_MS = 30_000;
/** One item that meets 429 for ever while others pass is given up; the next run asks it again. */
const MOST_WAITS = 30;
/** So long without any reply while the server says "later": give the slot to others, and come back after the pause. */
const PATIENCE_MS = 5 * 60_000;
const PAUSE_AFTER_PATIENCE_MS = 60_000;

export class Asker {
  /** HTTP requests started. */
  requestsSent = 0;
  private lastReplyAt: number;

  constructor(private readonly options: AskerOptions) {
    this.lastReplyAt = options.clock.now();
  }

  /** Throws `JudgeStopped`, `JudgeMustWait`, or an abort's reason. */
  async ask(call: JudgeCall): Promise<Answer> {
    const { client, gate, clock, deadlineMs, quit, hard, onTrouble } = this.options;
    let lost = 0;
    let failures = 0;
    let waits = 0;
    for (;;) {
      await gate.enter(quit);
      const number = ++this.requestsSent;
      let failure: Failure;
      try {
        const reply = await client.send(call, { signal: hard, deadlineMs });
        this.lastReplyAt = clock.now();
        gate.succeeded();
        return { kind: 'reply', reply, number, lost };
      } catch (error) {
        if (!(error instanceof RequestFailed)) throw error;
        failure = error.failure;
      } finally {
        gate.leave();
      }
      switch (failure.action) {
        case 'stop':
          throw new JudgeStopped(failure.kind, failure.message);
        case 'item':
          return { kind: 'refused', failure, lost };
        case 'wait': {
          onTrouble(failure.message);
          if (++waits > MOST_WAITS) return { kind: 'exhausted', failure, lost };
          const delay = failure.delayMs || jitter(clock, WAIT_BASE_MS, WAIT_LONGEST_MS, waits);
          if (clock.now() + delay - this.lastReplyAt > PATIENCE_MS) {
            throw new JudgeMustWait(Math.max(delay, PAUSE_AFTER_PATIENCE_MS), failure.message);
          }
          gate.hold(delay, failure.message, failure.kind !== 'overloaded');
          break;
        }
        case 'retry': {
          onTrouble(failure.message);
          if (failure.mayBePaid) lost++;
          if (++failures >= ATTEMPTS) return { kind: 'exhausted', failure, lost };
          if (failure.delayMs) gate.hold(failure.delayMs, failure.message, false);
          else await clock.sleep(jitter(clock, RETRY_BASE_MS, RETRY_LONGEST_MS, failures), quit);
        }
      }
    }
  }
}

/** Full jitter: anything from nothing to the doubled pause. */
function jitter({ random }: Clock, base: number, longest: number, attempt: number): number {
  return random() * Math.min(longest, base * 2 ** (attempt - 1));
}
