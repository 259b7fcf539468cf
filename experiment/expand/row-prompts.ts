/**
 * What training rows are given: a system prompt of their own each, or only some of them, and text around the user's words. It is
 * put into the rows, so that the store holds what was trained and the recipe's key follows from it.
 */
import { withUserText } from '../asked';
import { canonicalRow, rowHash, type DatasetRow } from './dataset';
import type { SplitRow } from './holdout';
import { InvalidExperiment, type Path } from '../issue';
import type { PromptPool, SystemPrompt } from '../plan';
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
  return Object.entries(where).every(([name, wanted]) => wanted.some((value) => value === valueIn(row, name)));
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
  private readonly choices = new Map<string, number>();

  /** `system`: a row of which there are several may have another message in another mix. */
  rowOf(row: SplitRow, system: string | null, make: () => DatasetRow): DatasetRow {
    const known = this.rows.get(row);
    if (known?.system === system) return known.made;
    const made = make();
    this.rows.set(row, { system, made });
    return made;
  }

  choiceOf(content: string, choose: () => number): number {
    const index = this.choices.get(content) ?? choose();
    this.choices.set(content, index);
    return index;
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
  const chosen = new Set(meant);
  return rows.map((row): DatasetRow => {
    const isMeant = chosen.has(row);
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
  const wanted = contentsOf(rows).map(({ row, content }) => ({
    row,
    content,
    index: before.choiceOf(content, () => chosenIndex('row', spec.seed, content, size)),
  }));
  if (spec.repeat === 'allow') return new Map(wanted.map(({ row, index }) => [row, pool.members[index] as string]));
  // the first in the order of their contents has its choice, another takes the next that is free
  const taken = new Set<number>();
  return new Map(
    wanted
      .sort((a, b) => (a.content < b.content ? -1 : 1))
      .map(({ row, index }): [SplitRow, string] => {
        let free = index;
        while (taken.has(free)) free = (free + 1) % size;
        taken.add(free);
        return [row, pool.members[free] as string];
      }),
  );
}

/** `SHA-256 of the row|OCCURRENCE`, where OCCURRENCE counts equal rows from 0. */
function contentsOf(rows: readonly SplitRow[]): { row: SplitRow; content: string }[] {
  const occurrences = new Map<string, number>();
  return rows.map((row) => {
    const hash = rowHash(row);
    const occurrence = occurrences.get(hash) ?? 0;
    occurrences.set(hash, occurrence + 1);
    return { row, content: `${hash}|${occurrence}` };
  });
}
