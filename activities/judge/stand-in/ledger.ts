/**
 * What the stand-in judge would have charged for: one JSON line per paid request, written before the reply is sent.
 * Given a file, it goes on where an earlier process stopped; a torn last line is cut off.
 */
import { appendFileSync, existsSync, readFileSync, truncateSync } from 'node:fs';
import type { Sha256 } from '../../../experiment/canonical';

export interface LedgerEntry {
  at: string;
  /** SHA-256 of the request's body. */
  sha256: Sha256;
  /** The `request-id` that the reply carries. */
  id: string;
  /** The judgement that the client names in its header; null from other clients. */
  judgement: string | null;
}

export class Ledger {
  paid = 0;
  private readonly bodies = new Set<Sha256>();
  private readonly judgements = new Map<string, number>();

  constructor(private readonly file: string | null) {
    if (file === null || !existsSync(file)) return;
    const bytes = readFileSync(file);
    const complete = bytes.subarray(0, bytes.lastIndexOf('\n') + 1);
    if (complete.length < bytes.length) truncateSync(file, complete.length);
    for (const line of complete.toString('utf8').split('\n').slice(0, -1)) this.count(JSON.parse(line) as LedgerEntry);
  }

  add(entry: LedgerEntry): void {
    if (this.file !== null) appendFileSync(this.file, `${JSON.stringify(entry)}\n`);
    this.count(entry);
  }

  /** `paidTwice`: payments beyond the first for the same judgement, for example a re-ask or a reply lost to a kill. */
  summary(): { paid: number; distinctBodies: number; judgements: number; paidTwice: number } {
    let paidTwice = 0;
    for (const times of this.judgements.values()) paidTwice += times - 1;
    return { paid: this.paid, distinctBodies: this.bodies.size, judgements: this.judgements.size, paidTwice };
  }

  private count({ sha256, judgement }: LedgerEntry): void {
    this.paid++;
    this.bodies.add(sha256);
    if (judgement !== null) this.judgements.set(judgement, (this.judgements.get(judgement) ?? 0) + 1);
  }
}
