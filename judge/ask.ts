/**
 * Gets one reply: sends a request at the account's pace, and repeats it as the error policy says, always within bounds.
 */
import type { JudgeClient, JudgeReply } from './client';
import type { Clock } from './clock';
import { type RequestFailure, JudgeMustWait, JudgeStopped, RequestFailed } from './errors';
import type { Pace } from './pacing/pace';
import type { JudgeCall } from './request';

/** `lost`: requests whose reply did not arrive though it may have been paid. `number`: the answered request's, from 1. */
export type Answer =
  | { kind: 'reply'; reply: JudgeReply; number: number; lost: number }
  | { kind: 'refused'; failure: RequestFailure & { action: 'item' }; lost: number }
  | { kind: 'exhausted'; failure: RequestFailure; lost: number }
  /** Several earlier requests got no answer, however often they were repeated. */
  | { kind: 'not_tried'; lost: 0 };

/** Where replies are kept. Nothing is sent that could not be. */
export interface Keeping {
  /** Returns at once when all is well; waits while the store is full or away. */
  writable(signal: AbortSignal): Promise<void>;
  readonly trouble: string | null;
}

export interface AskOptions {
  client: JudgeClient;
  keeping: Keeping;
  pace: Pace;
  clock: Clock;
  deadlineMs: number;
  /** Start nothing more. */
  quit: AbortSignal;
  /** End what is in flight. */
  hard: AbortSignal;
  onTrouble: (failure: RequestFailure) => void;
}

/**
 * Server errors and broken connections are repeated with full jitter. A request's first failure does not tell whose trouble
 * it is, so the request is soon repeated. If nothing was answered between two failures the judge is away: the pauses sum to
 * 14 s on average, a server's restart. If others were answered, it is this request's own trouble, also when it is the last
 * one that is left: 2 s are enough, and the end of the experiment may wait for it.
 */
const ATTEMPTS = 5;
const RETRY_BASE_MS = { away: 2000, own: 250 };
const RETRY_LONGEST_MS = 16_000;
/**
 * When so many requests fail without any reply between, the rest waits for what becomes of them. When all of them are given
 * up the judge is not reachable, and the rest is not tried.
 */
const UNREACHABLE_AFTER = 5;
/** Pauses after a 429 or 529 without `retry-after`. */
const WAIT_BASE_MS = 1000;
const WAIT_LONGEST_MS = 30_000;
/** An item that meets 429 so often, while others pass, is given up; the next run asks it again. */
const MOST_WAITS = 30;
/** After so long without any reply from a server that says "later" the slot goes to others, until the pause is over. */
const PATIENCE_MS = 5 * 60_000;
const PAUSE_AFTER_PATIENCE_MS = 60_000;

export class RetryingJudge {
  /** HTTP requests started. */
  requestsSent = 0;
  private readonly createdAt: number;
  private lastFailureAt = 0;
  /** Requests that failed and are to be repeated, since the last reply. */
  private readonly failing = new Set<unknown>();
  private waitingForOutcome: (() => void)[] = [];
  /** Requests given up, since the last reply. */
  private unanswered = 0;

  constructor(private readonly options: AskOptions) {
    this.createdAt = options.clock.now();
  }

  /**
   * `build` makes the request when its turn has come, once: every attempt sends the same bytes. `characters`: how much text
   * it holds, roughly; `urgent`: it goes before all that have not started yet. Throws `JudgeStopped`, `JudgeMustWait`, what
   * the pace refuses with, or an abort's reason.
   */
  async ask(build: () => JudgeCall, characters: number, urgent = false): Promise<Answer> {
    const { client, keeping, pace, clock, deadlineMs, quit, hard, onTrouble } = this.options;
    let call: JudgeCall | undefined;
    let lost = 0;
    let failures = 0;
    let waits = 0;
    let failedAt: number | null = null;
    let own = false;
    for (;;) {
      await keeping.writable(quit);
      const ticket = await pace.enter(characters, quit, urgent || call !== undefined);
      if (keeping.trouble !== null) {
        ticket.leave(); // others, whose journal is well, may have the place
        continue;
      }
      if (pace.heardAt > this.lastFailureAt) this.forgetFailures();
      if (call === undefined && this.failing.size + this.unanswered >= UNREACHABLE_AFTER) {
        ticket.leave();
        if (this.failing.size === 0) return { kind: 'not_tried', lost: 0 };
        await this.nextOutcome();
        continue;
      }
      let failure: RequestFailure;
      try {
        call ??= build();
        const number = ++this.requestsSent;
        const reply = await client.send(call, { signal: hard, deadlineMs });
        this.replied();
        ticket.replied(reply, reply.limits);
        return { kind: 'reply', reply, number, lost };
      } catch (error) {
        if (!(error instanceof RequestFailed)) throw error;
        failure = error.failure;
        if (failure.action === 'retry') ticket.troubled();
        if (failure.action === 'wait') {
          const delayMs = failure.delayMs || jitter(clock, WAIT_BASE_MS, WAIT_LONGEST_MS, waits + 1);
          failure = { ...failure, delayMs };
          ticket.rejected(failure.kind, delayMs, failure.limits, failure.message);
        }
      } finally {
        // the caller first writes its line in the journal, or ends the shard; then the next request starts
        setImmediate(() => ticket.leave());
      }
      switch (failure.action) {
        case 'stop':
          throw new JudgeStopped(failure.kind, failure.message);
        case 'item':
          this.replied();
          return { kind: 'refused', failure, lost };
        case 'wait': {
          onTrouble(failure);
          if (++waits > MOST_WAITS) return { kind: 'exhausted', failure, lost };
          const delay = pace.jittered(failure.delayMs as number);
          if (clock.now() + delay - Math.max(this.createdAt, pace.heardAt) > PATIENCE_MS) {
            throw new JudgeMustWait(Math.max(delay, PAUSE_AFTER_PATIENCE_MS), failure.message);
          }
          await clock.sleep(delay, quit);
          break;
        }
        case 'retry': {
          onTrouble(failure);
          if (failure.mayBePaid) lost++;
          own ||= failedAt !== null && pace.heardAt > failedAt;
          this.lastFailureAt = failedAt = clock.now();
          if (++failures >= ATTEMPTS) {
            this.failing.delete(build);
            this.unanswered++;
            this.release();
            return { kind: 'exhausted', failure, lost };
          }
          this.failing.add(build);
          const base = own || failures === 1 ? RETRY_BASE_MS.own : RETRY_BASE_MS.away;
          const delay = failure.delayMs
            ? pace.jittered(failure.delayMs)
            : jitter(clock, base, RETRY_LONGEST_MS, failures);
          await clock.sleep(delay, quit);
        }
      }
    }
  }

  /** Resolves when one of the failing requests is answered or given up. */
  private async nextOutcome(): Promise<void> {
    const { quit } = this.options;
    await new Promise<void>((resolve) => {
      const go = (): void => {
        quit.removeEventListener('abort', go);
        resolve();
      };
      quit.addEventListener('abort', go, { once: true });
      this.waitingForOutcome.push(go);
    });
    quit.throwIfAborted();
  }

  private replied(): void {
    this.options.pace.heard();
    this.forgetFailures();
  }

  private forgetFailures(): void {
    this.failing.clear();
    this.unanswered = 0;
    this.release();
  }

  private release(): void {
    for (const go of this.waitingForOutcome.splice(0)) go();
  }
}

/** Full jitter: anything from nothing to the doubled pause. */
function jitter({ random }: Clock, base: number, longest: number, attempt: number): number {
  return random() * Math.min(longest, base * 2 ** (attempt - 1));
}
