/**
 * How often intervals over training seeds cover the truth: each seed of a recipe moves all questions by a draw of its own, and single
 * ones by another.
 */
import { combineMeansOverSeeds, combineSharesOverSeeds, type SeedValues } from '../../report/statistics/over-seeds';
import { meanScore, moved, sample, type MadeQuestion, type Population, type Sampled } from './populations';
import type { Random } from './random';
import { ESTIMANDS, type Coverage, type Design } from './simulate';

export const SEED_MEASURES = [
  'share over seeds',
  'mean over seeds',
  'difference of shares over seeds',
  'difference of means over seeds',
] as const;
export type SeedMeasure = (typeof SEED_MEASURES)[number];

export interface SeedDesign extends Design {
  seeds: number;
  /** Standard deviation of the seeds' log-odds, and of single questions' within a seed. */
  spread: number;
  ofQuestions: number;
  /**
   * Share of questions to which a fine-tune has no answer, each by itself. Then only differences are looked at, for these questions over
   * those that all fine-tunes answered: recipes' own values are over each one's answers, whichever these are. Default: 0.
   */
  unanswered?: number;
}

const UNIVERSE = 1000;
/** Draws of the seed's effect over which a question's true share is taken. */
const DRAWS_FOR_TRUTH = 200;
const REFERENCE_ODDS = 0.25;

interface Recipe {
  questions: MadeQuestion[];
  /** Over all seeds. */
  shares: number[];
  means: number[];
}

export function coverageOverSeeds(
  random: Random,
  population: Population,
  share: number,
  design: SeedDesign,
  runs: number,
): Coverage<SeedMeasure>[] {
  const questions = population.make(random, share, UNIVERSE);
  const recipes = [1, REFERENCE_ODDS].map((odds) => recipeOf(random, questions, odds, design));
  const { unanswered = 0 } = design;
  const measures = SEED_MEASURES.filter((measure) => unanswered === 0 || measure.startsWith('difference'));
  const found = measures.flatMap((measure) =>
    ESTIMANDS.map((estimand) => ({ measure, estimand, covered: 0, absent: 0, width: 0 })),
  );
  const everything = questions.map((_, index) => index);
  for (let run = 0; run < runs; run += 1) {
    const drawn = Array.from({ length: design.questions }, () => random.integer(UNIVERSE));
    const tuned = recipes.map((recipe) => fineTunes(random, recipe, drawn, design));
    const [here, there] = tuned;
    const answered = drawn.filter((_, place) => tuned.flat().every(({ lacks }) => !lacks.has(`${place}`)));
    for (const measure of measures) {
      const isShare = measure.includes('share');
      const combine = isShare ? combineSharesOverSeeds : combineMeansOverSeeds;
      const seeds = (own: typeof here): SeedValues[] => (own ?? []).map(isShare ? hitsOf : scoresOf);
      const isDifference = measure.startsWith('difference');
      const result = combine([
        { sign: 1, seeds: seeds(here) },
        ...(isDifference ? [{ sign: -1 as const, seeds: seeds(there) }] : []),
      ]);
      for (const entry of found.filter((each) => each.measure === measure)) {
        const asked = entry.estimand === 'theseQuestions' ? answered : everything;
        const { range } = result[entry.estimand];
        const truths = recipes.map((recipe) => average(asked, isShare ? recipe.shares : recipe.means));
        const truth = (truths[0] as number) - (isDifference ? (truths[1] as number) : 0);
        if (range === null) entry.absent += 1;
        else {
          entry.covered += Number(range[0] <= truth && truth <= range[1]) / runs;
          entry.width += ((range[1] - range[0]) * (isShare ? 100 : 1)) / runs;
        }
      }
    }
  }
  return found;
}

function recipeOf(random: Random, questions: readonly MadeQuestion[], odds: number, design: SeedDesign): Recipe {
  const own = questions.map((question) => ({ ...question, share: moved(question.share, Math.log(odds)) }));
  const both = Math.hypot(design.spread, design.ofQuestions);
  const shares = own.map(({ share }) => {
    let total = 0;
    for (let draw = 0; draw < DRAWS_FOR_TRUTH; draw += 1) total += moved(share, both * random.normal());
    return total / DRAWS_FOR_TRUTH;
  });
  const means = own.map((question, index) => meanScore({ ...question, share: shares[index] as number }));
  return { questions: own, shares, means };
}

interface FineTune extends Sampled {
  seed: string;
  /** Questions without an answer. */
  lacks: ReadonlySet<string>;
}

function fineTunes(random: Random, { questions }: Recipe, drawn: readonly number[], design: SeedDesign): FineTune[] {
  return Array.from({ length: design.seeds }, (_, seed) => {
    const effect = design.spread * random.normal();
    const shareOf = ({ share }: MadeQuestion): number => moved(share, effect + design.ofQuestions * random.normal());
    const { hits, scores } = sample(random, questions, drawn, design.answers, shareOf);
    const lacks = new Set(design.unanswered === undefined ? [] : lacking(random, drawn.length, design.unanswered));
    const isThere = ({ question }: { question: string }): boolean => !lacks.has(question);
    return { seed: `${seed}`, lacks, hits: hits.filter(isThere), scores: scores.filter(isThere) };
  });
}

function lacking(random: Random, questions: number, share: number): string[] {
  return Array.from({ length: questions }, (_, place) => `${place}`).filter(() => random.uniform() < share);
}

function hitsOf({ seed, hits }: FineTune): SeedValues {
  return { seed, values: hits };
}

function scoresOf({ seed, scores }: FineTune): SeedValues {
  return { seed, values: scores };
}

function average(indices: readonly number[], values: readonly number[]): number {
  return indices.reduce((total, index) => total + (values[index] as number), 0) / indices.length;
}
