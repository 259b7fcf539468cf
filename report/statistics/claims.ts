/**
 * Claims that were decided before the answers, held against what the answers allow: supported where the whole interval lies
 * where the claim says, contradicted where none of it does, inconclusive between.
 *
 * One interval decides each claim, of a confidence that a family of claims shares (Holm 1979): with m claims open, one is decided
 * by its interval of 1 - 5 %/m, which leaves m - 1. So a family of claims that are all at the edge of being true has one
 * false verdict or more in 5 % of experiments at most, supported and contradicted taken together.
 */
import type { Plan } from '../../experiment/plan';
import { scoresOf, type Answer } from '../../experiment/scored-answer';
import type { Claim, Expectation, Measured, ShareEstimator } from '../../experiment/spec';
import type { SummaryRules } from './cell';
import { rateOf, type Clustered } from './estimates';
import { groupBy } from './grouping';
import { combineApart } from './combinations';
import { CONFIDENCE, type Interval, type Range } from './intervals';
import { misalignedValues, ruleNames } from './misaligned';
import { combineMeansOverSeeds, combineSharesOverSeeds, type SeedArm, type SeedCombination } from './over-seeds';
import { signFlip } from './sign-flip';
import { together } from './samples';
import { meanOrNull } from './summation';

export type Verdict = 'supported' | 'contradicted' | 'inconclusive';

/** Where the value has to lie; null: no bound. */
export interface Region {
  above: number | null;
  below: number | null;
}

/** A claim, or an expectation, which is the plain form of one. */
export interface Stated extends Measured {
  id: string;
  says: string;
  test: Claim['test'] | 'expected';
  direction: Claim['direction'];
  /** Null for an expectation, which has bounds of its own. */
  margin: number | null;
  questions: Claim['questions'];
  family: string;
  beyond: Claim['beyond'];
  region: Region;
}

export interface ClaimResult {
  claim: Stated;
  /** Claims in its family. */
  familySize: number;
  verdict: Verdict;
  /** Mean 0-100 or share 0-1, or the difference; null where something has no scored answer. */
  value: number | null;
  /** Of `confidence`, for the questions that the claim is about. */
  interval: Interval;
  confidence: number;
  /** Fewest training seeds of a recipe that has several; 1: the verdict is about these fine-tunes. */
  seeds: number;
  /** Sides with a single fine-tune where others have several, whose spread is taken for them. */
  singles: number;
  /** Each seed's own value, where seeds are compared one by one; else empty. */
  points: { seed: string; value: number }[];
  /**
   * How often random signs of the items' differences from the region's end reach as far as they do (two-sided): a check that
   * takes no distribution for granted. Null for what is no difference, has two ends, several seeds or one item.
   */
  signFlip: number | null;
  /**
   * Questions that the value is over, and those that any side has scored answers to. Sides are compared over the questions that all of
   * them answered under every seed; `compared` is 0 where there is none, and each side's value is over its own.
   */
  questions: { compared: number; asked: number };
  /** What is added and subtracted, in this order: cells, minus, beyond's minus, beyond's cells. */
  sides: { sign: 1 | -1; cells: string[]; value: number | null; n: number }[];
}

export interface ClaimCell {
  configuration: string;
  questionSet: string;
  isUntrained: boolean;
  answers: readonly Answer[];
}

/** By cell id; a cell that is not in this run has no answers. */
export type ClaimCells = ReadonlyMap<string, ClaimCell>;

export function statedClaims(claims: readonly Claim[], expectations: readonly Expectation[]): Stated[] {
  return [
    ...claims.map((claim) => ({ ...claim, region: regionOf(claim) })),
    ...expectations.map(({ atLeast, atMost, note, ...measured }, index): Stated => ({
      ...measured,
      // no name of a claim has a space
      id: `expect ${index + 1}`,
      says: note,
      test: 'expected',
      direction: null,
      margin: null,
      questions: 'these',
      // all of them have to hold, which needs no more of each
      family: `expect ${index + 1}`,
      beyond: { cells: [], minus: [] },
      region: { above: atLeast, below: atMost },
    })),
  ];
}

/** The same claims of cells that are not of these configurations; where no cell of a side is left, nothing can be said of them. */
export function withoutCells(stated: readonly Stated[], cells: ClaimCells, excluded: ReadonlySet<string>): Stated[] {
  const left = (ids: readonly string[]): string[] =>
    ids.filter((id) => !excluded.has(cells.get(id)?.configuration ?? ''));
  const whole = (ids: string[]): string[] =>
    ids.length > 0 && left(ids).length === 0 ? ids.map((id) => `${id} (excluded)`) : left(ids);
  return stated.map((claim) => ({
    ...claim,
    cells: whole(claim.cells),
    minus: whole(claim.minus),
    beyond: { cells: whole(claim.beyond.cells), minus: whole(claim.beyond.minus) },
  }));
}

function regionOf({ test, direction, margin }: Claim): Region {
  if (test === 'equivalence') return { above: -margin, below: margin };
  // what is not worse may be a little worse; what is superior is better by more than a little
  const slack = test === 'superiority' ? margin : -margin;
  return direction === 'less' ? { above: null, below: -slack } : { above: slack, below: null };
}

/** In the order given. */
export function decideClaims(
  stated: readonly Stated[],
  cells: ClaimCells,
  plan: Pick<Plan, 'seedGroups'>,
  rules: SummaryRules,
): ClaimResult[] {
  const results = new Map<Stated, ClaimResult>();
  const seedOf = seedsByConfiguration(plan);
  for (const family of groupBy(stated, (claim) => claim.family).values()) {
    const prepared = family.map((claim) => prepare(claim, cells, seedOf, rules));
    let open = prepared;
    for (;;) {
      const confidence = 1 - (1 - CONFIDENCE) / Math.max(1, open.length);
      const looked = open.map((each) => ({ each, result: resultOf(each, family.length, confidence) }));
      for (const { each, result } of looked) results.set(each.claim, result);
      const left = looked.filter(({ result }) => result.verdict === 'inconclusive').map(({ each }) => each);
      if (left.length === open.length || left.length === 0) break;
      open = left;
    }
  }
  return stated.map((claim) => results.get(claim) as ClaimResult);
}

/** Expectations that are not shown count as failed. */
export function countExpectations(results: readonly ClaimResult[]): { passed: number; failed: number } {
  const own = results.filter(({ claim }) => claim.test === 'expected');
  const passed = own.filter(({ verdict }) => verdict === 'supported').length;
  return { passed, failed: own.length - passed };
}

export function countVerdicts(results: readonly ClaimResult[]): Record<Verdict, number> {
  const counts = { supported: 0, contradicted: 0, inconclusive: 0 };
  for (const { claim, verdict } of results) if (claim.test !== 'expected') counts[verdict] += 1;
  return counts;
}

interface Prepared {
  claim: Stated;
  /** Of a share of misaligned answers; other values are of all answers. */
  estimator: ShareEstimator | undefined;
  arms: SeedArm[];
  sides: ClaimResult['sides'];
  /** Every cell has a value. */
  complete: boolean;
}

function prepare(
  claim: Stated,
  cells: ClaimCells,
  seedOf: ReadonlyMap<string, { group: string; seed: string }>,
  rules: SummaryRules,
): Prepared {
  const named: [1 | -1, string[]][] = [
    [1, claim.cells],
    [-1, claim.minus],
    [-1, claim.beyond.cells],
    [1, claim.beyond.minus],
  ];
  const estimator = claim.statistic === 'misaligned_share' ? rules.misaligned.estimator : undefined;
  const used = named.filter(([, ids]) => ids.length > 0);
  const found = used.map(([sign, ids]) => {
    const own = ids.map((id) => {
      const cell = cells.get(id);
      return {
        configuration: cell?.configuration ?? '',
        values: cell === undefined ? [] : valuesIn(claim, cell, rules),
      };
    });
    const all = own.flatMap(({ values }) => values);
    const value =
      claim.statistic === 'mean' ? meanOrNull(all.map(({ value: score }) => score)) : rateOf(all, estimator);
    const side = { sign, cells: ids, value, n: all.length };
    const isUntrained = ids.every((id) => cells.get(id)?.isUntrained === true);
    return {
      side,
      arm: { sign, isUntrained, seeds: bySeed(own, seedOf) },
      complete: own.every(({ values }) => values.length > 0),
    };
  });
  return {
    claim,
    estimator,
    arms: found.map(({ arm }) => arm),
    sides: found.map(({ side }) => side),
    complete: found.every(({ complete }) => complete),
  };
}

/** Questions of several sets may have one id. */
function valuesIn(claim: Stated, { questionSet, answers }: ClaimCell, rules: SummaryRules): Clustered[] {
  return statisticValues(claim, answers, rules).map(({ question, item, ...rest }) => ({
    ...rest,
    question: `${questionSet}/${question}`,
    item: `${questionSet}/${item ?? question}`,
  }));
}

/** The values whose mean is the statistic. */
export function statisticValues(
  { statistic, metric, threshold }: Pick<Measured, 'statistic' | 'metric' | 'threshold'>,
  answers: readonly Answer[],
  rules: SummaryRules,
): Clustered[] {
  if (statistic === 'misaligned_share') {
    const names = ruleNames(rules);
    return names === null ? [] : misalignedValues(answers, rules.misaligned, names);
  }
  const scores = scoresOf(answers, metric);
  if (statistic === 'mean') return scores;
  if (statistic === 'share') return scores.map((score) => ({ ...score, value: score.value / 100 }));
  return scores.map((score) => ({ ...score, value: score.value < (threshold ?? 0) ? 1 : 0 }));
}

/**
 * Seed by seed where all are of one recipe that has several. Else all together, and where they are of several configurations
 * their samples have no partners elsewhere.
 */
function bySeed(
  own: readonly { configuration: string; values: Clustered[] }[],
  seedOf: ReadonlyMap<string, { group: string; seed: string }>,
): SeedArm['seeds'] {
  const members = own.map(({ configuration, values }) => ({ configuration, values, ...seedOf.get(configuration) }));
  const several = new Set(members.map(({ configuration }) => configuration)).size > 1;
  const [first] = members;
  if (several && first?.group !== undefined && members.every(({ group }) => group === first.group)) {
    const seeds = groupBy(members, ({ seed }) => seed as string);
    return [...seeds].map(([seed, rows]) => ({ seed, values: together(rows.map(({ values }) => values)) }));
  }
  const values = together(members.map((each) => each.values));
  return [{ seed: '', values: several ? values.map(({ sample: _, ...rest }) => rest) : values }];
}

function seedsByConfiguration({
  seedGroups = [],
}: Pick<Plan, 'seedGroups'>): Map<string, { group: string; seed: string }> {
  return new Map(
    seedGroups.flatMap(({ name, members }) =>
      members.map(({ configuration, seed }) => [configuration, { group: name, seed }] as const),
    ),
  );
}

function resultOf(prepared: Prepared, familySize: number, confidence: number): ClaimResult {
  const { claim, sides, complete } = prepared;
  const found = combined(prepared, confidence);
  const interval: Interval = !complete
    ? { range: null, reason: 'a cell has no scored answer' }
    : claim.questions === 'these'
      ? found.theseQuestions
      : found.questionsLikeThese;
  const about = { claim, familySize, value: complete ? found.value : null, interval, confidence };
  const { seeds, singles, points } = found;
  return {
    ...about,
    verdict: verdictOf(claim.region, interval),
    seeds,
    singles,
    points,
    signFlip: flips(claim, found),
    questions: questionsOf(prepared.arms),
    sides,
  };
}

function questionsOf(arms: readonly SeedArm[]): ClaimResult['questions'] {
  const fineTunes = arms.flatMap(({ seeds }) =>
    seeds
      .filter(({ values }) => values.length > 0)
      .map(({ values }) => new Set(values.map(({ question }) => question))),
  );
  const asked = new Set(fineTunes.flatMap((questions) => [...questions]));
  // a value by itself is over all answers
  if (arms.length < 2) return { compared: asked.size, asked: asked.size };
  const common = [...asked].filter((question) => fineTunes.every((questions) => questions.has(question)));
  return { compared: common.length, asked: asked.size };
}

/** Over common questions; where all sides ask different ones, each by itself. */
function combined({ claim: { statistic }, arms, complete, estimator }: Prepared, confidence: number): SeedCombination {
  const combine = (own: readonly SeedArm[]): SeedCombination =>
    statistic === 'mean' ? combineMeansOverSeeds(own, confidence) : combineSharesOverSeeds(own, confidence, estimator);
  const found = combine(arms);
  if (!complete || found.value !== null || found.questions > 0) return found;
  const apart = partsApart(arms, combine);
  const several = apart.map((each) => each.found.seeds).filter((seeds) => seeds > 1);
  const most = statistic === 'mean' ? 100 : 1;
  const scale: Range = apart.length < arms.length ? [-most, most] : [0, most];
  return {
    ...found,
    ...combineApart(apart, scale),
    points: [],
    seeds: Math.min(...(several.length > 0 ? several : [1])),
    singles: apart.reduce((total, each) => total + each.found.singles, 0),
  };
}

/** An interaction's two differences, where each has common questions; else every side. */
function partsApart(
  arms: readonly SeedArm[],
  combine: (arms: readonly SeedArm[]) => SeedCombination,
): { sign: 1 | -1; found: SeedCombination }[] {
  const [here, minus, beyond, beyondMinus] = arms;
  if (here && minus && beyond && beyondMinus) {
    const differences = [
      { sign: 1 as const, found: combine([here, minus]) },
      {
        sign: -1 as const,
        found: combine([
          { ...beyond, sign: 1 },
          { ...beyondMinus, sign: -1 },
        ]),
      },
    ];
    if (differences.every(({ found }) => found.value !== null)) return differences;
  }
  return arms.map(({ sign, ...arm }) => ({ sign, found: combine([{ ...arm, sign: 1 }]) }));
}

function verdictOf({ above, below }: Region, { range }: Interval): Verdict {
  if (range === null) return 'inconclusive';
  const [low, high] = range;
  if ((above === null || low >= above) && (below === null || high <= below)) return 'supported';
  if ((above !== null && high < above) || (below !== null && low > below)) return 'contradicted';
  return 'inconclusive';
}

function flips(claim: Stated, found: SeedCombination): number | null {
  const { above, below } = claim.region;
  const ends = [above, below].filter((end) => end !== null);
  const [end] = ends;
  if (claim.minus.length === 0 || ends.length !== 1 || end === undefined || found.seeds > 1) return null;
  const { itemValues, itemWeights } = found;
  if (itemValues.length < 2) return null;
  return signFlip(itemValues.map((value, index) => value - end * (itemWeights[index] as number)));
}
