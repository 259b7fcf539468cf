/**
 * Rows of a JSON file that is one list of objects, as pandas writes tables with `orient="records"`.
 */
import { cut } from '../../experiment/excerpt';
import { UnreadableInput } from '../files';
import { MAX_LABELS_BYTES } from '../limits';
import { repeatedKey } from '../repeated-key';
import { readText } from '../text';
import type { TableRow } from './reader';

/** Throws `UnreadableInput` naming FILE:LINE. */
export async function jsonListRows(path: string): Promise<TableRow[]> {
  const text = await readText(path, MAX_LABELS_BYTES);
  let list: unknown;
  try {
    list = JSON.parse(text);
  } catch (error) {
    throw new UnreadableInput(`${path}:1: not JSON: ${cut((error as Error).message, 120)}`);
  }
  if (!Array.isArray(list)) throw new UnreadableInput(`${path}:1: expected a JSON list of objects`);
  return entriesOf(text).map(({ raw, line }, index): TableRow => {
    const value: unknown = list[index];
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      throw new UnreadableInput(`${path}:${line}: expected a JSON object`);
    }
    const twice = repeatedKey(raw);
    if (twice !== null) {
      throw new UnreadableInput(`${path}:${line}: the key ${JSON.stringify(cut(twice))} stands twice in an object`);
    }
    return { line, raw, lineEnd: '\n', fields: new Map(Object.entries(value)) };
  });
}

/** The entries of a list, each with the line on which it begins. `text` is valid JSON. */
function entriesOf(text: string): { raw: string; line: number }[] {
  const entries: { raw: string; line: number }[] = [];
  let depth = 0;
  let line = 1;
  let begin = { at: 0, line };
  const end = (at: number): void => {
    const [space] = /^\s*/.exec(text.slice(begin.at, at)) as RegExpExecArray;
    const raw = text.slice(begin.at + space.length, at);
    if (raw !== '') entries.push({ raw, line: begin.line + space.split('\n').length - 1 });
  };
  // in quotes none of these characters counts
  for (const { 0: token, index } of text.matchAll(/"(?:[^"\\]|\\.)*"|[[\]{},\n]/g)) {
    if (token === '\n') line += 1;
    else if (token === '[' || token === '{') depth += 1;
    else if (token === ']' || token === '}') depth -= 1;
    const separates = (depth === 1 && (token === ',' || index === text.indexOf('['))) || depth === 0;
    if (!separates || token === '\n') continue;
    if (begin.at > 0) end(index);
    begin = { at: index + 1, line };
  }
  return entries;
}
