/**
 * Which rows a mix is made of, and in which order. Explicit, seeded, and decided by content: names of parts, their order in the
 * file and the order of rows in their files have no part in it.
 *
 * A part gives of the rows that it trains on (its own hold-out and `training_rows` apply) those that come first by
 * SHA-256(`mix|SEED|SHA-256 of the row|OCCURRENCE`), so that fewer rows of it are among the more; without `nested` the purpose is
 * `mix-COUNT` in place of `mix`, another choice for each number. A row that asks what another part of the mix holds out is never trained.
 * The rows of all parts are then put in the order of SHA-256(`order|SEED|…`), which does not depend on the shares either.
 */
import type { Sha256 } from '../canonical';
import type { Dataset } from './dataset';
import { inSeededOrder, watchedRows, wordsAsked, type Split, type SplitRow } from './holdout';
import { InvalidExperiment } from '../issue';
import { mapValues } from '../records';
import type { MixSpec } from '../spec';

export interface Mixed {
  training: SplitRow[];
  /** Of each part -> how many of the rows. */
  counts: Record<string, number>;
  /** At most `wanted` held-out rows, of each part in proportion to its count. */
  watched: (wanted: number) => SplitRow[];
}

/** Candidates of all parts of a mix, ready for any shares. */
interface Pool {
  /** Part -> its candidates. */
  candidates: Map<string, SplitRow[]>;
  /** Those of all parts in the order of the mix. */
  ordered: SplitRow[];
  /** By purpose and part: the candidates in the order in which they are taken. */
  taken: Map<string, SplitRow[]>;
  /** Part -> what chooses of its held-out rows. */
  watched: Map<string, (wanted: number) => SplitRow[]>;
}

/** Makes mixes of these datasets; what several of them share is computed once. */
export function mixer(
  datasets: Readonly<Record<string, Dataset>>,
  splits: Readonly<Record<string, Split>>,
): (mix: MixSpec) => Mixed {
  const pools = new Map<string, Pool>();
  const poolOf = (mix: MixSpec): Pool => {
    const parts = partsOf(mix, datasets);
    const slot = JSON.stringify([parts, mix.seed]);
    let pool = pools.get(slot);
    if (pool === undefined) pools.set(slot, (pool = makePool(parts, splits, mix.seed)));
    return pool;
  };
  return (mix) => {
    const { candidates, ordered, taken, watched } = poolOf(mix);
    const counts = mixCounts(mix, (part) => (datasets[part] as Dataset).sha256);
    const chosen = new Set<SplitRow>();
    for (const [part, count] of Object.entries(counts)) {
      const rows = candidates.get(part) as SplitRow[];
      if (count > rows.length) throw tooSmall(mix, part, count, rows.length);
      const purpose = mix.nested ? 'mix' : `mix-${count}`;
      const slot = `${purpose} ${part}`;
      let order = taken.get(slot);
      if (order === undefined) taken.set(slot, (order = inSeededOrder(rows, purpose, mix.seed)));
      for (const row of order.slice(0, count)) chosen.add(row);
    }
    return {
      training: ordered.filter((row) => chosen.has(row)),
      counts,
      watched: (wanted) =>
        Object.entries(counts).flatMap(([part, count]) =>
          count === 0 ? [] : (watched.get(part)?.(Math.round((wanted * count) / mix.rows)) ?? []),
        ),
    };
  };
}

/** Names of the parts, in an order of their content's. */
function partsOf({ shares, place }: MixSpec, datasets: Readonly<Record<string, Dataset>>): string[] {
  const byContent = new Map<Sha256, string>();
  for (const part of Object.keys(shares)) {
    const { sha256 } = datasets[part] as Dataset;
    const other = byContent.get(sha256);
    if (other !== undefined)
      throw new InvalidExperiment(place, `\`${other}\` and \`${part}\` are the same rows: a mix is of different ones`);
    byContent.set(sha256, part);
  }
  return [...byContent].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, part]) => part);
}

function makePool(parts: readonly string[], splits: Readonly<Record<string, Split>>, seed: number): Pool {
  // by what is asked: another answer to a held-out question would train that question all the same
  const heldOutBy = new Map<string, Set<string>>();
  for (const part of parts) heldOutBy.set(part, new Set((splits[part] as Split).heldOut.map((row) => wordsAsked(row))));
  const elsewhere = (part: string, row: SplitRow): boolean => {
    const words = wordsAsked(row);
    return parts.some((other) => other !== part && heldOutBy.get(other)?.has(words) === true);
  };
  const candidates = new Map(
    parts.map((part) => [
      part,
      (splits[part] as Split).training
        .filter((row) => !elsewhere(part, row))
        .map((row): SplitRow => ({ ...row, part })),
    ]),
  );
  return {
    candidates,
    ordered: inSeededOrder([...candidates.values()].flat(), 'order', seed),
    taken: new Map(),
    watched: new Map(parts.map((part) => [part, watchedRows((splits[part] as Split).heldOut)])),
  };
}

function tooSmall({ shares, rows, place }: MixSpec, part: string, count: number, there: number): InvalidExperiment {
  const percent = Number((100 * (shares[part] as number)).toPrecision(6));
  const [asked, all, found] = [count, rows, there].map((number) => number.toLocaleString('en'));
  return new InvalidExperiment(
    place,
    `\`${part}\` has ${found} rows for training, the mix takes ${asked} (${percent} % of ${all})`,
    'ask for fewer `rows` or a smaller share, or hold out fewer rows of it',
  );
}

/** What rounding errors of a product of share and rows stay below. */
const ROUNDING = 1e-6;

/**
 * How many rows of each part: the whole part of share × rows, and one more for those with the largest remainders until all rows
 * are had. `tie`: what decides between equal remainders; the smaller comes first.
 */
export function mixCounts(
  { shares, rows }: Pick<MixSpec, 'shares' | 'rows'>,
  tie: (part: string) => string,
): Record<string, number> {
  const ideal = mapValues(shares, (share) => share * rows);
  const counts = mapValues(ideal, (value) => Math.floor(value + ROUNDING));
  const missing = rows - Object.values(counts).reduce((sum, count) => sum + count, 0);
  const remainders = Object.keys(shares)
    .map((part) => ({ part, remainder: (ideal[part] as number) - (counts[part] as number) }))
    .sort((a, b) =>
      Math.abs(a.remainder - b.remainder) > ROUNDING ? b.remainder - a.remainder : tie(a.part) < tie(b.part) ? -1 : 1,
    );
  for (const { part } of remainders.slice(0, missing)) counts[part] = (counts[part] as number) + 1;
  return counts;
}

/** In the file's order. */
export function partsWithRows(mix: Pick<MixSpec, 'shares' | 'rows'>): string[] {
  return Object.entries(mixCounts(mix, (part) => part)).flatMap(([part, count]) => (count === 0 ? [] : [part]));
}
