/**
 * Where a request for a verdict is served, whichever API it came by: scripted fault, limits, payment, latency, reply.
 */
import { sha256, type Sha256 } from '../experiment/canonical';
import { JUDGEMENT_HEADER } from '../experiment/stand-in';
import type { HttpExchange } from './http-exchange';
import { type Fault, type FaultScript, isApiError, isOnTheWayBack, type Operation } from './faults';
import { latencies, type Latency } from './latency';
import type { Ledger } from './ledger';
import { Limiter, type LimitOptions } from './limits';
import { isOpenAiRoute } from './openai-errors';
import type { Asked } from './params';
import { type Reply, replyTo, textsOf } from './reply';
import type { Parts } from './scoring';
import { epochMs, type Stats } from './stats';

/** Writes a reply as the API does that was asked. */
export type Render = (asked: Asked, reply: Reply, sha256: Sha256) => unknown;

const SLOW_MS = 1000;

export class VerdictEndpoint {
  private limits: LimitOptions = {};
  /** The vendor's limits are per model. */
  private limiters = new Map<string, Limiter>();
  private nextLatency: () => number;

  constructor(
    private readonly ledger: Ledger,
    private readonly faults: FaultScript,
    private readonly stats: Stats,
    private readonly latency: Latency,
    private readonly seed: number,
  ) {
    this.nextLatency = latencies(latency, seed);
  }

  get limitOptions(): LimitOptions {
    return this.limits;
  }

  /** Full buckets, and a schedule that starts with the next request. */
  setLimits(limits: LimitOptions): void {
    this.limits = limits;
    this.limiters = new Map();
  }

  /** Buckets and latencies as at the start. */
  reset(): void {
    this.setLimits(this.limits);
    this.nextLatency = latencies(this.latency, this.seed);
  }

  /** Throws `Refused`, as `asked` may do. */
  serve(exchange: HttpExchange, read: () => Asked, render: Render): void {
    this.stats.arrived();
    exchange.onReply = (status) => this.stats.replied(status);
    exchange.onRejected = (kind) => this.stats.rejected(kind);
    const asked = read();
    const { parts, whole, judged } = textsOf(asked);
    const fault = this.faults.next(whole, 'messages', judged);
    if (fault === null) return this.judge(exchange, asked, parts, null, render);
    const now = epochMs();
    exchange.headers = this.headersOf(exchange, asked, now);
    this.withFault(exchange, fault, () => this.judge(exchange, asked, parts, fault, render));
  }

  /** Serves everything but verdicts: the fault scripted for this operation, if any, in place of the operation or with it. */
  operate(exchange: HttpExchange, operation: Operation, action: (fault: Fault | null) => void): void {
    const fault = this.faults.next(exchange.body === '' ? exchange.path : exchange.body, operation);
    this.withFault(exchange, fault, () => {
      if (fault !== null && isOnTheWayBack(fault.kind)) {
        exchange.broken = fault.kind;
        if (fault.kind === 'slow') exchange.heldMs = fault.ms ?? SLOW_MS;
      }
      action(fault);
    });
  }

  private withFault(exchange: HttpExchange, fault: Fault | null, otherwise: () => void): void {
    if (fault === null) return otherwise();
    this.stats.fault(fault.kind);
    const happen = (): void => {
      const { kind } = fault;
      if (isApiError(kind)) return exchange.error(kind, fault);
      switch (kind) {
        case 'html_200':
        case 'html_502':
          return exchange.html(kind);
        case 'wrong_shape':
          return exchange.wrongShape();
        case 'reset':
          return exchange.reset();
        default:
          return otherwise();
      }
    };
    const before = pauseBefore(fault);
    if (before === 0) return happen();
    setTimeout(() => exchange.guard(happen), before).unref();
  }

  private judge(exchange: HttpExchange, asked: Asked, parts: Parts, fault: Fault | null, render: Render): void {
    const reply = replyTo(asked, parts, fault?.kind ?? null);
    const now = epochMs();
    const limiter = this.limiterOf(asked.model, now);
    const rejection = limiter.admit(now, { inputTokens: asked.inputTokens, outputTokens: reply.outputTokens });
    exchange.headers = this.headersOf(exchange, asked, now);
    if (rejection !== null) {
      return exchange.error('rate_limit', {
        message: rejection.message,
        retryAfter: limiter.retryAfter(rejection) ?? '',
      });
    }
    this.stats.admitted(now);
    const hash = sha256(exchange.body);
    const judgement = exchange.header(JUDGEMENT_HEADER) ?? null;
    this.ledger.add([{ at: new Date().toISOString(), sha256: hash, id: exchange.id, judgement }]);
    this.stats.paid(1);
    let over = false;
    const end = (): void => {
      over = true;
      limiter.release();
      this.stats.ended();
    };
    const answer = (): void => {
      end();
      if (fault !== null && isOnTheWayBack(fault.kind)) exchange.broken = fault.kind;
      exchange.json(200, render(asked, reply, hash));
    };
    const pause = this.nextLatency() + (fault?.kind === 'slow' ? (fault.ms ?? SLOW_MS) : 0);
    if (pause === 0) return answer();
    const timer = setTimeout(answer, pause);
    exchange.response.once('close', () => {
      if (over) return;
      clearTimeout(timer); // the client has gone, or the server closes
      end();
    });
  }

  private headersOf({ path }: HttpExchange, { model }: Asked, now: number): string[] {
    const limiter = this.limiterOf(model, now);
    return isOpenAiRoute(path) ? limiter.openAiHeaders(now) : limiter.headers(now);
  }

  private limiterOf(model: string, now: number): Limiter {
    let limiter = this.limiters.get(model);
    if (limiter === undefined) this.limiters.set(model, (limiter = new Limiter(this.limits, now)));
    return limiter;
  }
}

function pauseBefore({ kind, ms }: Fault): number {
  if (kind === 'slow' || kind === 'not_found_yet') return 0; // their pause comes later
  return ms ?? (kind === 'late_commit' ? SLOW_MS : 0);
}
