/**
 * What a benchmark says: rows, each a figure with its bar, and the parts that they belong to.
 */
import { summarize } from './statistics';

export interface Bar {
  is: 'at most' | 'at least' | 'below' | 'exactly';
  value: number;
}

export interface Row {
  name: string;
  /** Median over the repeats; null when it could not be measured, and `note` says why. */
  value: number | null;
  unit: string;
  bar: Bar | null;
  /** Null without a bar. A figure with a bar that could not be measured is not ok. */
  ok: boolean | null;
  range?: [number, number];
  runs?: number;
  note?: string;
}

export interface PartResult {
  id: string;
  title: string;
  /** What was done, in a line. */
  method: string;
  rows: Row[];
  seconds: number;
}

export interface RowOptions {
  bar?: Bar | undefined;
  note?: string | undefined;
}

/** One figure, or one of several repeats. */
export function row(name: string, values: number | readonly number[], unit: string, options: RowOptions = {}): Row {
  const { bar, note } = options;
  const { median, least, most, runs } = summarize(typeof values === 'number' ? [values] : values);
  return {
    name,
    value: median,
    unit,
    bar: bar ?? null,
    ok: bar === undefined ? null : meets(median, bar),
    ...(runs > 1 ? { range: [least, most] as [number, number], runs } : {}),
    ...(note === undefined ? {} : { note }),
  };
}

/** A figure that could not be had; never a number. */
export function missingRow(name: string, reason: string, bar?: Bar): Row {
  return { name, value: null, unit: '', bar: bar ?? null, ok: bar === undefined ? null : false, note: reason };
}

export function meets(value: number, { is, value: limit }: Bar): boolean {
  switch (is) {
    case 'at most':
      return value <= limit;
    case 'at least':
      return value >= limit;
    case 'below':
      return value < limit;
    case 'exactly':
      return value === limit;
  }
}

export const atMost = (value: number): Bar => ({ is: 'at most', value });
export const atLeast = (value: number): Bar => ({ is: 'at least', value });
export const below = (value: number): Bar => ({ is: 'below', value });
export const exactly = (value: number): Bar => ({ is: 'exactly', value });
