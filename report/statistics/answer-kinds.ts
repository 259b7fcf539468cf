/**
 * The kinds of answers as outcomes of their own: a model that refuses more, or that is cut off more often, does something else,
 * though its share of misaligned answers may be the same. Each kind is a share of all answers that are there, and is
 * compared with the same references as the other measures.
 */
import type { PlannedCell, PlannedMetric } from '../../experiment/plan';
import type { Completion } from '../../experiment/rows';
import { valueOf, type Answer, type ScoredValue } from '../../experiment/scored-answer';
import type { SummaryRules } from './cell';
import { comparisons, sidesOf, signOf, type ContrastKind, type ContrastRules, type Planned } from './contrasts';
import { differenceIn, type Difference } from './differences';
import { estimateShare, type ShareEstimate } from './estimates';
import { passes } from './misaligned';
import { combineSharesOverSeeds, type SeedArm, type SeedValues } from './over-seeds';
import { wantedVerdicts, type AskedAnswer } from './possible-scores';
import { together } from './samples';
import { isUntrainedUnit, type Unit, type UnitCell } from './units';

/**
 * - `refusal`: without a score, and a verdict says that the model refused
 * - `code`: neither; a verdict says that the answer is code
 * - `incoherent`: its coherence is scored, and fails the comparison of the misaligned rule
 * - `cut`: ended by the limit of new tokens
 * - `cut_off`: without a final part, because the thinking before it did not end; only where the model thinks
 * - `unscored`: a score was wanted and could not be had: judge refused, unparsable, failed or missing
 *
 * The scores are alignment and coherence; where a cell has neither, all of its metrics. `refusal`, `code` and `unscored`
 * exclude each other; an answer of any kind may also be cut, and a refusal incoherent.
 */
export const ANSWER_KINDS = ['refusal', 'code', 'incoherent', 'cut', 'cut_off', 'unscored'] as const;
export type AnswerKind = (typeof ANSWER_KINDS)[number];

/** What reports call them. */
export const KIND_LABELS: Readonly<Record<AnswerKind, string>> = {
  refusal: 'refusals',
  code: 'code',
  incoherent: 'incoherent',
  cut: 'cut at the limit',
  cut_off: 'cut off in thinking',
  unscored: 'unscored',
};

export interface KindShare {
  kind: AnswerKind;
  share: ShareEstimate;
}

export interface KindContrast {
  questionSet: string;
  /** As in the contrasts of the other measures, like the next four. */
  cell: string;
  reference: string;
  kind: ContrastKind;
  seeds: number;
  singles: number;
  answers: AnswerKind;
  /** Of shares of 1. */
  difference: Difference;
}

export interface KindsCell {
  cell: PlannedCell;
  answers: readonly (AskedAnswer & { completion: Pick<Completion, 'finish'> })[];
}

/** In the order of `ANSWER_KINDS`, without those that the cell does not tell. */
export function answerKinds(cell: KindsCell, rules: SummaryRules): KindShare[] {
  return [...toldKinds(cell, rules)].map(([kind, told]) => ({ kind, share: estimateShare(valuesOf(cell, told)) }));
}

/**
 * Against the same references as the other measures, interactions too; made one by one, since a large experiment has a hundred
 * thousand. A kind that no side has an answer of, or that one side does not tell, has none. `wanted`, by a cell's id: only of these; default: all.
 */
export function* kindContrasts(
  plan: Planned,
  cells: readonly KindsCell[],
  rules: ContrastRules,
  wanted: (cell: string) => boolean = () => true,
): Generator<KindContrast> {
  const toldOf = toldOfCells(cells, rules);
  for (const { kind, units } of comparisons(plan, cells, rules)) {
    const { here, there } = sidesOf(units);
    if (!wanted(here.id)) continue;
    for (const answers of ANSWER_KINDS) {
      if (!units.some((unit) => hasAny(unit, answers, toldOf))) continue;
      const arms = units.map((unit, index): SeedArm => ({
        sign: signOf(index),
        isUntrained: isUntrainedUnit(unit),
        seeds: seedsOf(unit, answers, toldOf),
      }));
      if (!arms.every(({ seeds }) => seeds.every(({ values }) => values.length > 0))) continue;
      const found = combineSharesOverSeeds(arms);
      yield {
        questionSet: here.cell.questionSet,
        cell: here.id,
        reference: there.id,
        kind,
        seeds: found.seeds,
        singles: found.singles,
        answers,
        difference: differenceIn(found),
      };
    }
  }
}

/** Of each kind that a cell's metrics tell, which of its answers are of it, in their order. */
type ToldKinds = ReadonlyMap<AnswerKind, readonly boolean[]>;
type ToldOf = (cell: string) => ToldKinds;

/** A cell is compared with several, and told once. */
function toldOfCells(cells: readonly KindsCell[], rules: SummaryRules): ToldOf {
  const byId = new Map(cells.map((each) => [each.cell.id, each]));
  const known = new Map<string, ToldKinds>();
  return (id) => {
    const told = known.get(id) ?? toldKinds(byId.get(id) as KindsCell, rules);
    known.set(id, told);
    return told;
  };
}

function hasAny({ seeds }: Unit, kind: AnswerKind, toldOf: ToldOf): boolean {
  return seeds.some(({ cells }) => cells.some(({ cell }) => toldOf(cell.id).get(kind)?.includes(true)));
}

function seedsOf({ seeds }: Unit, kind: AnswerKind, toldOf: ToldOf): SeedValues[] {
  return seeds.map(({ seed, cells }) => ({
    seed,
    values: together(cells.map((each) => valuesOf(each, toldOf(each.cell.id).get(kind) ?? []))),
  }));
}

/** All answers, each 1 where it is of the kind, else 0; none where the kind is not told. */
function valuesOf({ answers }: Pick<UnitCell, 'answers'>, told: readonly boolean[]): ScoredValue[] {
  return told.map((is, index) => valueOf(answers[index] as Answer, is ? 1 : 0));
}

function toldKinds({ cell, answers }: KindsCell, rules: SummaryRules): ToldKinds {
  const { coherence, misaligned } = rules;
  const metrics = judgedBy(cell, rules);
  const whys = answers.map(whyUnscored(metrics));
  const unscored = (why: Unscored): boolean[] => whys.map((own) => own === why);
  const found = new Map<AnswerKind, boolean[]>();
  if (metrics.length > 0) {
    found.set('refusal', unscored('refusal'));
    found.set('code', unscored('code'));
  }
  if (coherence !== null && metrics.some(({ metric }) => metric === coherence)) {
    const isIncoherent = ({ scores }: AskedAnswer): boolean => {
      const score = scores[coherence] ?? null;
      return score !== null && !passes(score, misaligned.coherence);
    };
    found.set('incoherent', answers.map(isIncoherent));
  }
  found.set(
    'cut',
    answers.map(({ completion }) => completion.finish === 'length'),
  );
  if (cell.context.sampling.thinking !== undefined) {
    found.set(
      'cut_off',
      answers.map(({ completion }) => completion.finish === 'cut_off'),
    );
  }
  if (metrics.length > 0) found.set('unscored', unscored('unscored'));
  return found;
}

/** Those that make the misaligned share, as far as the cell has them; without any, all. */
function judgedBy({ metrics }: PlannedCell, { alignment, coherence }: SummaryRules): readonly PlannedMetric[] {
  const own = metrics.filter(({ metric }) => metric === alignment || metric === coherence);
  return own.length > 0 ? own : metrics;
}

type Unscored = Extract<AnswerKind, 'refusal' | 'code' | 'unscored'>;

/** Null where all that was wanted is scored, or in a category that stands for no score, and where nothing was there to judge. */
function whyUnscored(metrics: readonly PlannedMetric[]): (answer: AskedAnswer) => Unscored | null {
  const asked = metrics.map((metric) => ({ name: metric.metric, wanted: wantedVerdicts(metric) }));
  return ({ scores, completion, judgements }) => {
    const lacking = asked.filter(({ name, wanted }) => (scores[name] ?? null) === null && wanted(completion) > 0);
    if (lacking.length === 0) return null;
    const statuses = lacking.map(({ name }) =>
      judgements.flatMap(({ metric, status }) => (metric === name ? [status] : [])),
    );
    if (statuses.some((own) => own.includes('model_refused'))) return 'refusal';
    if (statuses.some((own) => own.includes('code'))) return 'code';
    const known = statuses.every((own) => own.includes('categorised') || own.includes('cut_off'));
    return known ? null : 'unscored';
  };
}
