/**
 * CSV as the report writes it: RFC 4180 with LF line ends. Numbers have at most six decimals; null is an empty field.
 */
import { csvLine } from '../../inputs/csv-lines';
import { Chunks } from '../report-input';
import type { TwoIntervals } from '../statistics/estimates';
import type { Interval } from '../statistics/intervals';
import type { MeanOver } from '../statistics/mean-over';

export type Field = string | number | null | undefined;

export function toCsv(header: readonly string[], rows: Iterable<readonly Field[]>): string {
  return [...csvLines(header, rows)].join('');
}

/** A table that is made line by line while it is written. */
export function csvChunks(header: readonly string[], rows: () => Iterable<readonly Field[]>): Chunks {
  return new Chunks(() => csvLines(header, rows()));
}

function* csvLines(header: readonly string[], rows: Iterable<readonly Field[]>): Generator<string> {
  const line = (fields: readonly Field[]): string => csvLine(header.map((_, index) => text(fields[index]))) + '\n';
  yield line(header);
  for (const fields of rows) yield line(fields);
}

/** Both ends, or two empty fields. */
export function interval({ range }: Interval): Field[] {
  return range ?? [null, null];
}

/** The names of what `intervals` gives. */
export const INTERVAL_COLUMNS = ['these95_low', 'these95_high', 'like95_low', 'like95_high', 'interval_note'];

/** Both intervals of a value (statistics/estimates.ts), and why there is none. */
export function intervals({ theseQuestions, questionsLikeThese }: TwoIntervals): Field[] {
  return [...interval(theseQuestions), ...interval(questionsLikeThese), questionsLikeThese.reason];
}

/** The names of what `meanFields` gives. */
export function meanColumns(name: string): string[] {
  return [name, `${name}_se`, `${name}_ci95_low`, `${name}_ci95_high`];
}

/** A mean, its standard error and its interval; empty fields where there is none. */
export function meanFields(estimate: MeanOver | null): Field[] {
  return estimate === null
    ? [null, null, null, null]
    : [estimate.mean, estimate.standardError, ...interval(estimate.ci95)];
}

export function rounded(value: number): number {
  return Number.isInteger(value) ? value : Number(value.toFixed(6));
}

/** Below it, a number with six decimals has no more digits than a double tells apart. */
const EXACT_DECIMALS = 1e9;

/** `String(rounded(value))`; a report writes millions of numbers. */
export function decimal(value: number): string {
  if (Number.isInteger(value) || !(Math.abs(value) < EXACT_DECIMALS)) return String(rounded(value));
  const text = value.toFixed(6);
  let end = text.length;
  while (text[end - 1] === '0') end -= 1;
  if (text[end - 1] === '.') end -= 1;
  const short = text.slice(0, end);
  return short === '-0' ? '0' : short;
}

function text(value: Field): string | null {
  if (value === null || value === undefined) return null;
  return typeof value === 'number' ? decimal(value) : value.toWellFormed();
}
