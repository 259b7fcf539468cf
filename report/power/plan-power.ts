/**
 * What an experiment will be able to show, before it is paid for: for each claim, and for two bars of each figure.
 */
import { itemOfQuestion } from '../../experiment/scored-answer';
import { MISALIGNED } from '../../experiment/misaligned-share';
import type { Plan, PlannedCell } from '../../experiment/plan';
import type { ShareEstimator, Spec } from '../../experiment/spec';
import { statedClaims, type Stated } from '../statistics/claims';
import { groupBy } from '../statistics/grouping';
import { sum } from '../statistics/summation';
import { isUntrained } from '../statistics/units';
import { halving, smallestShown, type Comparison, type Lever } from './power';
import { ASSUMED_OF_SEEDS, PUBLISHED, type Spread } from './spreads';

export interface PlannedPower {
  /** A claim's name, or a figure's. */
  id: string;
  of: 'claim' | 'figure';
  about: Comparison['about'];
  statistic: Comparison['statistic'];
  /**
   * Points of 100: for equivalence and non-inferiority the smallest margin, for all else the smallest difference, with the margin
   * that it has to exceed, that is shown with a probability of 80 %. Null where no difference can be.
   */
  smallest: number | null;
  /** The margin of a claim of equivalence or non-inferiority, points of 100; else null. */
  margin: number | null;
  questions: number;
  answers: number;
  seeds: number;
  /** What would halve it, each by itself. */
  halving: PricedLever[];
  /** Where the spread of answers and questions is from. */
  spread: string;
  /** Standard deviation over training seeds that is assumed, points of 100; null where nothing is said of other seeds. */
  assumedOfSeeds: number | null;
  /** Of a share of misaligned answers; else null. */
  estimator: ShareEstimator | null;
}

export interface PricedLever extends Lever {
  /** US dollars of judging beside what the plan costs; null where the price is not known, or no number is enough. */
  usd: number | null;
}

/** US dollars of judging a cell, all of it; null: not known. */
export type PriceOf = (cell: PlannedCell) => number | null;

/** Answers that are there already tell how they differ; null: too few, or none. */
export type PilotOf = (
  statement: Pick<Stated, 'statistic' | 'metric' | 'threshold' | 'cells' | 'minus'>,
) => Spread | null;

export function planPower(
  plan: Plan,
  spec: Pick<Spec, 'claims' | 'expect' | 'report'>,
  { pilotOf, priceOf }: { pilotOf: PilotOf; priceOf: PriceOf },
): PlannedPower[] {
  const cells = new Map(plan.configurations.flatMap((each) => each.cells.map((cell) => [cell.id, cell] as const)));
  const claims = statedClaims(spec.claims ?? [], []);
  const familySize = new Map([...groupBy(claims, ({ family }) => family)].map(([name, own]) => [name, own.length]));
  const power = new Powers(plan, cells, priceOf, spec.report.misaligned.estimator ?? 'pooled');
  return [
    ...claims.flatMap((claim) => {
      const { id, test, margin, questions: about } = claim;
      const alpha = 0.05 / (familySize.get(claim.family) ?? 1);
      const scale = claim.statistic === 'mean' ? 1 : 100;
      const shown = test === 'superiority' || margin === null ? null : scale * margin;
      const exceeded = test === 'superiority' && margin !== null ? scale * margin : 0;
      return power.of({ id, of: 'claim', about, margin: shown }, claim, {
        ...{ pilot: pilotOf(claim), alpha, exceeded },
        isEquivalence: test === 'equivalence',
      });
    }),
    ...spec.report.figures.flatMap((figure) => {
      const [first, second] = firstBars(plan, figure.questionSet);
      if (first === undefined || second === undefined) return [];
      const statement: Statement = {
        ...(figure.line !== undefined && figure.metric === MISALIGNED
          ? { statistic: 'misaligned_share', metric: spec.report.alignment ?? figure.metric }
          : { statistic: 'mean', metric: figure.metric }),
        threshold: null,
        ...{ cells: first, minus: second, beyond: { cells: [], minus: [] } },
      };
      const pilot = pilotOf(statement);
      return (['these', 'like_these'] as const).flatMap((about) =>
        power.of({ id: figure.id, of: 'figure', about, margin: null }, statement, {
          ...{ pilot, alpha: 0.05, exceeded: 0, isEquivalence: false },
        }),
      );
    }),
  ];
}

/** The cells of the two bars that a figure's line is about: a recipe's bar is of all its seeds. */
export function firstBars({ configurations, seedGroups = [] }: Plan, questionSet: string): string[][] {
  const recipeOf = new Map(
    seedGroups.flatMap(({ name, members }) => members.map(({ configuration }) => [configuration, name] as const)),
  );
  const cells = configurations.flatMap((each) => each.cells);
  const own = cells.filter((cell) => cell.questionSet === questionSet && cell.step === undefined);
  const bars = groupBy(own, ({ configuration, condition }) =>
    JSON.stringify([recipeOf.get(configuration) ?? configuration, condition]),
  );
  return [...bars.values()].slice(0, 2).map((bar) => bar.map(({ id }) => id));
}

type Statement = Pick<Stated, 'statistic' | 'metric' | 'threshold' | 'cells' | 'minus' | 'beyond'>;

interface Test {
  pilot: Spread | null;
  alpha: number;
  /** Margin that a difference has to exceed, points of 100. */
  exceeded: number;
  isEquivalence: boolean;
}

class Powers {
  private readonly seedOf: Map<string, string>;

  constructor(
    private readonly plan: Plan,
    private readonly cells: ReadonlyMap<string, PlannedCell>,
    private readonly priceOf: PriceOf,
    private readonly ofMisaligned: ShareEstimator,
  ) {
    this.seedOf = new Map(
      (plan.seedGroups ?? []).flatMap(({ members }) =>
        members.map(({ configuration, seed }) => [configuration, seed] as const),
      ),
    );
  }

  of(
    about: Pick<PlannedPower, 'id' | 'of' | 'about' | 'margin'>,
    { statistic: kind, cells, minus, beyond }: Statement,
    { pilot, alpha, exceeded, isEquivalence }: Test,
  ): PlannedPower[] {
    const named = [cells, minus, beyond.cells, beyond.minus].filter((ids) => ids.length > 0);
    const planned = named.map((ids) => this.planned(ids));
    const [own] = planned;
    if (own === undefined || planned.some((side) => side.length === 0)) return [];
    const sets = new Set(own.map(({ questionSet }) => questionSet));
    const items = [...sets].reduce((total, set) => total + this.itemsOf(set), 0);
    const estimator = kind === 'misaligned_share' ? this.ofMisaligned : null;
    const answers =
      estimator === 'question_mean'
        ? this.answersOfMean(own)
        : own.reduce((total, cell) => total + cell.completions, 0) / (items * this.seedsOf(own));
    const several = planned.map((side) => this.seedsOf(side)).filter((seeds) => seeds > 1);
    const seeds = several.length === 0 ? 1 : Math.min(...several);
    const sides = planned.map((side) =>
      this.seedsOf(side) > 1 ? 'seeds' : side.every(isUntrained) ? 'untrained' : 'fine-tune',
    );
    const statistic = kind === 'mean' ? 'mean' : 'share';
    const spread = pilot ?? PUBLISHED[statistic];
    const design = { questions: items, answers, seeds };
    const comparison: Comparison = { statistic, ...design, sides, about: about.about, spread, alpha };
    const smallest = smallestShown(comparison, isEquivalence);
    const scale = statistic === 'mean' ? 1 : 100;
    const price = this.price(planned.flat());
    return [
      {
        ...about,
        statistic,
        smallest: smallest === null ? null : scale * smallest + exceeded,
        ...design,
        halving: halving(comparison, isEquivalence).map((lever) => ({
          ...lever,
          usd: price === null || lever.to === null ? null : price * (lever.to / lever.from - 1),
        })),
        spread: spread.source,
        assumedOfSeeds: seeds === 1 ? null : scale * ASSUMED_OF_SEEDS[statistic],
        estimator,
      },
    ];
  }

  private planned(ids: readonly string[]): PlannedCell[] {
    return ids.flatMap((id) => this.cells.get(id) ?? []);
  }

  /**
   * Answers to each question that make the mean of the questions' shares as precise as these do: an item has the same weight with
   * one form as with several, so it is the harmonic mean over items.
   */
  private answersOfMean(cells: readonly PlannedCell[]): number {
    const answers = new Map<string, number>();
    for (const { questionSet, completions } of cells) {
      const questions = this.plan.questionSets[questionSet] ?? [];
      for (const question of questions) {
        const item = `${questionSet}/${itemOfQuestion(question)}`;
        answers.set(item, (answers.get(item) ?? 0) + completions / questions.length / this.seedsOf(cells));
      }
    }
    return answers.size / sum([...answers.values()].map((count) => 1 / count));
  }

  private itemsOf(set: string): number {
    return new Set((this.plan.questionSets[set] ?? []).map(itemOfQuestion)).size;
  }

  private seedsOf(cells: readonly PlannedCell[]): number {
    const seeds = cells.map(({ configuration }) => this.seedOf.get(configuration));
    return seeds.every((seed) => seed !== undefined) && cells.length > 1 ? new Set(seeds).size : 1;
  }

  private price(cells: readonly PlannedCell[]): number | null {
    const prices = cells.map(this.priceOf);
    return prices.some((price) => price === null)
      ? null
      : prices.reduce<number>((total, price) => total + (price ?? 0), 0);
  }
}
