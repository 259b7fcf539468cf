/**
 * What training rows are given: a system prompt of their own each, or only some of them, and text around the user's words. It is
 * put into the rows, so that the store holds what was trained and the recipe's key follows from it.
 */
import { withUserText } from '../asked';
import type { Sha256 } from '../canonical';
import { canonicalRow, rowHash, type DatasetRow } from './dataset';
import type { SplitRow } from './holdout';
import { InvalidExperiment, type Path } from '../issue';
import type { PromptPool, RowTest, SystemPrompt } from '../plan';
import { chosenIndex } from '../prompt-pool';
import type { PoolSpec, RowWhere, TrainSpec } from '../spec';

/** A pool in the order of its file, which `cycle` goes by, and sorted. */
export interface FilePool extends PromptPool {
  inFileOrder: readonly string[];
}

/** Whether rows are changed at all; else the recipe's prompt goes for every row as it is rendered. */
export function changesRows({ systemPrompt, user, rows }: TrainSpec): boolean {
  return systemPrompt.kind === 'pool' || user !== undefined || rows !== undefined;
}

/** The prompt that the recipe renders every row under: what is in the rows already is not put there again. */
export function renderedPrompt({ systemPrompt, rows }: TrainSpec): SystemPrompt {
  return systemPrompt.kind === 'pool' || rows !== undefined ? { kind: 'default' } : systemPrompt;
}

export function matches(row: Pick<DatasetRow, 'part' | 'fields'>, where: RowWhere): boolean {
  return Object.entries(where).every(([name, wanted]) => fits(valueIn(row, name), wanted));
}

function fits(value: unknown, wanted: RowTest): boolean {
  if (Array.isArray(wanted)) return wanted.some((each) => each === value);
  return typeof value === 'string' && value.includes(wanted.contains);
}

/** The value of a row's key; undefined where it has none. */
export function valueIn({ part, fields = {} }: Pick<DatasetRow, 'part' | 'fields'>, name: string): unknown {
  if (name === 'part') return part;
  return Object.hasOwn(fields, name) ? fields[name] : undefined;
}

/** A row would get two system messages. */
export function secondMessage({ dataset }: TrainSpec, { number, part }: SplitRow, path: Path): InvalidExperiment {
  return new InvalidExperiment(
    [...path, 'system_prompt'],
    `row ${number} of \`${part ?? dataset}\` brings its own system message; a training system prompt would be a second one`,
    'use `system_prompt: default`, or data without system messages',
  );
}

/** What was made under the same prompts already: the mixes of a grid share most of their rows. */
export class PromptedBefore {
  private readonly rows = new Map<SplitRow, { system: string | null; made: DatasetRow }>();
  /** By the row's hash, one for each time that it stands there. */
  private readonly choices = new Map<Sha256, number[]>();

  /** `system`: a row of which there are several may have another message in another mix. */
  rowOf(row: SplitRow, system: string | null, make: () => DatasetRow): DatasetRow {
    const known = this.rows.get(row);
    if (known?.system === system) return known.made;
    const made = make();
    this.rows.set(row, { system, made });
    return made;
  }

  choiceOf({ hash, occurrence }: RowContent, choose: () => number): number {
    let ofRow = this.choices.get(hash);
    if (ofRow === undefined) this.choices.set(hash, (ofRow = []));
    return (ofRow[occurrence] ??= choose());
  }
}

/**
 * The rows with what they are given, in the same order. `before`: of calls with the same `train.systemPrompt`, `user` and `rows`,
 * and the same pool; default: none. Throws `InvalidExperiment`.
 */
export function promptedRows(
  train: TrainSpec,
  rows: readonly SplitRow[],
  pool: FilePool | null,
  path: Path,
  before = new PromptedBefore(),
): readonly DatasetRow[] {
  if (!changesRows(train)) return rows;
  const { where, otherwise } = train.rows ?? {};
  const meant = where === undefined ? rows : rows.filter((row) => matches(row, where));
  const messageFor = systemMessages(train, meant, pool, path, before);
  const chosen = where === undefined ? null : new Set(meant);
  return rows.map((row): DatasetRow => {
    const isMeant = chosen === null || chosen.has(row);
    const system = isMeant ? (messageFor.get(row) ?? null) : otherwise?.kind === 'text' ? otherwise.text : null;
    return before.rowOf(row, system, () => promptedRow(train, row, { system, isMeant }, path));
  });
}

function promptedRow(
  train: TrainSpec,
  row: SplitRow,
  { system, isMeant }: { system: string | null; isMeant: boolean },
  path: Path,
): DatasetRow {
  const own = row.messages.some(({ role }) => role === 'system');
  if (system !== null && own) throw secondMessage(train, row, path);
  const turns = isMeant ? withUserText(row.messages, train.user) : row.messages;
  if (isMeant && train.user !== undefined && !row.messages.some(({ role }) => role === 'user')) {
    throw new InvalidExperiment(
      [...path, 'user'],
      `row ${row.number} of \`${row.part ?? train.dataset}\` has no user turn that anything could be put around`,
    );
  }
  if (system === null && turns === row.messages) return row;
  return canonicalRow(system === null ? turns : [{ role: 'system', content: system }, ...turns]);
}

/** The system message of each row that gets one. */
function systemMessages(
  train: TrainSpec,
  rows: readonly SplitRow[],
  pool: FilePool | null,
  path: Path,
  before: PromptedBefore,
): Map<SplitRow, string> {
  const { systemPrompt } = train;
  if (systemPrompt.kind === 'pool') {
    if (pool === null) throw new Error('the pool of a training prompt was not read');
    return fromPool(systemPrompt, rows, pool, path, before);
  }
  // a prompt for all rows is rendered with each of them, and stands in none
  if (systemPrompt.kind !== 'text' || train.rows === undefined) return new Map();
  return new Map(rows.map((row) => [row, systemPrompt.text]));
}

function fromPool(
  spec: PoolSpec,
  rows: readonly SplitRow[],
  pool: FilePool,
  path: Path,
  before: PromptedBefore,
): Map<SplitRow, string> {
  const size = pool.members.length;
  if (spec.repeat === 'forbid' && size < rows.length) {
    throw new InvalidExperiment(
      [...path, 'system_prompt', 'repeat'],
      `the pool has ${size} prompts for ${rows.length} rows, and none may stand twice`,
      'give it more prompts, or `repeat: allow`',
    );
  }
  if (spec.choose === 'cycle')
    return new Map(rows.map((row, index) => [row, pool.inFileOrder[index % size] as string]));
  const contents = contentsOf(rows);
  const choiceOf = (content: RowContent): number =>
    before.choiceOf(content, () => chosenIndex('row', spec.seed, textOf(content), size));
  if (spec.repeat === 'allow')
    return new Map(rows.map((row, at) => [row, pool.members[choiceOf(contents[at] as RowContent)] as string]));
  // the first in the order of their contents has its choice, another takes the next that is free
  const taken = new Set<number>();
  return new Map(
    rows
      .map((row, at) => ({ row, content: contents[at] as RowContent, text: textOf(contents[at] as RowContent) }))
      .sort((a, b) => (a.text < b.text ? -1 : 1))
      .map(({ row, content }): [SplitRow, string] => {
        let free = choiceOf(content);
        while (taken.has(free)) free = (free + 1) % size;
        taken.add(free);
        return [row, pool.members[free] as string];
      }),
  );
}

/** What a row's prompt is chosen by: its content, and how many equal rows stand before it. */
interface RowContent {
  hash: Sha256;
  occurrence: number;
}

function textOf({ hash, occurrence }: RowContent): string {
  return `${hash}|${occurrence}`;
}

function contentsOf(rows: readonly SplitRow[]): RowContent[] {
  const occurrences = new Map<Sha256, number>();
  return rows.map((row) => {
    const hash = rowHash(row);
    const occurrence = occurrences.get(hash) ?? 0;
    occurrences.set(hash, occurrence + 1);
    return { hash, occurrence };
  });
}
