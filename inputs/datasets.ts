/**
 * Reads datasets: JSON Lines of `{"messages": [...]}`, plain or gzipped.
 */
import { canonicalRow, datasetOf, type Dataset, type DatasetRow } from '../experiment/expand/dataset';
import { cut } from '../experiment/excerpt';
import type { Message, Role } from '../experiment/plan';
import { linesOf, readBytes, unreadable, UnreadableInput } from './files';
import { MAX_DATASET_BYTES, MAX_DATASET_ROWS, MAX_ROW_LENGTH } from './limits';
import { repeatedKey } from './repeated-key';
import { HALF_CHARACTER, textOf } from './text';

const ROLES: readonly string[] = ['system', 'user', 'assistant'] satisfies Role[];

/** `label` is what messages call the file, where its path would tell nothing. */
export async function readDataset(path: string, label = path): Promise<Dataset> {
  return parseDataset(await readBytes(path, MAX_DATASET_BYTES, { label }), label);
}

/** `label` is what messages call the file. Throws `UnreadableInput` naming the line. */
export function parseDataset(bytes: Buffer, label: string, maxRows = MAX_DATASET_ROWS): Dataset {
  const text = textOf(bytes, label);
  const rows: DatasetRow[] = [];
  for (const { line, number } of linesOf(text)) {
    const refuse = (message: string): never => {
      const withoutContent = `${label}:${number}: not a row of a dataset`;
      throw new UnreadableInput(`${label}:${number}: ${message}`, { withoutContent });
    };
    if (line.length > MAX_ROW_LENGTH) refuse(`the row has more than ${MAX_ROW_LENGTH.toLocaleString('en')} characters`);
    if (line.trim() === '') continue;
    if (rows.length === maxRows) refuse(`a dataset has at most ${maxRows.toLocaleString('en')} rows`);
    rows.push(parseRow(line, refuse));
  }
  if (rows.length === 0) throw unreadable(`${label}: the dataset is empty`);
  return datasetOf(rows);
}

function parseRow(line: string, refuse: (message: string) => never): DatasetRow {
  let row: unknown;
  try {
    row = JSON.parse(line);
  } catch (error) {
    return refuse(`not JSON: ${cut((error as Error).message, 120)}`);
  }
  const twice = repeatedKey(line);
  if (twice !== null) return refuse(`the key ${JSON.stringify(cut(twice))} stands twice in an object`);
  if (typeof row !== 'object' || row === null || Array.isArray(row))
    return refuse('expected an object with the key `messages`');
  const { messages, ...others } = row as Record<string, unknown>;
  if (!Array.isArray(messages)) return refuse('expected the key `messages` with a list of turns');
  const extra = Object.keys(others)[0];
  if (extra !== undefined) return refuse(`unknown key \`${cut(extra)}\`: a row has \`messages\` only`);
  const turns = messages.map((turn: unknown, index): Message => {
    const { role, content, ...rest } = (typeof turn === 'object' && turn !== null ? turn : {}) as Record<
      string,
      unknown
    >;
    const place = `turn ${index + 1}`;
    if (typeof role !== 'string' || !ROLES.includes(role))
      return refuse(`${place}: \`role\` must be system, user or assistant`);
    if (typeof content !== 'string') return refuse(`${place}: \`content\` must be a text`);
    if (content === '') return refuse(`${place}: \`content\` is empty`);
    if (role === 'assistant' && content.trim() === '') return refuse(`${place}: the answer is nothing but blanks`);
    if (!content.isWellFormed()) return refuse(`${place}: \`content\` has ${HALF_CHARACTER}`);
    if (Object.keys(rest).length > 0) return refuse(`${place}: unknown key \`${cut(Object.keys(rest)[0] as string)}\``);
    if (role === 'system' && index > 0) return refuse(`${place}: a system message can only come first`);
    return { role: role as Role, content };
  });
  if (turns.at(-1)?.role !== 'assistant' || !turns.some(({ role }) => role === 'user')) {
    return refuse('a row needs a user turn and ends with the assistant turn that is trained');
  }
  return canonicalRow(turns);
}
