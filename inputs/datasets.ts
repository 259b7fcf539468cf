/**
 * Reads datasets: JSON Lines of `{"messages": [...]}`, plain or gzipped. What other people's files have besides is refused
 * with the setting that accepts it, or with the reason why none does.
 */
import { canonicalRow, datasetOf, type Dataset, type DatasetRow } from '../experiment/expand/dataset';
import { cut, firstOf } from '../experiment/excerpt';
import type { Message, Role } from '../experiment/plan';
import type { DatasetSpec } from '../experiment/spec';
import { linesOf, readBytes, unreadable, UnreadableInput } from './files';
import { MAX_DATASET_BYTES, MAX_DATASET_ROWS, MAX_ROW_LENGTH } from './limits';
import { repeatedKey } from './repeated-key';
import { HALF_CHARACTER, textOf } from './text';

const ROLES: readonly string[] = ['system', 'user', 'assistant'] satisfies Role[];

/** How a file begins that stands in a clone for one of Git LFS. */
const LFS_POINTER = 'version https://git-lfs.github.com/spec/';

/** What a dataset's rows may have beyond the plain form; the defaults refuse it. */
export type RowSettings = Pick<DatasetSpec, 'fields' | 'noUser'>;

/** `label` is what messages call the file, where its path would tell nothing. */
export async function readDataset(path: string, label = path, settings: RowSettings = {}): Promise<Dataset> {
  return parseDataset(await readBytes(path, MAX_DATASET_BYTES, { label }), label, settings);
}

/** `label` is what messages call the file. Throws `UnreadableInput` naming the line. */
export function parseDataset(
  bytes: Buffer,
  label: string,
  settings: RowSettings = {},
  maxRows = MAX_DATASET_ROWS,
): Dataset {
  const text = textOf(bytes, label);
  if (text.startsWith(LFS_POINTER))
    throw unreadable(`${label}: this is a pointer of Git LFS, not the data: \`git lfs pull\` fetches it`);
  const rows: DatasetRow[] = [];
  for (const { line, number } of linesOf(text)) {
    const refuse = (message: string): never => {
      const withoutContent = `${label}:${number}: not a row of a dataset`;
      throw new UnreadableInput(`${label}:${number}: ${message}`, { withoutContent });
    };
    if (line.length > MAX_ROW_LENGTH) refuse(`the row has more than ${MAX_ROW_LENGTH.toLocaleString('en')} characters`);
    if (line.trim() === '') continue;
    if (rows.length === maxRows) refuse(`a dataset has at most ${maxRows.toLocaleString('en')} rows`);
    rows.push(parseRow(line, settings, refuse));
  }
  if (rows.length === 0) throw unreadable(`${label}: the dataset is empty`);
  return datasetOf(rows);
}

function parseRow(line: string, { fields, noUser }: RowSettings, refuse: (message: string) => never): DatasetRow {
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
  if (!Array.isArray(messages)) return refuse(unlikeARow(row as Record<string, unknown>));
  const further = Object.keys(others);
  if (further.length > 0 && fields === undefined) return refuse(furtherKeys(further));
  const turns = messages.map((turn: unknown, index): Message => {
    const { role, content, ...rest } = (typeof turn === 'object' && turn !== null ? turn : {}) as Record<
      string,
      unknown
    >;
    const place = `turn ${index + 1}`;
    if (typeof role !== 'string' || !ROLES.includes(role))
      return refuse(`${place}: \`role\` must be system, user or assistant`);
    if ('weight' in rest || hasWeights(content)) return refuse(`${place}: ${WEIGHTED}`);
    if (typeof content !== 'string') {
      const parts = Array.isArray(content) ? ', not a list of parts: write them as one' : '';
      return refuse(`${place}: \`content\` must be a text${parts}`);
    }
    if (content === '') return refuse(`${place}: \`content\` is empty`);
    if (role === 'assistant' && content.trim() === '') return refuse(`${place}: the answer is nothing but blanks`);
    if (!content.isWellFormed()) return refuse(`${place}: \`content\` has ${HALF_CHARACTER}`);
    if (Object.keys(rest).length > 0) return refuse(`${place}: unknown key \`${cut(Object.keys(rest)[0] as string)}\``);
    if (role === 'system' && index > 0) return refuse(`${place}: a system message can only come first`);
    return { role: role as Role, content };
  });
  if (turns.at(-1)?.role !== 'assistant') return refuse('a row ends with the assistant turn that is trained');
  if (noUser === undefined && !turns.some(({ role }) => role === 'user'))
    return refuse('the row has no user turn; to train on such rows give the dataset `no_user: allow`');
  return { ...canonicalRow(turns), ...(fields === 'keep' && further.length > 0 ? { fields: others } : {}) };
}

const WEIGHTED =
  'the text has weights, and Flamingo trains every token of an answer alike: write rows without weights, or train with a ' +
  'program of your own (`backend: { command: … }`), which gets the weights as one of its `files`';

/** Parts of a text with a weight each, as OpenWeights takes them. */
function hasWeights(content: unknown): boolean {
  return (
    Array.isArray(content) && content.some((part) => typeof part === 'object' && part !== null && 'weight' in part)
  );
}

function furtherKeys(keys: readonly string[]): string {
  const named = firstOf(
    keys.map((key) => `\`${cut(key, 60)}\``),
    5,
    '',
  ).join(', ');
  return (
    `a row has \`messages\` only, not ${named.trimEnd()}; give the dataset \`fields: ignore\` to leave further keys out, or ` +
    '`fields: keep` to keep them for scorers'
  );
}

function unlikeARow(row: Record<string, unknown>): string {
  if ('chosen' in row && 'rejected' in row) {
    return (
      'a preference pair: training here is on answers, never on preferences (DPO, ORPO); to train on the preferred ones write ' +
      'rows of `messages` that end with the `chosen` answer, or train with a program of your own (`backend: { command: … }`)'
    );
  }
  return 'expected the key `messages` with a list of turns';
}
