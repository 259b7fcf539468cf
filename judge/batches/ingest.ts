/**
 * Turns the results of an ended batch into the journal's rows: the same rows, parsed by the same rules, as live
 * requests make.
 *
 * Reading again is harmless: what the journal holds is skipped, so a stream that was cut, or a process that was killed
 * in the middle, starts the results anew and appends only the rest.
 */
import type { Sha256 } from '../../experiment/canonical';
import type { Instrument } from '../../experiment/plan';
import type { JudgementRequest } from '../../experiment/rows';
import { refuseOtherJudge, requireLogprobs } from '../client';
import { ruleOf } from '../errors';
import type { Journal, Usage } from '../../artifacts/journal';
import { finishedJudgement, isWorthAskingAgain, parseReply } from '../parse';
import type { BatchClient, BatchResult, BatchStatus } from './client';

export interface Ingesting {
  client: BatchClient;
  instruments: Readonly<Record<Sha256, Instrument>>;
  /** This shard's, by id. Other results of the batch belong to other shards. */
  requests: ReadonlyMap<Sha256, JudgementRequest>;
  journal: Journal;
  host: string;
  now: () => number;
  signal: AbortSignal;
  onProgress: (done: number, of: number) => void;
}

export interface Ingested {
  /** Null: a result is for something that the submission never asked: this is somebody else's batch. */
  left: { live: Sha256[]; again: Sha256[] } | null;
  /** What this shard's results have cost, those of earlier readings included. */
  usage: Usage;
}

/** Longest silence of the stream. */
const STALL_MS = 60_000;
/** A stream that ends in good order but lacks results is read so often in all. */
const READINGS = 3;

/** Throws `RequestFailed` when the stream is cut; what was read until then is in the journal. */
export async function ingest(context: Ingesting, batch: BatchStatus, asked: ReadonlySet<Sha256>): Promise<Ingested> {
  for (let reading = 1; ; reading++) {
    const { seen, ...ingested } = await readOnce(context, batch, asked);
    if (ingested.left === null) return ingested;
    const lacking = [...asked].filter((id) => !seen.has(id));
    if (lacking.length > 0 && reading < READINGS) continue;
    ingested.left.again.push(...lacking);
    return ingested;
  }
}

async function readOnce(
  context: Ingesting,
  batch: BatchStatus,
  asked: ReadonlySet<Sha256>,
): Promise<Ingested & { seen: Set<Sha256> }> {
  const { client, journal, requests, signal, onProgress } = context;
  const seen = new Set<Sha256>();
  const left = { live: [] as Sha256[], again: [] as Sha256[] };
  const usage: Usage = { requests: 0, inputTokens: 0, outputTokens: 0 };
  for await (const result of client.results(batch.id, { signal, deadlineMs: STALL_MS })) {
    if (!asked.has(result.customId)) return { seen, left: null, usage };
    seen.add(result.customId);
    onProgress(seen.size, batch.requests);
    const request = requests.get(result.customId);
    if (request === undefined) continue;
    if (result.kind === 'succeeded') {
      await journal.writable(signal);
      usage.requests++;
      usage.inputTokens += result.reply.inputTokens;
      usage.outputTokens += result.reply.outputTokens;
      keep(context, batch, request, result);
    } else {
      left[isOwnFault(result) ? 'live' : 'again'].push(request.id);
    }
  }
  return { seen, left, usage };
}

/** An error that another batch would meet again: the live policy decides on it (row `failed`, or stop with the reason). */
function isOwnFault(result: BatchResult): boolean {
  if (result.kind !== 'errored') return false;
  const { code: errorCode, type, status } = result;
  const rule = ruleOf({ errorCode, type, status });
  return rule?.action !== 'wait' && rule?.action !== 'retry';
}

function keep(
  { client, instruments, journal, host, now }: Ingesting,
  batch: BatchStatus,
  request: JudgementRequest,
  { reply, requestId }: BatchResult & { kind: 'succeeded' },
): void {
  const { id } = request;
  if (journal.finished.has(id) || journal.unparsed.has(id)) return;
  const instrument = instruments[request.instrument]!;
  refuseOtherJudge(client.judge, instrument.model, reply.model);
  if (instrument.expected !== undefined) requireLogprobs(instrument.model, reply, client.endpoint);
  const paid: Usage = { requests: 1, inputTokens: reply.inputTokens, outputTokens: reply.outputTokens };
  const verdict = parseReply(reply, instrument);
  // the one identical re-ask is a live request: nobody waits another hour for it
  if (isWorthAskingAgain(verdict, instrument)) return journal.appendUnparsed(id, paid);
  const provenance = {
    requestId: requestId ?? null,
    model: reply.model,
    ...paid,
    latencyMs: batch.endedAt === null ? 0 : Date.parse(batch.endedAt) - Date.parse(batch.createdAt),
    host,
    at: new Date(now()).toISOString(),
    batch: batch.id,
  };
  journal.append(finishedJudgement(request, instrument.metric, verdict, provenance), paid);
}
