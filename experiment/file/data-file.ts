/**
 * Files of data that are named where an experiment file is expected: read as YAML they would have a fault in every line.
 */
import { cut } from '../excerpt';

/** Lines that are looked at. */
const LOOKED_AT = 20;
/** UTF-16 units of the text that are looked at, whole lines of which count. */
const LENGTH = 256 * 1024;
/** Keys at the top of every experiment file. */
const EXPERIMENT_KEYS = ['configurations', 'question_sets', 'metrics'];
/** The names of a table's columns: more than one, none of them with a `:` as a key of YAML has. */
const HEADER = /^"?[\w .()/-]+"?(?:([,;\t])"?[\w .()/-]*"?)(?:\1"?[\w .()/-]*"?)*$/;

/** What a text is in place of an experiment, and what to do; null where it may be one. */
export function dataFile(text: string, fileName: string): { message: string; hint: string } | null {
  const lines = linesOf(text);
  const path = JSON.stringify(fileName);
  if (isJsonLines(lines, text))
    return {
      message: 'these are JSON Lines, a file of data and no experiment file',
      hint: `name the experiment file; data is named in it: \`datasets: { NAME: { path: ${cut(path)} } }\``,
    };
  if (isTable(lines))
    return {
      message: 'this is a table, a file of data and no experiment file',
      hint: 'name the experiment file; `flamingo judge` and `flamingo analyze` read tables of answers and of scores',
    };
  return null;
}

/** The first lines with something in them. */
function linesOf(text: string): string[] {
  const from = text.startsWith('\ufeff') ? 1 : 0;
  const lines = text.slice(from, LENGTH).split(/\r?\n/);
  if (text.length > LENGTH && lines.length > 1) lines.pop();
  return lines.filter((line) => line.trim() !== '').slice(0, LOOKED_AT);
}

function isJsonLines(lines: readonly string[], text: string): boolean {
  const records = lines.map(recordOf);
  const [first] = records;
  if (first === null || first === undefined || !records.every((record) => record !== null)) return false;
  // an experiment may be written as JSON, on one line too
  return records.length > 1 || (text.length <= LENGTH && !EXPERIMENT_KEYS.some((key) => Object.hasOwn(first, key)));
}

function recordOf(line: string): object | null {
  if (!line.startsWith('{')) return null;
  try {
    return JSON.parse(line) as object;
  } catch {
    return null;
  }
}

/** A header, and below it a line with the same delimiter that YAML would not read as a key or a member of a list. */
function isTable([header = '', row = '']: readonly string[]): boolean {
  const delimiter = HEADER.exec(header.trimEnd())?.[1];
  return delimiter !== undefined && row.includes(delimiter) && !/^(?:[A-Za-z_][\w-]*:(?:\s|$)|- |#)/.test(row);
}
