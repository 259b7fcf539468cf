/**
 * Whether a file is what an earlier judging of a table wrote, and may be replaced by a newer one: nothing is lost then but
 * verdicts, which the store has.
 */
import { UnreadableInput } from '../files';
import type { AnswerTable } from './columns';
import { openTable, tableFormat, type TableFormat, type TableRow } from './reader';
import { cellText } from './write-judged';

/**
 * True when the file has exactly the columns `columns` of the table and `added`, and each of its rows is a row of the table,
 * in the table's order: it may have been written of fewer rows. Throws the file system's error when it can not be read.
 */
export async function holdsRowsOf(
  path: string,
  table: AnswerTable,
  columns: readonly string[],
  added: readonly string[],
): Promise<boolean> {
  try {
    const format = tableFormat(path) as TableFormat;
    const standing = await openTable(path, format, { expected: [...columns, ...added] });
    const own = new Set(columns);
    const all = new Set([...columns, ...added]);
    const { header } = standing;
    if (header !== null && !(header.columns.length === all.size && header.columns.every((name) => all.has(name)))) {
      return false;
    }
    const rows = table.rows();
    try {
      for await (const row of standing.rows()) {
        if (![...added].every((name) => row.fields.has(name))) return false;
        if (![...row.fields.keys()].every((name) => all.has(name))) return false;
        if (!(await foundIn(rows, row, own))) return false;
      }
    } finally {
      await rows.return(undefined);
    }
    return true;
  } catch (error) {
    if (error instanceof UnreadableInput) return false;
    throw error;
  }
}

/** Takes rows of the table until one has the same fields. */
async function foundIn(
  rows: ReturnType<AnswerTable['rows']>,
  { fields }: TableRow,
  columns: ReadonlySet<string>,
): Promise<boolean> {
  for (let next = await rows.next(); next.done !== true; next = await rows.next()) {
    const own = next.value.row.fields;
    // a CSV file says neither of which kind a value was nor whether it was there
    if ([...columns].every((name) => cellText(fields.get(name)) === cellText(own.get(name)))) return true;
  }
  return false;
}
