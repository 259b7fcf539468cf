/**
 * Reads JSON Lines that a trainer wrote, or whose number it decides: a bounded file, each line an object of the shape that it
 * should have, and every error with the file's name and line.
 */
import { TextDecoder } from 'node:util';
import { z } from 'zod';
import { openRegular } from '../artifacts/regular-file';

/** Bytes of such a file: a string ends at twice as much, and a shard's completions are some MiB. */
export const MAX_TRAINER_ROWS_BYTES = 256 * 2 ** 20;

const hash = z.string().regex(/^[0-9a-f]{64}$/);
const wellFormed = z.string().refine((text) => text.isWellFormed(), 'half a character');

export const COMPLETION_ROW = z.looseObject({
  id: hash,
  question: hash,
  sample: z.int().min(0),
  text: wellFormed,
  thinking: wellFormed.optional(),
  prefill: wellFormed.optional(),
  finish: z.enum(['stop', 'length', 'cut_off']),
  tokens: z.int().min(0),
  adapter: hash.nullable(),
});

const logProbability = z.looseObject({ sum: z.number(), tokens: z.int().min(1), mean: z.number() });
export const MEASURED_ROW = z.looseObject({
  id: hash,
  bad: logProbability,
  good: logProbability,
  adapter: hash.nullable(),
});

/** `answers`: how many were asked for. */
export function measuredAnswersRow(answers: number): z.ZodType {
  return z.looseObject({
    id: hash,
    answers: z.array(z.number().max(1e-3)).length(answers),
    first: z.array(z.tuple([wellFormed, z.number()])),
    adapter: hash.nullable(),
  });
}

const SCALE = 101;

/** `answers`: how many were asked for in place of the numbers, where some were. */
export function scoredRow(answers?: number): z.ZodType {
  const refused = z.looseObject({ id: hash, adapter: z.null(), refused: wellFormed });
  if (answers !== undefined) return z.union([measuredAnswersRow(answers), refused]);
  const numbers = z.array(z.number().max(1e-3)).length(SCALE);
  const first = z.array(z.tuple([wellFormed, z.number()]));
  return z.union([z.looseObject({ id: hash, adapter: z.null(), numbers, first }), refused]);
}

export const PROGRESS_ROW = z.looseObject({
  step: z.int().min(0),
  of: z.number().optional(),
  loss: z.number().optional(),
  learningRate: z.number().optional(),
  gradNorm: z.number().optional(),
  tokensPerSecond: z.number().optional(),
  memoryBytes: z.number().optional(),
  checkpoint: z.boolean(),
});

/** `torn`: what follows the last line end was cut off by a kill, and is left out. Throws an `Error` naming FILE or FILE:LINE. */
export async function readTrainerRows<Row>(
  path: string,
  shape: z.ZodType,
  { torn = false, maxBytes = MAX_TRAINER_ROWS_BYTES }: { torn?: boolean; maxBytes?: number } = {},
): Promise<Row[]> {
  const text = await textOf(path, maxBytes);
  const lines = text.split('\n');
  if (torn) lines.pop();
  return lines.flatMap((line, index) => {
    if (line === '') return [];
    const refuse = (why: string): never => {
      throw new Error(`${path}:${index + 1}: the trainer wrote ${why}`);
    };
    let row: unknown;
    try {
      row = JSON.parse(line);
    } catch {
      return refuse('a line that is not JSON');
    }
    const { error } = shape.safeParse(row);
    if (error === undefined) return [row as Row];
    const place = error.issues[0]?.path.join('.') ?? '';
    return refuse(`a row whose ${place === '' ? 'kind' : `\`${place}\``} is not what it should be`);
  });
}

async function textOf(path: string, maxBytes: number): Promise<string> {
  try {
    const file = await openRegular(path);
    try {
      const { size } = await file.stat();
      if (size > maxBytes) throw new Error(`the trainer wrote ${size} bytes, more than the ${maxBytes} that are read`);
      return new TextDecoder('utf-8', { fatal: true }).decode(await file.readFile());
    } finally {
      await file.close();
    }
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw new Error(`${path}: ${code === 'ENOENT' ? 'the trainer did not write this file' : message}`, {
      cause: error,
    });
  }
}
