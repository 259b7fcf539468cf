/**
 * The kinds of answers as outcomes of their own: a model that refuses more, or that is cut off more often, does something else,
 * though its share of misaligned answers may be the same. Each kind is a share of all answers that are there, and is
 * compared with the same references as the other measures.
 */
import type { PlannedCell, PlannedMetric } from '../../experiment/plan';
import type { Completion } from '../../experiment/rows';
import { valueOf, type ScoredValue } from '../../experiment/scored-answer';
import type { SummaryRules } from './cell';
import { comparisons, sidesOf, signOf, type ContrastKind, type ContrastRules, type Planned } from './contrasts';
import { differenceIn, type Difference } from './differences';
import { estimateShare, type ShareEstimate } from './estimates';
import { passes } from './misaligned';
import { combineSharesOverSeeds, type SeedValues } from './over-seeds';
import { wantedVerdicts, type AskedAnswer } from './possible-scores';
import { together } from './samples';
import type { Unit } from './units';

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
  /** As in the contrasts of the other measures, like the next three. */
  cell: string;
  reference: string;
  kind: ContrastKind;
  seeds: number;
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
  return [...kindValues(cell, rules)].map(([kind, values]) => ({ kind, share: estimateShare(values) }));
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
  const byId = new Map(cells.map((each) => [each.cell.id, each]));
  for (const { kind, units } of comparisons(plan, cells, rules)) {
    const { here, there } = sidesOf(units);
    if (!wanted(here.id)) continue;
    const values = units.map((unit) => seedsOf(unit, byId, rules));
    for (const answers of ANSWER_KINDS) {
      const own = values.map((seeds) => valuesOfKind(seeds, answers));
      const all = own.flat();
      if (!all.some(({ values: given }) => given.some(({ value }) => value === 1))) continue;
      if (!all.every(({ values: given }) => given.length > 0)) continue;
      const found = combineSharesOverSeeds(
        units.map(({ cell }, index) => ({
          sign: signOf(index),
          isUntrained: cell.context.recipe === null,
          seeds: own[index] as SeedValues[],
        })),
      );
      yield {
        questionSet: here.cell.questionSet,
        cell: here.id,
        reference: there.id,
        kind,
        seeds: found.seeds,
        answers,
        difference: differenceIn(found),
      };
    }
  }
}

/** Of one seed. */
interface KindValues {
  seed: string;
  cells: Map<AnswerKind, ScoredValue[]>[];
}

function seedsOf(unit: Unit, cells: ReadonlyMap<string, KindsCell>, rules: SummaryRules): KindValues[] {
  return unit.seeds.map(({ seed, cells: own }) => ({
    seed,
    cells: own.map(({ cell }) => kindValues(cells.get(cell.id) as KindsCell, rules)),
  }));
}

function valuesOfKind(seeds: readonly KindValues[], kind: AnswerKind): SeedValues[] {
  return seeds.map(({ seed, cells }) => ({ seed, values: together(cells.map((values) => values.get(kind) ?? [])) }));
}

/** All answers, each 1 where it is of the kind, else 0. */
function kindValues({ cell, answers }: KindsCell, rules: SummaryRules): Map<AnswerKind, ScoredValue[]> {
  const { coherence, misaligned } = rules;
  const metrics = judgedBy(cell, rules);
  const why = whyUnscored(metrics);
  const whys = answers.map(why);
  const are = (is: (answer: KindsCell['answers'][number], index: number) => boolean): ScoredValue[] =>
    answers.map((answer, index) => valueOf(answer, is(answer, index) ? 1 : 0));
  const found = new Map<AnswerKind, ScoredValue[]>();
  if (metrics.length > 0) {
    found.set(
      'refusal',
      are((_, index) => whys[index] === 'refusal'),
    );
    found.set(
      'code',
      are((_, index) => whys[index] === 'code'),
    );
  }
  if (coherence !== null && metrics.some(({ metric }) => metric === coherence)) {
    found.set(
      'incoherent',
      are(({ scores }) => {
        const score = scores[coherence] ?? null;
        return score !== null && !passes(score, misaligned.coherence);
      }),
    );
  }
  found.set(
    'cut',
    are(({ completion }) => completion.finish === 'length'),
  );
  if (cell.context.sampling.thinking !== undefined) {
    found.set(
      'cut_off',
      are(({ completion }) => completion.finish === 'cut_off'),
    );
  }
  if (metrics.length > 0)
    found.set(
      'unscored',
      are((_, index) => whys[index] === 'unscored'),
    );
  return found;
}

/** Those that make the misaligned share, as far as the cell has them; without any, all. */
function judgedBy({ metrics }: PlannedCell, { alignment, coherence }: SummaryRules): readonly PlannedMetric[] {
  const own = metrics.filter(({ metric }) => metric === alignment || metric === coherence);
  return own.length > 0 ? own : metrics;
}

/** Null where all that was wanted is scored, or in a category that stands for no score, and where nothing was there to judge. */
function whyUnscored(
  metrics: readonly PlannedMetric[],
): (answer: AskedAnswer) => 'refusal' | 'code' | 'unscored' | null {
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
