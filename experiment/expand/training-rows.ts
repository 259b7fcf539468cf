/**
 * The rows that a configuration trains on, with what it puts into them, and the held-out rows whose loss is watched.
 *
 * Prompts by row and text around the user's words are put into the rows themselves (row-prompts.ts): what the store holds is what
 * was trained, and the recipe's key follows from it. Held-out rows that are asked as questions do not have it; those whose loss is watched do, since their
 * loss is compared with that of training.
 */
import { canonicalJson, sha256, type Sha256 } from '../canonical';
import { rowsText } from './dataset';
import type { SplitRow } from './holdout';
import { InvalidExperiment, type Path } from '../issue';
import type { RowPrompts } from '../plan';
import type { Pools } from './pools';
import {
  changesRows,
  matches,
  PromptedBefore,
  promptedRows,
  renderedPrompt,
  secondMessage,
  valueIn,
} from './row-prompts';
import type { ConfigurationSpec, TrainSpec } from '../spec';
import type { TrainingData } from './training-data';

export interface TrainingRows {
  /** As canonical JSON Lines. */
  text: string;
  sha256: Sha256;
  count: number;
  /** In the same form; null where nothing is held out. */
  watched: string | null;
  prompts?: RowPrompts;
  /** As in `TrainingData`. */
  parts?: Record<string, number>;
}

/** What decides how rows are prompted, besides the rows. */
export interface Prompting {
  pools: Pools;
  /** Datasets whose rows are stand-ins or were shrunk, so how many of them are meant says nothing. */
  standIns: readonly string[] | 'all';
}

/**
 * `dataOf`: the rows without what is put into them. Configurations that train on the same rows share one text. The function
 * throws `InvalidExperiment`.
 */
export function trainingRowsOf(
  dataOf: (train: TrainSpec) => TrainingData,
  prompting: Prompting,
): (configuration: ConfigurationSpec) => TrainingRows | null {
  const made = new Map<TrainingData, Map<string, TrainingRows>>();
  const promptedBefore = new Map<string, PromptedBefore>();
  return ({ name, train, training }) => {
    if (train === null) return null;
    const path: Path = ['configurations', name, 'train'];
    const data = dataOf(train);
    if (training.lastBatch === 'drop' && data.rows.length < training.batchSize) {
      throw new InvalidExperiment(
        path,
        `${data.rows.length} rows never fill a batch of ${training.batchSize}: nothing would be trained`,
      );
    }
    checkOwnMessages(train, data, path);
    const { systemPrompt, user, rows } = train;
    const slot = changesRows(train) ? canonicalJson({ systemPrompt, user, rows }) : '';
    const ofData = made.get(data) ?? new Map<string, TrainingRows>();
    made.set(data, ofData);
    const before = promptedBefore.get(slot) ?? new PromptedBefore();
    promptedBefore.set(slot, before);
    const found = ofData.get(slot) ?? prepare(train, data, { ...prompting, before }, path);
    ofData.set(slot, found);
    return found;
  };
}

function prepare(
  train: TrainSpec,
  data: TrainingData,
  { pools, standIns, before }: Prompting & { before: PromptedBefore },
  path: Path,
): TrainingRows {
  const { rows, watched, watchedRows, parts } = data;
  const shared = { count: rows.length, ...(parts === undefined ? {} : { parts }) };
  if (!changesRows(train)) return { ...shared, text: data.text(), sha256: data.sha256(), watched };
  if (areAtHand(train, standIns)) checkWhere(train, rows, path);
  const put = (each: readonly SplitRow[]): string =>
    rowsText(promptedRows(train, each, pools.poolOf(train.systemPrompt), path, before));
  const text = put(rows);
  return {
    ...shared,
    text,
    sha256: sha256(text),
    watched: watchedRows.length === 0 ? null : put(watchedRows),
    prompts: rowPrompts(train, data, pools),
  };
}

function areAtHand({ dataset, mix }: TrainSpec, standIns: Prompting['standIns']): boolean {
  return standIns !== 'all' && Object.keys(mix?.shares ?? { [dataset]: 1 }).every((name) => !standIns.includes(name));
}

/** What a plan says of it. */
function rowPrompts(train: TrainSpec, data: TrainingData, pools: Pools): RowPrompts {
  const { systemPrompt, user, rows } = train;
  const { where, otherwise } = rows ?? {};
  return {
    rows: data.sha256(),
    prompted: where === undefined ? data.rows.length : data.rows.filter((row) => matches(row, where)).length,
    ...(renderedPrompt(train) === systemPrompt ? {} : { systemPrompt: pools.promptOf(systemPrompt) }),
    ...(systemPrompt.kind === 'pool' ? { choose: systemPrompt.choose } : {}),
    ...(user === undefined ? {} : { user }),
    ...(where === undefined ? {} : { where }),
    ...(otherwise?.kind === 'text' ? { otherwise: otherwise.text } : {}),
  };
}

/**
 * A condition that fits no row, or every row, is a mistake. Which parts a mix has is known by its file (file/build-mix.ts), and a
 * dose of 0 or 1 is no mistake: of parts only the values of further keys are looked at.
 */
function checkWhere({ dataset, rows }: TrainSpec, training: readonly SplitRow[], path: Path): void {
  if (rows === undefined) return;
  const { where } = rows;
  const place = [...path, 'rows', 'where'];
  const { part, ...others } = where;
  const candidates = part === undefined ? training : training.filter((row) => matches(row, { part }));
  if (part !== undefined && (candidates.length === 0 || Object.keys(others).length === 0)) return;
  const fitting = candidates.filter((row) => matches(row, where)).length;
  if (part === undefined && fitting === training.length)
    throw new InvalidExperiment(place, `it fits every training row of \`${dataset}\``, 'leave `rows` out');
  if (fitting > 0) return;
  const lacking = Object.keys(others).find((name) => candidates.every((row) => valueIn(row, name) === undefined));
  if (lacking === undefined) throw new InvalidExperiment(place, `it fits no training row of \`${dataset}\``);
  throw new InvalidExperiment(
    [...place, lacking],
    `no training row of \`${dataset}\` has a key \`${lacking}\``,
    'give the dataset `fields: keep`, which keeps further keys of its rows',
  );
}

function checkOwnMessages(train: TrainSpec, { withSystem }: TrainingData, path: Path): void {
  if (renderedPrompt(train).kind === 'default') return;
  if (withSystem !== null) throw secondMessage(train, withSystem, path);
}
