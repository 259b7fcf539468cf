/**
 * What the stand-in judge would have charged for: one JSON line per paid request, written before the reply is sent.
 * Given a file, it goes on where an earlier process stopped; a torn last line is cut off.
 */
import { closeSync, existsSync, openSync, readFileSync, truncateSync, writeSync } from 'node:fs';
import type { Sha256 } from '../experiment/canonical';

export interface LedgerEntry {
  at: string;
  /** SHA-256 of the request's body; of a batch's item: of its `params` as JSON. */
  sha256: Sha256;
  /** The `request-id` that the reply carries; of a batch's item: BATCH/CUSTOM_ID. */
  id: string;
  /** The judgement that the client names in its header or as `custom_id`; null from other clients. */
  judgement: string | null;
}

export class Ledger {
  paid = 0;
  private bodies = new Set<Sha256>();
  private judgements = new Map<string, number>();
  /** Kept open: opening the file for each line would cost more than all the rest of a request's bookkeeping. */
  private descriptor: number | null;

  constructor(private readonly file: string | null) {
    for (const entry of this.read()) this.count(entry);
    this.descriptor = file === null ? null : openSync(file, 'a');
  }

  /** All of them in one piece. */
  add(entries: readonly LedgerEntry[]): void {
    if (this.descriptor !== null) {
      let lines = '';
      for (const entry of entries) lines += `${JSON.stringify(entry)}\n`;
      const bytes = Buffer.from(lines);
      for (let written = 0; written < bytes.length;) written += writeSync(this.descriptor, bytes, written);
    }
    for (const entry of entries) this.count(entry);
  }

  /** Ids in the file that begin so: what an earlier process has charged for. */
  idsWith(prefix: string): Set<string> {
    return new Set(
      this.read()
        .map(({ id }) => id)
        .filter((id) => id.startsWith(prefix)),
    );
  }

  /** `paidTwice`: payments beyond the first for the same judgement, for example a re-ask or a reply lost to a kill. */
  summary(): { paid: number; distinctBodies: number; judgements: number; paidTwice: number } {
    let paidTwice = 0;
    for (const times of this.judgements.values()) paidTwice += times - 1;
    return { paid: this.paid, distinctBodies: this.bodies.size, judgements: this.judgements.size, paidTwice };
  }

  /** Starts the summary anew; the file keeps everything. */
  reset(): void {
    this.paid = 0;
    this.bodies = new Set();
    this.judgements = new Map();
  }

  close(): void {
    if (this.descriptor !== null) closeSync(this.descriptor);
    this.descriptor = null; // its number may soon be another file's
  }

  private read(): LedgerEntry[] {
    if (this.file === null || !existsSync(this.file)) return [];
    const bytes = readFileSync(this.file);
    const complete = bytes.subarray(0, bytes.lastIndexOf('\n') + 1);
    if (complete.length < bytes.length) truncateSync(this.file, complete.length);
    const lines = complete.toString('utf8').split('\n').slice(0, -1);
    return lines.map((line) => JSON.parse(line) as LedgerEntry);
  }

  private count({ sha256, judgement }: LedgerEntry): void {
    this.paid++;
    this.bodies.add(sha256);
    if (judgement !== null) this.judgements.set(judgement, (this.judgements.get(judgement) ?? 0) + 1);
  }
}
