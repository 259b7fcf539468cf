/**
 * Rows that a trainer of the experiment's own is given besides those that it trains on: of each further dataset what is not held
 * out, as of one that is trained on. A row that asks what another dataset of the same configuration holds out is left out, too:
 * whatever the program does with it, that question would not be a held-out one any more.
 */
import { sha256, type Sha256 } from '../canonical';
import { rowsText } from './dataset';
import { wordsAsked, type Split } from './holdout';
import { InvalidExperiment } from '../issue';
import type { Recipe } from '../plan';
import { mapValues } from '../records';
import type { ConfigurationSpec, TrainSpec } from '../spec';
import type { TrainingData } from './training-data';

export interface FurtherRows {
  /** As canonical JSON Lines. */
  text: string;
  sha256: Sha256;
  count: number;
}

/** By the names that the program knows; null where there are none. The function throws `InvalidExperiment`. */
export function furtherRowsOf(
  dataOf: (train: Pick<TrainSpec, 'dataset' | 'mix'>) => TrainingData,
  splits: Readonly<Record<string, Split>>,
): (configuration: ConfigurationSpec) => Record<string, FurtherRows> | null {
  const heldOutBy = new Map<string, ReadonlySet<string>>();
  const wordsHeldOut = (dataset: string): ReadonlySet<string> => {
    const words = heldOutBy.get(dataset) ?? new Set((splits[dataset] as Split).heldOut.map((row) => wordsAsked(row)));
    heldOutBy.set(dataset, words);
    return words;
  };
  return ({ train }) => {
    if (train?.further === undefined) return null;
    const used = [train, ...Object.values(train.further)].flatMap(partsOf).map(wordsHeldOut);
    return mapValues(train.further, (own): FurtherRows => {
      const rows = dataOf(own).rows.filter((row) => !used.some((words) => words.has(wordsAsked(row))));
      if (rows.length === 0)
        throw new InvalidExperiment(own.place, `of \`${own.dataset}\` no row is left that is not held out`);
      const text = rowsText(rows);
      return { text, sha256: sha256(text), count: rows.length };
    });
  };
}

function partsOf({ dataset, mix }: Pick<TrainSpec, 'dataset' | 'mix'>): string[] {
  return mix === undefined ? [dataset] : Object.keys(mix.shares);
}

/** What a recipe says of them; nothing without any. */
export function furtherIdentity(further: Record<string, FurtherRows> | null): Pick<Recipe, 'datasets'> {
  if (further === null) return {};
  return { datasets: mapValues(further, ({ sha256: rows, count: rowCount }) => ({ rows, rowCount })) };
}
