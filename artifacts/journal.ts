/**
 * The judge's journal: every verdict as soon as it is there, one JSON line each, so that nothing paid is paid again.
 *
 * Each attempt at a shard writes a file of its own (`judge-ATTEMPT.jsonl`, created exclusively) and reads those of all
 * attempts. Lines are of three kinds:
 *
 *   {"row": Judgement, "provenance": JudgementProvenance, "paid": Usage}   a finished judgement
 *   {"unparsed": id, "paid": Usage}        a first reply that was unparsable: only the re-ask is left to do
 *   {"paid": Usage}                        spent without a verdict
 *
 * `paid` is what no earlier line of the file has counted, so the sum over all lines is what the shard has cost.
 *
 * Durability: one synchronous write(2) per line, no fsync. What write(2) took survives the death of the process
 * (SIGKILL included) since it is the kernel's. A power cut or a crash of the machine can lose the last seconds of
 * lines; those judgements are then asked, and paid, again, and nothing worse. The file is synced when it is closed.
 *
 * A line counts when it ends in a newline and holds what it should. A torn last line is what a kill leaves behind and
 * is ignored; other broken lines are counted, so that damage is seen. Of several lines for one judgement, the earliest
 * stands (by time, then file name): every reader of the same files finds the same rows.
 */
import { closeSync, fsyncSync, mkdirSync, openSync, readdirSync, readFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import type { Sha256 } from '../experiment/canonical';
import type { Judgement, JudgementProvenance } from '../experiment/rows';

export interface FinishedJudgement {
  row: Judgement;
  provenance: JudgementProvenance;
}

/** What was paid. A request whose reply was lost on the way counts as one of 0 tokens: they are unknown. */
export interface Usage {
  requests: number;
  inputTokens: number;
  outputTokens: number;
}

export interface JournalContents {
  finished: Map<Sha256, FinishedJudgement>;
  /** Judgements whose first reply was unparsable and whose re-ask is not yet answered. */
  unparsed: Set<Sha256>;
  /** Everything that the files say was paid, duplicates included. */
  paid: Usage;
  /** Complete lines that could not be read. */
  damagedLines: number;
}

export interface Journal extends JournalContents {
  readonly path: string;
  /** Written when it returns. Throws `JournalUnwritable`, and from then on always: nothing more may be paid for. */
  append(finished: FinishedJudgement, paid: Usage): void;
  appendUnparsed(id: Sha256, paid: Usage): void;
  appendSpent(paid: Usage): void;
  close(): void;
}

/** The disk is full, read-only or gone. Verdicts that can not be kept must not be bought. */
export class JournalUnwritable extends Error {
  override name = 'JournalUnwritable';
}

const FILE = /^judge-.+\.jsonl$/;

export interface JournalOptions {
  /** Receives this attempt's file; made if absent. */
  folder: string;
  /** This attempt's name, unique among all attempts: letters, digits, `.`, `_`, `-`. */
  attempt: string;
  /** Folders of earlier attempts, if each has its own; `folder` is always read. */
  searchFolders?: string[];
}

export function openJournal({ folder, attempt, searchFolders = [] }: JournalOptions): Journal {
  if (!/^[\w.-]+$/.test(attempt)) throw new TypeError(`an attempt's name can not be ${JSON.stringify(attempt)}`);
  const path = join(folder, `judge-${attempt}.jsonl`);
  let file: number;
  let contents: JournalContents;
  try {
    mkdirSync(folder, { recursive: true });
    contents = readJournals([...searchFolders, folder]);
    file = openSync(path, 'wx');
  } catch (error) {
    throw unwritable(path, error);
  }
  let broken: JournalUnwritable | null = null;
  const write = (entry: Entry) => {
    if (broken !== null) throw broken;
    try {
      const bytes = Buffer.from(`${JSON.stringify(entry)}\n`);
      for (let done = 0; done < bytes.length;) done += writeSync(file, bytes, done);
    } catch (error) {
      broken = unwritable(path, error); // perhaps with half a line written: the next one would be glued to it
      throw broken;
    }
    take(contents, entry);
  };
  return {
    ...contents,
    path,
    append: ({ row, provenance }, paid) => write({ row, provenance, paid }),
    appendUnparsed: (id, paid) => write({ unparsed: id, paid }),
    appendSpent: (paid) => write({ paid }),
    close() {
      if (file < 0) return;
      try {
        fsyncSync(file);
      } finally {
        closeSync(file);
        file = -1;
      }
    },
  };
}

/** Reads and merges every journal in the folders; one that does not exist is empty. */
export function readJournals(folders: readonly string[]): JournalContents {
  const contents: JournalContents = {
    finished: new Map(),
    unparsed: new Set(),
    paid: { requests: 0, inputTokens: 0, outputTokens: 0 },
    damagedLines: 0,
  };
  const files = [...new Set(folders)].flatMap((folder) =>
    names(folder)
      .filter((name) => FILE.test(name))
      .map((name) => ({ name, path: join(folder, name) })),
  );
  files.sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
  for (const { path } of files) {
    const lines = readFileSync(path, 'utf8').split('\n');
    lines.pop(); // '' after the last newline, or a torn line
    for (const line of lines) {
      const entry = readLine(line);
      if (entry === null) contents.damagedLines++;
      else take(contents, entry);
    }
  }
  return contents;
}

type Entry = { paid: Usage } & (FinishedJudgement | { unparsed: Sha256 } | object);

function take({ finished, unparsed, paid }: JournalContents, entry: Entry): void {
  paid.requests += entry.paid.requests;
  paid.inputTokens += entry.paid.inputTokens;
  paid.outputTokens += entry.paid.outputTokens;
  if ('unparsed' in entry) {
    if (!finished.has(entry.unparsed)) unparsed.add(entry.unparsed);
  } else if ('row' in entry) {
    const { row, provenance } = entry;
    const earlier = finished.get(row.id);
    if (earlier === undefined || provenance.at < earlier.provenance.at) finished.set(row.id, { row, provenance });
    unparsed.delete(row.id);
  }
}

function readLine(line: string): Entry | null {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return null;
  }
  const read = ENTRY.safeParse(value);
  return read.success ? read.data : null;
}

const usage = z.object({ requests: z.number(), inputTokens: z.number(), outputTokens: z.number() });
const row = z.object({
  id: z.string(),
  completion: z.string(),
  metric: z.string(),
  instrument: z.string(),
  repeat: z.number(),
  status: z.enum(['scored', 'categorised', 'model_refused', 'code', 'judge_refused', 'unparsable', 'failed']),
  score: z.number().nullable(),
  verdict: z.string().exactOptional(),
  scores: z.record(z.string(), z.number()).exactOptional(),
  raw: z.string(),
}) satisfies z.ZodType<Judgement>;
const provenance = z.object({
  id: z.string(),
  requestId: z.string().nullable(),
  model: z.string().nullable(),
  inputTokens: z.number(),
  outputTokens: z.number(),
  requests: z.number(),
  latencyMs: z.number(),
  host: z.string(),
  at: z.string(),
  batch: z.string().exactOptional(),
}) satisfies z.ZodType<JudgementProvenance>;
const ENTRY = z.union([
  z.object({ row, provenance, paid: usage }),
  z.strictObject({ unparsed: z.string(), paid: usage }),
  z.strictObject({ paid: usage }),
]) satisfies z.ZodType<Entry>;

function names(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

function unwritable(path: string, error: unknown): JournalUnwritable {
  const reason = error instanceof Error ? error.message : String(error);
  return new JournalUnwritable(`can not keep the judge's journal ${path}: ${reason}`, { cause: error });
}
