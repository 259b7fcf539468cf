/** What the stand-in has seen since its start or the last reset, for benchmarks: GET /stats. */

/** Epoch milliseconds, with a fraction. */
export function epochMs(): number {
  return performance.timeOrigin + performance.now();
}

export interface StatsReport {
  /** Requests of messages and chat completions. */
  requests: number;
  /** As the ledger counts: also batches' items. */
  paid: number;
  /** Requests that never reached the model, by error; `rate_limit` counts the limits' own and scripted ones. */
  rejected: Record<string, number>;
  /** Scripted faults that hit a request, by kind. */
  faults: Record<string, number>;
  /** Replies by HTTP status; a connection that broke without one is not among them. */
  statuses: Record<string, number>;
  /** Requests that the model works on: admitted, not answered yet. */
  inFlight: number;
  peakInFlight: number;
  /** Epoch milliseconds; null before the first. */
  firstRequestAt: number | null;
  lastReplyAt: number | null;
  /** Longest time with nothing in flight, from the first request to the last one that was admitted. */
  longestIdleMs: number;
  batches: { created: number; ended: number; canceled: number; deleted: number; items: number };
}

const count = (counts: Record<string, number>, name: string): void => {
  counts[name] = (counts[name] ?? 0) + 1;
};

export class Stats {
  private report = fresh();
  private idleSince = 0;

  get(): StatsReport {
    return this.report;
  }

  reset(): void {
    const { inFlight } = this.report;
    this.report = { ...fresh(), inFlight, peakInFlight: inFlight };
  }

  arrived(): void {
    const { report } = this;
    report.requests++;
    if (report.firstRequestAt === null) this.idleSince = report.firstRequestAt = epochMs();
  }

  admitted(now: number): void {
    const { report } = this;
    if (report.inFlight === 0) report.longestIdleMs = Math.max(report.longestIdleMs, now - this.idleSince);
    report.inFlight++;
    report.peakInFlight = Math.max(report.peakInFlight, report.inFlight);
  }

  ended(): void {
    this.report.inFlight--;
    if (this.report.inFlight === 0) this.idleSince = epochMs();
  }

  paid(requests: number): void {
    this.report.paid += requests;
  }

  rejected(error: string): void {
    count(this.report.rejected, error);
  }

  fault(kind: string): void {
    count(this.report.faults, kind);
  }

  replied(status: number): void {
    count(this.report.statuses, String(status));
    this.report.lastReplyAt = epochMs();
  }

  batch(event: keyof StatsReport['batches'], number = 1): void {
    this.report.batches[event] += number;
  }
}

function fresh(): StatsReport {
  return {
    requests: 0,
    paid: 0,
    rejected: {},
    faults: {},
    statuses: {},
    inFlight: 0,
    peakInFlight: 0,
    firstRequestAt: null,
    lastReplyAt: null,
    longestIdleMs: 0,
    batches: { created: 0, ended: 0, canceled: 0, deleted: 0, items: 0 },
  };
}
