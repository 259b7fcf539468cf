/**
 * Reads a table of answers row by row, so that a large file is never in memory: CSV or JSON Lines, plain or gzip.
 *
 * Every row keeps the very characters that it has in the file, so that what is written beside them leaves them alone.
 */
import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { pipeline, Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { CsvError, parse } from 'csv-parse';
import { InvalidTable } from './read-judged';
import { reason } from '../datasets';

export type TableFormat = 'csv' | 'jsonl';

export interface TableRow {
  /** Line on which the row starts, from 1. */
  line: number;
  /** The row's own characters, without its line end. */
  raw: string;
  lineEnd: '\n' | '\r\n';
  /** Columns in the file's order: texts in CSV, any JSON value in JSON Lines. */
  fields: Map<string, unknown>;
}

/** CSV only: what stands before the rows. */
export interface TableHeader extends Pick<TableRow, 'raw' | 'lineEnd'> {
  columns: string[];
  byteOrderMark: boolean;
}

export interface Table {
  format: TableFormat;
  /** Null in JSON Lines. */
  header: TableHeader | null;
  /** Reads the file from the start, as often as wanted. Throws `InvalidTable` naming FILE:LINE. */
  rows(): AsyncGenerator<TableRow>;
}

const BYTE_ORDER_MARK = '\uFEFF';

/** By the file's name: `.csv`, `.jsonl` or `.ndjson`, each also with `.gz`; null for any other. */
export function tableFormat(path: string): TableFormat | null {
  const name = path.toLowerCase().replace(/\.gz$/, '');
  if (name.endsWith('.csv')) return 'csv';
  return name.endsWith('.jsonl') || name.endsWith('.ndjson') ? 'jsonl' : null;
}

/** Throws `InvalidTable` when the file can not be read or, in CSV, has no header. */
export async function openTable(path: string, format: TableFormat): Promise<Table> {
  const gzip = await isGzip(path);
  const characters = (): AsyncGenerator<string> => decoded(path, gzip);
  if (format === 'jsonl') return { format, header: null, rows: () => jsonRows(path, characters()) };
  const header = await csvHeader(path, characters());
  return { format, header, rows: () => csvRows(path, characters(), header.columns) };
}

async function isGzip(path: string): Promise<boolean> {
  try {
    const file = await open(path, 'r');
    try {
      const { buffer, bytesRead } = await file.read(Buffer.alloc(2), 0, 2, 0);
      return bytesRead === 2 && buffer[0] === 0x1f && buffer[1] === 0x8b;
    } finally {
      await file.close();
    }
  } catch (error) {
    throw new InvalidTable(`${path}: ${reason(error)}`);
  }
}

async function* decoded(path: string, gzip: boolean): AsyncGenerator<string> {
  const source = createReadStream(path, { highWaterMark: 1 << 18 });
  const bytes = gzip ? pipeline(source, createGunzip(), () => undefined) : source;
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  try {
    for await (const chunk of bytes) yield decoder.decode(chunk as Uint8Array, { stream: true });
    yield decoder.decode();
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'ERR_ENCODING_INVALID_ENCODED_DATA') throw new InvalidTable(`${path}: it is not UTF-8 text`);
    throw new InvalidTable(gzip ? `${path}: it can not be unpacked (${message})` : `${path}: ${reason(error)}`);
  } finally {
    source.destroy();
  }
}

/** Without the byte order mark that spreadsheets put first. */
async function* unmarked(characters: AsyncGenerator<string>, found = (): void => undefined): AsyncGenerator<string> {
  let first = true;
  for await (const text of characters) {
    if (first && text.startsWith(BYTE_ORDER_MARK)) {
      found();
      yield text.slice(1);
    } else yield text;
    first &&= text === '';
  }
}

async function csvHeader(path: string, characters: AsyncGenerator<string>): Promise<TableHeader> {
  let byteOrderMark = false;
  const marked = unmarked(characters, () => (byteOrderMark = true));
  for await (const { fields, raw, lineEnd } of csvRecords(path, marked)) {
    const twice = fields.find((name, index) => fields.indexOf(name) < index);
    if (twice !== undefined) throw new InvalidTable(`${path}:1: the column ${JSON.stringify(twice)} is there twice`);
    return { columns: fields, byteOrderMark, raw, lineEnd };
  }
  throw new InvalidTable(`${path}: the file is empty; a CSV file starts with a line of column names`);
}

async function* csvRows(path: string, characters: AsyncGenerator<string>, columns: string[]): AsyncGenerator<TableRow> {
  let header = true;
  for await (const { fields, raw, line, lineEnd } of csvRecords(path, unmarked(characters))) {
    if (header) {
      header = false;
      continue;
    }
    if (fields.length !== columns.length) {
      throw new InvalidTable(`${path}:${line}: ${fields.length} fields, the header names ${columns.length} columns`);
    }
    yield { line, raw, lineEnd, fields: new Map(columns.map((name, index) => [name, fields[index]])) };
  }
}

interface CsvRecord extends Pick<TableRow, 'line' | 'raw' | 'lineEnd'> {
  fields: string[];
}

/** Records with their own characters; the first is the header. Lines without any character are left out. */
async function* csvRecords(path: string, characters: AsyncGenerator<string>): AsyncGenerator<CsvRecord> {
  const parser = parse({ raw: true, relax_column_count: true, record_delimiter: ['\r\n', '\n'] });
  const source = Readable.from(characters);
  // an error of the source reaches the loop below through the parser
  pipeline(source, parser, () => undefined);
  let line = 1;
  let lineEnd: TableRow['lineEnd'] = '\n'; // the last line may have none: it gets that of the line before
  try {
    for await (const record of parser) {
      const { record: fields, raw } = record as { record: string[]; raw: string };
      // the parser gives the first character of the line end along
      const own = /[\r\n]$/.test(raw) ? raw.slice(0, -1) : raw;
      if (own !== raw) lineEnd = raw.endsWith('\r') ? '\r\n' : '\n';
      if (own !== '') yield { fields, raw: own, line, lineEnd };
      line += own.split('\n').length;
    }
  } catch (error) {
    if (!(error instanceof CsvError)) throw error;
    // it may come before records that the parser still holds
    const { lines = line } = error as CsvError & { lines?: number };
    throw new InvalidTable(`${path}:${lines}: ${error.message}`);
  } finally {
    source.destroy();
  }
}

async function* jsonRows(path: string, characters: AsyncGenerator<string>): AsyncGenerator<TableRow> {
  let line = 0;
  for await (const { raw, lineEnd } of lines(unmarked(characters))) {
    line += 1;
    if (raw.trim() === '') continue;
    let value: unknown;
    try {
      value = JSON.parse(raw);
    } catch (error) {
      throw new InvalidTable(`${path}:${line}: not JSON: ${(error as Error).message.slice(0, 120)}`);
    }
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      throw new InvalidTable(`${path}:${line}: expected a JSON object`);
    }
    yield { line, raw: raw.trim(), lineEnd, fields: new Map(Object.entries(value)) };
  }
}

async function* lines(characters: AsyncGenerator<string>): AsyncGenerator<Pick<TableRow, 'raw' | 'lineEnd'>> {
  let rest = '';
  for await (const text of characters) {
    const parts = (rest + text).split('\n');
    rest = parts.pop() ?? '';
    for (const part of parts) {
      if (part.endsWith('\r')) yield { raw: part.slice(0, -1), lineEnd: '\r\n' };
      else yield { raw: part, lineEnd: '\n' };
    }
  }
  if (rest !== '') yield { raw: rest, lineEnd: '\n' };
}
