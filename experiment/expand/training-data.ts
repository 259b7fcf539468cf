/**
 * The rows that a configuration trains on and those whose loss is watched, as text. Configurations that train on the same
 * rows share both, however many there are.
 */
import { canonicalJson, sha256, type Sha256 } from '../canonical';
import { rowsText, type Dataset } from './dataset';
import { watchedRows, type Split, type SplitRow } from './holdout';
import { mixer, type Mixed } from './mix';
import type { TrainSpec } from '../spec';

export interface TrainingData {
  rows: SplitRow[];
  /** Canonical JSON Lines of `rows`, made when it is asked for: rows that something is put into are stored in another form. */
  text(): string;
  /** Of that text. */
  sha256(): Sha256;
  /** Rows for the loss after each epoch, as text; null where nothing is held out. */
  watched: string | null;
  /** The rows of `watched`. */
  watchedRows: readonly SplitRow[];
  /** The first row of both that brings a system message of its own; null where none does. */
  withSystem: SplitRow | null;
  /** Only of a mix: part -> how many of the rows. */
  parts?: Record<string, number>;
}

/**
 * Rows whose loss is computed after each epoch: at most so many, which tell a difference of a few percent, and at most
 * this share of the training rows, so that watching costs a tenth of training at most.
 */
const WATCHED_ROWS = 256;
const WATCHED_SHARE = 0.25;

/** Throws `InvalidExperiment` for a mix whose parts are too small. */
export function trainingDataOf(
  datasets: Readonly<Record<string, Dataset>>,
  splits: Readonly<Record<string, Split>>,
): (train: Pick<TrainSpec, 'dataset' | 'mix'>) => TrainingData {
  const made = new Map<string, TrainingData>();
  const mixed = mixer(datasets, splits);
  return ({ dataset, mix }) => {
    const { place: _, ...content } = mix ?? { place: [] };
    const slot = canonicalJson([dataset, content]);
    const known = made.get(slot);
    if (known !== undefined) return known;
    const found = mix === undefined ? plainRows(splits[dataset] as Split) : mixed(mix);
    const watched = found.watched(Math.min(WATCHED_ROWS, Math.ceil(WATCHED_SHARE * found.training.length)));
    const data: TrainingData = {
      rows: found.training,
      withSystem: [...found.training, ...watched].find(({ messages }) => messages[0]?.role === 'system') ?? null,
      ...lazily(found.training),
      watched: watched.length === 0 ? null : rowsText(watched),
      watchedRows: watched,
      ...(found.counts === undefined ? {} : { parts: found.counts }),
    };
    made.set(slot, data);
    return data;
  };
}

/** The text is kept once it was asked for; its hash alone keeps none. */
function lazily(rows: readonly SplitRow[]): Pick<TrainingData, 'text' | 'sha256'> {
  let text: string | null = null;
  let hash: Sha256 | null = null;
  return {
    text: () => (text ??= rowsText(rows)),
    sha256: () => (hash ??= sha256(text ?? rowsText(rows))),
  };
}

function plainRows({ training, heldOut }: Split): Omit<Mixed, 'counts'> & Partial<Mixed> {
  return { training, watched: watchedRows(heldOut) };
}
