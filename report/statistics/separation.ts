/**
 * How well scores separate two groups of answers: the area under the ROC curve, with an interval that resamples items.
 */
import { bootstrapInterval, NO_VARIANCE, resample, total, type ItemSums, type Statistic } from './cluster-bootstrap';
import { groupBy } from './grouping';
import { estimated, notEstimable, Z975, type Interval, type Range } from './intervals';

/** One answer's score. */
export interface ScoreOfItem {
  /** The item that the answer's question is a form of; one that has answers in both groups is drawn with all of them. */
  item: string;
  score: number;
}

export interface Separation {
  /**
   * Probability that a random member of the high group scores above one of the low group, ties counted half
   * (Mann-Whitney); 1 = apart, 0.5 = no separation. Null when a group is empty.
   */
  auc: number | null;
  /** 95 %; where all scores of the groups are apart, Newcombe's method 5 for as many scores as there are items. */
  ci95: Interval;
  low: number;
  high: number;
}

const SCALE: Range = [0, 1];

export function separation(low: readonly ScoreOfItem[], high: readonly ScoreOfItem[]): Separation {
  const sizes = { low: low.length, high: high.length };
  if (low.length === 0 || high.length === 0)
    return { auc: null, ci95: notEstimable('a group without scores'), ...sizes };
  const members = [...low.map((each) => ({ ...each, group: 0 })), ...high.map((each) => ({ ...each, group: 1 }))];
  const values = [...new Set(members.map(({ score }) => score))].sort((a, b) => a - b);
  const place = new Map(values.map((value, index) => [value, 2 * index]));
  const items = [...groupBy(members, ({ item }) => item)].map(([item, own]): ItemSums => {
    const amounts = new Map<number, number>();
    for (const { score, group } of own) {
      const at = (place.get(score) as number) + group;
      amounts.set(at, (amounts.get(at) ?? 0) + 1);
    }
    return { item, amounts };
  });
  const size = 2 * values.length;
  const auc = aucOf(total(items, size)) as number;
  const [resampled] = resample(items, size, [aucOf]);
  if (resampled === undefined) throw new Error('one measure has one list of draws');
  const ci95 = bootstrapInterval(resampled, auc, SCALE);
  const apart = (auc === 0 || auc === 1) && ci95.reason === NO_VARIANCE;
  return { auc, ci95: apart ? estimated(newcombe(auc, itemsIn(low), itemsIn(high))) : ci95, ...sizes };
}

/** Of how many members of the low and of the high group have each score, the scores ascending. */
const aucOf: Statistic = (counts) => {
  let [low, high, above] = [0, 0, 0];
  for (let at = 0; at < counts.length; at += 2) {
    const lower = counts[at] as number;
    const higher = counts[at + 1] as number;
    above += higher * (low + lower / 2);
    low += lower;
    high += higher;
  }
  return low === 0 || high === 0 ? null : above / (low * high);
};

function itemsIn(members: readonly ScoreOfItem[]): number {
  return new Set(members.map(({ item }) => item)).size;
}

/**
 * 95 % for an AUC of so many independent scores, Newcombe's method 5 (Statistics in Medicine 25:559-573, 2006): score-based, so it
 * has a width at 0 and 1 too.
 */
export function newcombe(auc: number, low: number, high: number): Range {
  const pairs = low * high;
  const around = (low + high) / 2 - 1;
  const deviation = (theta: number): number =>
    Math.sqrt(((theta * (1 - theta)) / pairs) * (1 + around * ((1 - theta) / (2 - theta) + theta / (1 + theta))));
  return [
    auc === 0 ? 0 : boundary(0, auc, (theta) => theta + Z975 * deviation(theta) < auc),
    auc === 1 ? 1 : boundary(auc, 1, (theta) => theta - Z975 * deviation(theta) < auc),
  ];
}

/** Where `below` turns false between `low` and `high`, by bisection. */
function boundary(low: number, high: number, below: (value: number) => boolean): number {
  let [from, to] = [low, high];
  for (let round = 0; round < 60; round += 1) {
    const middle = (from + to) / 2;
    if (below(middle)) from = middle;
    else to = middle;
  }
  return (from + to) / 2;
}
