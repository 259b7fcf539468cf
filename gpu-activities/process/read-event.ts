/**
 * One line from the trainer as an event. The trainer is our own program, but its pipe is not: a library that writes to the
 * wrong descriptor, or a disk that fills up in the middle of a line, must end in words and not in a stray exception.
 */
import { z } from 'zod';
import type { TrainerEvent } from './protocol';

const id = z.number();
const count = z.number();
const path = z.string();
const adapter = z.object({ path, sha256: z.string() });
const numbers = z.record(z.string(), z.number());

/** What is read of each event (protocol.ts says what it means); what else an event has is left as it is. */
const EVENT = z.discriminatedUnion('event', [
  z.looseObject({
    event: z.literal('ready'),
    pid: z.number(),
    device: z.string(),
    versions: z.record(z.string(), z.string()),
  }),
  z.looseObject({ event: z.literal('loading'), id, phase: z.string(), detail: z.string() }),
  z.looseObject({
    event: z.literal('progress'),
    ...{ id, step: count, of: count },
    ...{ loss: count.optional(), learningRate: count.optional(), gradNorm: count.optional() },
    ...{ tokensPerSecond: count.optional(), memoryBytes: count.optional() },
  }),
  z.looseObject({ event: z.literal('checkpoint'), id, step: count, path, sha256: z.string() }),
  z.looseObject({
    event: z.literal('committed'),
    id,
    adapter: adapter.optional(),
    kept: z.array(z.looseObject({ step: count, path, sha256: z.string() })).optional(),
    ...{ log: path.optional(), speed: path.optional(), trainerLog: z.string().optional() },
    heldOut: z.object({ path, rows: count }).nullish(),
    ...{ steps: count.optional(), resumedFrom: count.nullish(), rowsTruncated: count.optional() },
    ...{ trainedTokens: count.optional(), modelFolder: path.optional(), padToken: count.optional() },
    ...{ plan: numbers.nullish(), saves: numbers.optional(), furtherTruncated: numbers.optional() },
    ...{ completions: count.optional(), engine: z.enum(['slots', 'batches']).optional(), slots: count.nullish() },
    ...{ pairs: count.optional(), tokens: count.optional(), tokensPerForward: count.optional() },
    scored: count.optional(),
    seconds: z.number(),
  }),
  z.looseObject({ event: z.literal('stopped'), id, step: count, checkpoint: path.nullable() }),
  z.looseObject({
    event: z.literal('failed'),
    id,
    kind: z.enum(['data', 'config', 'oom', 'nan', 'cuda', 'internal']),
    message: z.string(),
  }),
]);

const QUOTED = 120;

/** Throws an `Error` that quotes the line's beginning when it is no event. */
export function readEvent(line: string): TrainerEvent {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    throw new Error(`it wrote a line that is no event: ${JSON.stringify(line.slice(0, QUOTED))}`);
  }
  const read = EVENT.safeParse(value);
  if (read.success) return read.data as TrainerEvent;
  const [issue] = read.error.issues;
  const place = issue?.path.join('.') || 'event';
  throw new Error(
    `it wrote an event that is not as agreed (${place}: ${issue?.message}): ${JSON.stringify(line.slice(0, QUOTED))}`,
  );
}
