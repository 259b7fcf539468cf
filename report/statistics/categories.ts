/**
 * Categorical metrics: the share of each category among the answers of a cell that have one.
 */
import type { Instrument, PlannedCell, PlannedMetric } from '../../experiment/plan';
import type { Sha256 } from '../../experiment/canonical';
import type { Judgement } from '../../experiment/rows';
import type { Answer } from '../../experiment/scored-answer';
import { estimateShare, type ShareEstimate } from './estimates';

export interface CategoryShares {
  metric: string;
  /** In the rubric's order, then those that only stand in rows, by name. */
  categories: CategoryShare[];
  /** Answers with at least one category. */
  answers: number;
}

export interface CategoryShare {
  category: string;
  /** 0-100; null when the category stands for no score, or is not one of the rubric's. */
  score: number | null;
  /** Verdicts that name it, repeats included. */
  verdicts: number;
  /** Share (0-1) of answers; an answer judged several times counts by the share of its own verdicts. */
  share: ShareEstimate;
}

/** The categories of a metric's instruments with their scores; null when it is not categorical. */
export function categoriesOf(
  { instrumentOf }: PlannedMetric,
  instruments: Readonly<Record<Sha256, Instrument>>,
): Map<string, number | null> | null {
  const found = new Map<string, number | null>();
  for (const key of [...new Set(Object.values(instrumentOf))].sort()) {
    for (const [category, score] of Object.entries(instruments[key]?.categories ?? {})) found.set(category, score);
  }
  return found.size === 0 ? null : found;
}

/** A metric all of whose verdicts are categories without scores: it has no mean, and no bar. */
export function hasNoScores(metric: PlannedMetric, instruments: Readonly<Record<Sha256, Instrument>>): boolean {
  const keys = Object.values(metric.instrumentOf);
  return (
    keys.length > 0 &&
    keys.every((key) => {
      const categories = instruments[key]?.categories;
      return categories !== undefined && Object.values(categories).every((score) => score === null);
    })
  );
}

/** One entry per metric that has categories. */
export function categoryShares(
  cell: Pick<PlannedCell, 'metrics'>,
  instruments: Readonly<Record<Sha256, Instrument>>,
  answers: readonly (Pick<Answer, 'question' | 'item'> & { judgements: readonly Judgement[] })[],
): CategoryShares[] {
  const given = new Set(
    answers.flatMap(({ judgements }) =>
      judgements.flatMap(({ metric, verdict }) => (verdict === undefined ? [] : metric)),
    ),
  );
  return cell.metrics.flatMap((planned): CategoryShares[] => {
    const known = categoriesOf(planned, instruments);
    if (known === null && !given.has(planned.metric)) return [];
    const named = answers.flatMap(({ question, item, judgements }) => {
      const words = judgements.flatMap(({ metric, verdict }) => (metric === planned.metric ? (verdict ?? []) : []));
      return words.length === 0 ? [] : [{ question, item, words }];
    });
    const others = [...new Set(named.flatMap(({ words }) => words))].filter((word) => known?.has(word) !== true).sort();
    return [
      {
        metric: planned.metric,
        answers: named.length,
        categories: [...(known?.keys() ?? []), ...others].map((category) => {
          const hits = named.map(({ question, item, words }) => {
            const count = words.filter((word) => word === category).length;
            return { question, item, count, value: count / words.length };
          });
          return {
            category,
            score: known?.get(category) ?? null,
            verdicts: hits.reduce((total, { count }) => total + count, 0),
            share: estimateShare(hits),
          };
        }),
      },
    ];
  });
}
