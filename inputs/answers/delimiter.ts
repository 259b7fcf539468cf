/**
 * What separates the columns of a table in text: found out from its header, because spreadsheets of many countries put
 * semicolons into `.csv` files.
 */
export const DELIMITERS = { comma: ',', semicolon: ';', tab: '\t', pipe: '|' } as const;

export type Delimiter = (typeof DELIMITERS)[keyof typeof DELIMITERS];

export interface DelimiterHints {
  /** Names of columns that the reader looks for. */
  expected: readonly string[];
  /** The file's name. */
  path: string;
}

/**
 * The delimiter of a header line. Where several could be one, that which makes a column of an expected name; then the one
 * that the file's name promises; then the comma, and the most frequent one where there is no comma.
 */
export function delimiterOf(headerLine: string, { expected, path }: DelimiterHints): Delimiter {
  const unquoted = headerLine.replaceAll(/"(?:[^"]|"")*"/g, (quoted) => quoted.replaceAll(/[,;\t|]/g, ' '));
  const promised = isTabbed(path) ? DELIMITERS.tab : DELIMITERS.comma;
  const isExpected = (field: string): boolean => expected.includes(field) || expected.includes(field.toLowerCase());
  const candidates = Object.values(DELIMITERS).flatMap((delimiter) => {
    const fields = unquoted.split(delimiter).map((field) => field.trim().replace(/^"(.*)"$/s, '$1'));
    if (fields.length === 1) return [];
    return [{ delimiter, fields: fields.length, known: fields.filter(isExpected).length }];
  });
  const rank = (delimiter: Delimiter): number => (delimiter === promised ? 2 : delimiter === DELIMITERS.comma ? 1 : 0);
  candidates.sort(
    (one, other) => other.known - one.known || rank(other.delimiter) - rank(one.delimiter) || other.fields - one.fields,
  );
  return candidates[0]?.delimiter ?? promised;
}

/** Whether a file's name says that tabs separate its columns: `.tsv` or `.tab`, also with `.gz`. */
export function isTabbed(path: string): boolean {
  return /\.(tsv|tab)(\.gz)?$/i.test(path);
}

export function delimiterName(delimiter: Delimiter): string {
  return Object.entries(DELIMITERS).find(([, each]) => each === delimiter)?.[0] as string;
}

/** The names of tables, for messages. */
export const TABLE_NAMES = '.csv, .tsv, .txt or .jsonl, or one of these and .gz';
