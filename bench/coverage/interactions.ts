/**
 * How often the intervals of interactions cover the truth: what a prompt changes in one model, beyond what it changes in another, over
 * the same questions. Each cell's answers are drawn by themselves.
 */
import { combineMeans, combineShares } from '../../report/statistics/combinations';
import { meanScore, moved, sample, type MadeQuestion, type Population, type Sampled } from './populations';
import type { Random } from './random';
import { ESTIMANDS, type Coverage, type Design } from './simulate';

export const INTERACTION_MEASURES = ['interaction of shares', 'interaction of means'] as const;
export type InteractionMeasure = (typeof INTERACTION_MEASURES)[number];

/** The cells' odds of a hit, of those that a share is given for: the model with and without its prompt, then the base model. */
const CELLS = [
  { sign: 1, odds: 1 },
  { sign: -1, odds: 0.25 },
  { sign: -1, odds: 0.1 },
  { sign: 1, odds: 0.05 },
] as const;

const UNIVERSE = 2000;

interface Cell {
  sign: 1 | -1;
  questions: MadeQuestion[];
  means: number[];
}

export function coverageOfInteractions(
  random: Random,
  population: Population,
  share: number,
  design: Design,
  runs: number,
): Coverage<InteractionMeasure>[] {
  const made = population.make(random, share, UNIVERSE);
  const cells = CELLS.map(({ sign, odds }): Cell => {
    const questions = made.map((question) => ({ ...question, share: moved(question.share, Math.log(odds)) }));
    return { sign, questions, means: questions.map(meanScore) };
  });
  const found = INTERACTION_MEASURES.flatMap((measure) =>
    ESTIMANDS.map((estimand) => ({ measure, estimand, covered: 0, absent: 0, width: 0 })),
  );
  const everything = made.map((_, index) => index);
  for (let run = 0; run < runs; run += 1) {
    const drawn = Array.from({ length: design.questions }, () => random.integer(UNIVERSE));
    const answers = cells.map(({ questions }) => sample(random, questions, drawn, design.answers));
    const armsOf = (values: 'hits' | 'scores') =>
      cells.map(({ sign }, index) => ({ sign, values: (answers[index] as Sampled)[values] }));
    const intervals = {
      'interaction of shares': combineShares(armsOf('hits')),
      'interaction of means': combineMeans(armsOf('scores')),
    };
    for (const entry of found) {
      const { range } = intervals[entry.measure][entry.estimand];
      const truth = truthOf(entry.measure, entry.estimand === 'theseQuestions' ? drawn : everything, cells);
      if (range === null) entry.absent += 1;
      else {
        entry.covered += Number(range[0] <= truth && truth <= range[1]) / runs;
        entry.width += ((range[1] - range[0]) * (entry.measure === 'interaction of shares' ? 100 : 1)) / runs;
      }
    }
  }
  return found;
}

function truthOf(measure: InteractionMeasure, asked: readonly number[], cells: readonly Cell[]): number {
  let total = 0;
  for (const { sign, questions, means } of cells) {
    for (const index of asked) {
      const value = measure === 'interaction of shares' ? (questions[index] as MadeQuestion).share : (means[index] as number);
      total += sign * value;
    }
  }
  return total / asked.length;
}
