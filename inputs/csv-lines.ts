/**
 * Records as lines of CSV (RFC 4180), for tables of answers and for those of the report. An empty text and null are both an
 * empty field.
 */
import { stringify } from 'csv-stringify/sync';

/** `quoteEdges`: also quotes fields that begin or end with white space, which many readers cut off. */
export interface CsvOptions {
  quoteEdges?: boolean;
  /** Default: a comma. */
  delimiter?: string;
}

/** One record, without a line end. */
export function csvLine(
  fields: readonly (string | null)[],
  { quoteEdges = false, delimiter = ',' }: CsvOptions = {},
): string {
  return stringify([fields], { eof: false, delimiter, ...(quoteEdges ? { quoted_match: /^\s|\s$/ } : {}) });
}
