/**
 * Batches on disk, so that they survive the stand-in's process: `ID.json` says what a batch is and is written last, with
 * the requests beside it until it ends and the results after. Without a folder nothing is written.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { BatchOptions } from './batch-options';

/** Times are epoch milliseconds. */
export interface BatchRecord {
  id: string;
  /** Ascending in the order of creation. */
  sequence: number;
  createdAt: number;
  /** `anthropic-version` of the create call, which decides for every item; null where the API has none. */
  version: string | null;
  options: BatchOptions;
  items: number;
  /** Nobody but the list knows it before. */
  hiddenUntil: number;
  cancelAt: number | null;
  /** Set when the results are there. */
  endedAt: number | null;
  counts: { succeeded: number; errored: number; canceled: number; expired: number };
  /** Of OpenAI's API: the file that it was made of, and those that it became. */
  upload?: Upload;
  /** Of OpenAI's API: why nothing of it was worked on. */
  failure?: { code: string; message: string; line: number | null };
}

export interface Upload {
  inputFile: string;
  metadata: Record<string, string> | null;
  tokens: number;
  outputFile: string | null;
  errorFile: string | null;
}

export interface BatchItem {
  custom_id: string;
  params: unknown;
}

export class BatchStore {
  constructor(private readonly folder: string | null) {
    if (folder !== null) mkdirSync(folder, { recursive: true });
  }

  /** Every batch, oldest first. */
  load(): BatchRecord[] {
    if (this.folder === null) return [];
    return readdirSync(this.folder)
      .filter((name) => /^[^.]+\.json$/.test(name))
      .map((name) => JSON.parse(readFileSync(join(this.folder!, name), 'utf8')) as BatchRecord)
      .sort((one, other) => one.sequence - other.sequence);
  }

  save(record: BatchRecord): void {
    this.write(`${record.id}.json`, JSON.stringify(record));
  }

  saveItems(id: string, items: readonly BatchItem[]): void {
    this.write(`${id}.requests.jsonl`, items.map((item) => `${JSON.stringify(item)}\n`).join(''));
  }

  saveResults(id: string, lines: readonly string[]): void {
    this.write(`${id}.results.jsonl`, lines.map((line) => `${line}\n`).join(''));
  }

  items(id: string): BatchItem[] {
    return this.lines(`${id}.requests.jsonl`).map((line) => JSON.parse(line) as BatchItem);
  }

  results(id: string): string[] {
    return this.lines(`${id}.results.jsonl`);
  }

  dropItems(id: string): void {
    this.remove(`${id}.requests.jsonl`);
  }

  drop(id: string): void {
    for (const suffix of ['json', 'requests.jsonl', 'results.jsonl']) this.remove(`${id}.${suffix}`);
  }

  private lines(name: string): string[] {
    if (this.folder === null || !existsSync(join(this.folder, name))) return [];
    return readFileSync(join(this.folder, name), 'utf8').split('\n').slice(0, -1);
  }

  private write(name: string, text: string): void {
    if (this.folder === null) return;
    const path = join(this.folder, name);
    writeFileSync(`${path}.tmp`, text);
    renameSync(`${path}.tmp`, path);
  }

  private remove(name: string): void {
    if (this.folder !== null) rmSync(join(this.folder, name), { force: true });
  }
}
