/**
 * Reads a table of answers row by row, so that a large file is never in memory: columns separated by a delimiter (named
 * CSV here, whichever it is) or JSON Lines, plain or gzip.
 *
 * Every row keeps the very characters that it has in the file, so that what is written beside them leaves them alone.
 */
import { pipeline, Readable } from 'node:stream';
import { CsvError, parse } from 'csv-parse';
import type { OpenOptions } from '../../artifacts/regular-file';
import { cut } from '../../experiment/excerpt';
import { contentOf, UnreadableInput } from '../files';
import { MAX_ROW_LENGTH, MAX_TABLE_BYTES, MAX_TABLE_ROWS } from '../limits';
import { repeatedKey } from '../repeated-key';
import { BYTE_ORDER_MARK, TextPieces } from '../text';
import { delimiterOf, DELIMITERS, type Delimiter } from './delimiter';

export type TableFormat = 'csv' | 'jsonl';

export interface TableRow {
  /** Line on which the row starts, from 1. */
  line: number;
  /** The row's own characters, without its line end; of a header with the line `sep=;` where one stands before it. */
  raw: string;
  /** `\\r` alone in CSV only, where some spreadsheets still write it. */
  lineEnd: '\n' | '\r\n' | '\r';
  /** Columns in the file's order: texts in CSV, any JSON value in JSON Lines. */
  fields: Map<string, unknown>;
}

/** CSV only: what stands before the rows. */
export interface TableHeader extends Pick<TableRow, 'raw' | 'lineEnd'> {
  /** The first is `''` where rows begin with names of theirs that the header has no name for. */
  columns: string[];
  byteOrderMark: boolean;
  delimiter: Delimiter;
}

export interface TableOptions extends OpenOptions {
  /** Default: found out from the header. */
  delimiter?: Delimiter | undefined;
  /** Names of columns that are looked for; they help to find the delimiter. */
  expected?: readonly string[];
}

export interface Table {
  format: TableFormat;
  /** Null in JSON Lines. */
  header: TableHeader | null;
  /** Reads the file from the start, as often as wanted. Throws `UnreadableInput` naming FILE:LINE. */
  rows(): AsyncGenerator<TableRow>;
}

/** Characters that are parsed at once. Few, since the parser makes an error with its stack for every record of another length. */
const PIECE = 1 << 12;

const TOO_LONG = `the row has more than ${MAX_ROW_LENGTH.toLocaleString('en')} characters`;
const TOO_MANY = `a table has at most ${MAX_TABLE_ROWS.toLocaleString('en')} rows`;

/** The format by the file's name: `TABLE_NAMES`, also `.tab` and `.ndjson`; null for any other. */
export function tableFormat(path: string): TableFormat | null {
  const name = path.toLowerCase().replace(/\.gz$/, '');
  if (/\.(csv|tsv|tab|txt)$/.test(name)) return 'csv';
  return name.endsWith('.jsonl') || name.endsWith('.ndjson') ? 'jsonl' : null;
}

/** Throws `UnreadableInput` when the file can not be read or, in CSV, has no header. */
export async function openTable(path: string, format: TableFormat, options: TableOptions = {}): Promise<Table> {
  if (format === 'jsonl') {
    await (await openText(path)).close(); // a file that can not be read is refused here, not at its first row
    return { format, header: null, rows: () => jsonRows(path) };
  }
  const header = await csvHeader(path, options);
  return { format, header, rows: () => csvRows(path, () => undefined, options) };
}

/** The first row tells whether rows have names. That it can not be read is said when rows are asked for. */
async function csvHeader(path: string, options: TableOptions): Promise<TableHeader> {
  const found: TableHeader[] = [];
  const rows = csvRows(path, (header) => void found.push(header), options);
  try {
    await rows.next();
  } catch (error) {
    if (found.length === 0) throw error;
  } finally {
    await rows.return(undefined);
  }
  return found[0] as TableHeader;
}

const NO_HEADER = (path: string): string => `${path}: the file is empty; a CSV file starts with a line of column names`;

/**
 * Reads a CSV file once, from its start, so that with `pipes` it may be one. `begin` is told the header before the first row comes.
 * Throws `UnreadableInput` naming FILE:LINE.
 */
export async function* csvRows(
  path: string,
  begin: (header: TableHeader) => void,
  options: TableOptions = {},
): AsyncGenerator<TableRow> {
  let header: TableHeader | null = null;
  let columns: string[] | null = null;
  for await (const record of csvRecords(path, options)) {
    if (header === null) {
      header = headerOf(path, record);
      continue;
    }
    const { fields, raw, line, lineEnd } = record;
    if (columns === null) {
      if (hasRowNames(header, fields)) header = withRowNames(header);
      columns = header.columns;
      begin(header);
    }
    if (fields.length !== columns.length) {
      throw new UnreadableInput(`${path}:${line}: ${fields.length} fields, the header names ${columns.length} columns`);
    }
    yield { line, raw, lineEnd, fields: new Map(columns.map((name, index) => [name, fields[index]])) };
  }
  if (header === null) throw new UnreadableInput(NO_HEADER(path));
  if (columns === null) begin(header);
}

/**
 * Whether rows begin with a number that the header has no name for, as R writes row names. A row whose last field is empty may
 * rather end with a delimiter too many.
 */
function hasRowNames({ columns, raw }: TableHeader, firstRow: readonly string[]): boolean {
  return (
    firstRow.length === columns.length + 1 &&
    /^\d+$/.test(firstRow[0] as string) &&
    firstRow.at(-1) !== '' &&
    !columns.includes('') &&
    !raw.startsWith('sep=')
  );
}

/** With a column that has no name before the others, also where the header is written again. */
function withRowNames(header: TableHeader): TableHeader {
  return { ...header, columns: ['', ...header.columns], raw: `""${header.delimiter}${header.raw}` };
}

function headerOf(path: string, { fields, raw, lineEnd, byteOrderMark, delimiter }: CsvRecord): TableHeader {
  // spreadsheets leave several columns without a name: all but the first get the one that pandas gives them
  const columns = fields.map((name, index) => (name === '' && fields.indexOf('') < index ? `Unnamed: ${index}` : name));
  const seen = new Set<string>();
  const twice = columns.find((name) => seen.size === seen.add(name).size);
  if (twice !== undefined) {
    throw new UnreadableInput(`${path}:1: the column ${JSON.stringify(cut(twice))} is there twice`);
  }
  return { columns, byteOrderMark, raw, lineEnd, delimiter };
}

interface CsvRecord extends Pick<TableRow, 'line' | 'raw' | 'lineEnd'> {
  fields: string[];
  /** Whether the file begins with one. */
  byteOrderMark: boolean;
  delimiter: Delimiter;
}

/** As the parser of the library gives it. */
interface ParsedRecord {
  record: string[];
  raw: string;
  /** How many lines without any character stood before it, in all. */
  emptyLines: number;
}

/** Records with their own characters; the first is the header. Lines without any character are left out. */
async function* csvRecords(path: string, options: TableOptions): AsyncGenerator<CsvRecord> {
  const { start, byteOrderMark, characters } = await openText(path, options);
  const [preface, declared] = prefaceOf(start);
  const header = headerLine(start.slice(preface.length));
  const ends: TableRow['lineEnd'][] = header.endsWithReturn ? ['\r'] : ['\r\n', '\n'];
  const delimiter =
    options.delimiter ?? declared ?? delimiterOf(header.text, { path, expected: options.expected ?? [] });
  // what the parser holds is lost with its first error: the names for that message are taken from it at once
  let names: string[] | null = null;
  const on_record = (parsed: ParsedRecord, { empty_lines }: { empty_lines: number }): ParsedRecord => {
    names ??= parsed.record;
    return { ...parsed, emptyLines: empty_lines };
  };
  const parser = parse({
    raw: true,
    relax_column_count: true,
    // by the parser, which makes an error with its stack for every record that is shorter than the header
    skip_empty_lines: true,
    delimiter,
    record_delimiter: ends,
    on_record: on_record as unknown as (record: string[]) => string[],
    max_record_size: MAX_ROW_LENGTH,
  });
  const source = Readable.from(inPieces(after(preface, characters())));
  // an error of the source reaches the loop below through the parser
  pipeline(source, parser, () => undefined);
  const before = preface === '' ? 0 : 1;
  let line = 1 + before;
  let rows = 0;
  let emptyLines = 0;
  let lineEnd = ends.at(-1) as TableRow['lineEnd']; // the last line may have none: it gets that of the line before
  try {
    for await (const record of parser) {
      const parsed = record as ParsedRecord;
      // the parser gives the first character of every line end along: of its own and of the empty lines before it
      const skipped = parsed.emptyLines - emptyLines;
      const raw = parsed.raw.slice(skipped);
      const own = /[\r\n]$/.test(raw) ? raw.slice(0, -1) : raw;
      if (own !== raw) lineEnd = raw.endsWith('\n') ? '\n' : (ends[0] as TableRow['lineEnd']);
      emptyLines += skipped;
      line += skipped;
      if (rows++ > MAX_TABLE_ROWS) throw new UnreadableInput(`${path}:${line}: ${TOO_MANY}`); // the first is the header
      yield { fields: parsed.record, raw: rows === 1 ? preface + own : own, line, lineEnd, byteOrderMark, delimiter };
      line += own.split(lineEnd === '\r' ? '\r' : '\n').length;
    }
  } catch (error) {
    if (!(error instanceof CsvError)) throw error;
    // it may come before records that the parser still holds
    const {
      lines,
      column,
      empty_lines = 0,
    } = error as CsvError & Record<'lines' | 'column' | 'empty_lines', number | undefined>;
    if (error.code === 'CSV_MAX_RECORD_SIZE') {
      throw new UnreadableInput(`${path}:${line + empty_lines - emptyLines}: ${TOO_LONG}`);
    }
    const at = lines === undefined ? line : lines + before;
    const name = column === undefined ? undefined : (names as string[] | null)?.[column];
    throw new UnreadableInput(`${path}:${at}: ${error.message}${name === undefined ? '' : ` (column ${cut(name)})`}`);
  } finally {
    source.destroy();
  }
}

/** The line `sep=;` that Excel writes before the header and reads the delimiter from, with its line end; empty without one. */
function prefaceOf(start: string): [line: string, delimiter: Delimiter | undefined] {
  const [line = '', character] = /^sep=([,;|\t])(?:\r\n|\n|\r)/i.exec(start) ?? [];
  return [line, Object.values(DELIMITERS).find((each) => each === character)];
}

/** Without the first characters, which come in one piece. */
async function* after(first: string, characters: AsyncGenerator<string>): AsyncGenerator<string> {
  let skip = first.length;
  for await (const piece of characters) {
    yield piece.slice(skip);
    skip = 0;
  }
}

/** The parser takes a piece as a whole: of a file that is refused in its first lines it need not see thousands. */
async function* inPieces(characters: AsyncIterable<string>): AsyncGenerator<string> {
  for await (const chunk of characters) {
    for (let at = 0; at < chunk.length; at += PIECE) yield chunk.slice(at, at + PIECE);
  }
}

/** The first line that is not blank, up to a line end outside of quotes, and whether lines end with `\r` alone. */
function headerLine(start: string): { text: string; endsWithReturn: boolean } {
  const [leading] = /^[\r\n]*/.exec(start) as RegExpExecArray;
  const [text] = /^(?:"[^"]*"|[^"\r\n]+)*/.exec(start.slice(leading.length)) as RegExpExecArray;
  const first = leading === '' ? text.length : 0;
  // of a `\r` at the very end nobody knows yet what follows it
  return { text, endsWithReturn: start[first] === '\r' && first < start.length - 1 && start[first + 1] !== '\n' };
}

/** Reads a file of JSON Lines once, from its start. Throws `UnreadableInput` naming FILE:LINE. */
export async function* jsonRows(path: string, options: OpenOptions = {}): AsyncGenerator<TableRow> {
  const { characters } = await openText(path, options);
  let line = 0;
  let rows = 0;
  for await (const { raw, lineEnd } of lines(characters())) {
    line += 1;
    if (raw.length > MAX_ROW_LENGTH) throw new UnreadableInput(`${path}:${line}: ${TOO_LONG}`);
    if (raw.trim() === '') continue;
    if (++rows > MAX_TABLE_ROWS) throw new UnreadableInput(`${path}:${line}: ${TOO_MANY}`);
    let value: unknown;
    try {
      value = JSON.parse(raw);
    } catch (error) {
      throw new UnreadableInput(`${path}:${line}: not JSON: ${cut((error as Error).message, 120)}`);
    }
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      throw new UnreadableInput(`${path}:${line}: expected a JSON object`);
    }
    const twice = repeatedKey(raw);
    if (twice !== null) {
      throw new UnreadableInput(`${path}:${line}: the key ${JSON.stringify(cut(twice))} stands twice in an object`);
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
    if (rest.length > MAX_ROW_LENGTH) break; // refused by whoever reads it
  }
  if (rest !== '') yield { raw: rest, lineEnd: '\n' };
}

interface Text {
  /** The first characters of the file, which come again as the first of `characters`. */
  start: string;
  byteOrderMark: boolean;
  /** All characters, without the byte order mark that spreadsheets put first. To be asked for once. */
  characters: () => AsyncGenerator<string>;
  /** Lets the file go when its characters are not wanted after all. */
  close: () => Promise<void>;
}

async function openText(path: string, options: OpenOptions = {}): Promise<Text> {
  const pieces = decoded(path, options);
  let start = '';
  // what a multi-byte character is cut off from may leave the first piece empty
  for (let next = await pieces.next(); next.done !== true; next = await pieces.next()) {
    start = next.value;
    if (start !== '') break;
  }
  const byteOrderMark = start.startsWith(BYTE_ORDER_MARK);
  const first = byteOrderMark ? start.slice(1) : start;
  const close = async (): Promise<void> => void (await pieces.return(undefined));
  return {
    start: first,
    byteOrderMark,
    characters: async function* () {
      try {
        yield first;
        yield* pieces;
      } finally {
        await close();
      }
    },
    close,
  };
}

async function* decoded(path: string, options: OpenOptions): AsyncGenerator<string> {
  const pieces = new TextPieces(path, 'keep');
  for await (const chunk of contentOf(path, MAX_TABLE_BYTES, options)) yield pieces.next(chunk);
  yield pieces.end();
}
