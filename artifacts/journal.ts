/**
 * The judge's journal: every verdict as soon as it is there, one JSON line each, so that nothing paid is paid again.
 *
 * Each attempt at a shard writes a log of its own (`judge-ATTEMPT.jsonl`) and reads those of all attempts. Lines are of
 * three kinds:
 *
 *   {"row": Judgement, "provenance": JudgementProvenance, "paid": Usage}   a finished judgement
 *   {"unparsed": id, "paid": Usage}        a first reply that was unparsable: only the re-ask is left to do
 *   {"paid": Usage}                        spent without a verdict
 *
 * `paid` is what no earlier line of the log has counted, so the sum over all lines is what the shard has cost.
 *
 * Durability is the log's (store.ts). In the local store a line is the kernel's when `append` returns, so it survives the
 * death of the process (SIGKILL included), and is synced within a moment. A crash of the machine can lose what was not; those
 * judgements are then asked, and paid, again, and nothing worse. A request is sent only while the journal is proven writable.
 *
 * A line counts when it ends in a newline and holds what it should. A torn last line is what a kill leaves behind and
 * is ignored; other broken lines are counted, so that damage is seen. Of several lines for one judgement, the earliest
 * stands (by time, then the log's name): every reader of the same logs finds the same rows.
 */
import pLimit from 'p-limit';
import { z } from 'zod';
import type { Sha256 } from '../experiment/canonical';
import { JUDGEMENT_STATUSES, type Judgement, type JudgementProvenance } from '../experiment/rows';
import { type Attempt, LogUnwritable, type Store, type WorkKey } from './store';

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
  /** Everything that the logs say was paid, duplicates included. */
  paid: Usage;
  /** Complete lines that could not be read. */
  damagedLines: number;
}

export interface Journal extends JournalContents {
  /** Taken when it returns, also while the store is full. Throws `JournalUnwritable` when that can not be mended by waiting. */
  append(finished: FinishedJudgement, paid: Usage): void;
  appendUnparsed(id: Sha256, paid: Usage): void;
  appendSpent(paid: Usage): void;
  /** Awaited before anything is paid for: see `AppendLog.writable`. Throws `JournalUnwritable`, or the signal's reason. */
  writable(signal?: AbortSignal): Promise<void>;
  /** Why nothing more may be paid for at present, in words for a person; null when all is well. */
  readonly trouble: string | null;
  close(): Promise<void>;
}

/** The log was deleted, or may not be written. Verdicts that can not be kept must not be bought. */
export class JournalUnwritable extends Error {
  override name = 'JournalUnwritable';
}

/**
 * Attempts that may hold verdicts of this shard: its own, and those at `salvage`, keys of other shards of the group that
 * were cut differently and never committed.
 */
export async function journaledAttempts(
  store: Store,
  work: WorkKey,
  salvage: readonly Sha256[] = [],
): Promise<Attempt[]> {
  const keys = [work.key, ...salvage];
  const attempts = await Promise.all(keys.map((key) => store.attempts({ ...work, key })));
  return attempts.flat();
}

/**
 * Begins the attempt's journal, with what it and the `earlier` attempts hold. `room`: bytes that what is in flight can take
 * (default: `openLog`'s). Throws `JournalUnwritable`.
 */
export async function openJournal(
  attempt: Attempt,
  earlier: readonly Attempt[] = [],
  options: { room?: number } = {},
): Promise<Journal> {
  const name = `judge-${attempt.name}.jsonl`;
  const { contents, log } = await unlessUnwritable(name, async () => ({
    contents: await readJournals([...earlier, attempt]),
    log: await attempt.openLog(name, options),
  }));
  const write = (entry: Entry) => {
    try {
      log.append(JSON.stringify(entry));
    } catch (error) {
      throw unwritable(name, error);
    }
    take(contents, entry);
  };
  return {
    ...contents,
    append: ({ row, provenance }, paid) => write({ row, provenance, paid }),
    appendUnparsed: (id, paid) => write({ unparsed: id, paid }),
    appendSpent: (paid) => write({ paid }),
    writable: async (signal) => {
      try {
        await log.writable(signal);
      } catch (error) {
        throw error instanceof LogUnwritable ? unwritable(name, error) : error;
      }
    },
    get trouble() {
      return log.trouble;
    },
    close: () => log.close(),
  };
}

const LOG = /^judge-.+\.jsonl$/;
/** Logs that are read at once. */
const LOGS_AT_ONCE = 8;

/** Reads and merges the journals of these attempts, each once. */
export async function readJournals(attempts: readonly Attempt[]): Promise<JournalContents> {
  const contents: JournalContents = {
    finished: new Map(),
    unparsed: new Set(),
    paid: { requests: 0, inputTokens: 0, outputTokens: 0 },
    damagedLines: 0,
  };
  const each = new Map(attempts.map((attempt) => [identityOf(attempt), attempt]));
  const found = await pLimit(LOGS_AT_ONCE).map([...each.values()], async (attempt) =>
    (await attempt.list()).filter((name) => LOG.test(name)).map((name) => ({ name, attempt })),
  );
  const logs = found.flat().sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
  const read = await pLimit(LOGS_AT_ONCE).map(logs, async ({ name, attempt }) =>
    (await attempt.readLog(name)).map(readLine),
  );
  for (const entries of read) {
    for (const entry of entries) {
      if (entry === null) contents.damagedLines++;
      else take(contents, entry);
    }
  }
  return contents;
}

function identityOf({ work: { stage, group = '', key }, name }: Attempt): string {
  return [stage, group, key, name].join('/');
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
  status: z.enum(JUDGEMENT_STATUSES),
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

async function unlessUnwritable<T>(name: string, opening: () => Promise<T>): Promise<T> {
  try {
    return await opening();
  } catch (error) {
    throw unwritable(name, error);
  }
}

/** The log's own error says where it lies. */
function unwritable(name: string, error: unknown): JournalUnwritable {
  const reason = error instanceof Error ? error.message : String(error);
  const what = error instanceof LogUnwritable ? reason : `${name}: ${reason}`;
  return new JournalUnwritable(`can not keep the judge's journal ${what}`, { cause: error });
}
