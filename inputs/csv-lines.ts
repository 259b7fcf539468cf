/**
 * Records as lines of CSV (RFC 4180), for tables of answers and for those of the report. An empty text and null are both an
 * empty field.
 */
import { stringify } from 'csv-stringify/sync';

/** `quoteEdges`: also quotes fields that begin or end with white space, which many readers cut off. */
export interface CsvOptions {
  quoteEdges?: boolean;
  /** A single character. Default: a comma. */
  delimiter?: string;
}

/** What makes a field need quotes, besides the delimiter. A record without any is written as it is: most of a table is numbers. */
const SPECIAL = /["\r\n]/;

/** One record, without a line end. */
export function csvLine(
  fields: readonly (string | null)[],
  { quoteEdges = false, delimiter = ',' }: CsvOptions = {},
): string {
  const edged = quoteEdges && fields.some((field) => field !== null && /^\s|\s$/.test(field));
  if (!edged && !fields.some((field) => field !== null && (SPECIAL.test(field) || field.includes(delimiter))))
    return fields.join(delimiter);
  return stringify([fields], { eof: false, delimiter, ...(quoteEdges ? { quoted_match: /^\s|\s$/ } : {}) });
}
