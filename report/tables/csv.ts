/**
 * CSV as the report writes it: RFC 4180 with LF line ends. Numbers have at most six decimals; null is an empty field.
 */
import type { Interval } from '../statistics/intervals';

export type Field = string | number | null | undefined;

export function toCsv(header: readonly string[], rows: readonly (readonly Field[])[]): string {
  const line = (fields: readonly Field[]): string => header.map((_, index) => field(fields[index])).join(',') + '\n';
  return line(header) + rows.map(line).join('');
}

/** Both ends, or two empty fields. */
export function interval({ range }: Interval): Field[] {
  return range ?? [null, null];
}

export function rounded(value: number): number {
  return Number(value.toFixed(6));
}

function field(value: Field): string {
  if (value === null || value === undefined) return '';
  const text = typeof value === 'number' ? String(rounded(value)) : value.toWellFormed();
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
