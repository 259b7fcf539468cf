/**
 * How often intervals cover the truth: experiments are drawn from a population whose truth is known, and every interval of
 * report/statistics is computed as a report does it.
 */
import { differenceOfMeans, differenceOfShares } from '../../report/statistics/differences';
import { estimateMean, estimateShare, type Clustered, type TwoIntervals } from '../../report/statistics/estimates';
import { forQuestionsLikeThese, forTheseQuestions, type Ranges, type Sampled } from './candidates';
import { meanScore, moved, sample, type MadeQuestion, type Population, type Sampled as Answers } from './populations';
import type { Random } from './random';

export const MEASURES = ['share', 'mean', 'difference of shares', 'difference of means'] as const;
export type Measure = (typeof MEASURES)[number];
export const ESTIMANDS = ['theseQuestions', 'questionsLikeThese'] as const;
export type Estimand = (typeof ESTIMANDS)[number];

export interface Design {
  questions: number;
  answers: number;
}

/** Of one measure and estimand. */
export interface Coverage<M extends string = Measure> {
  measure: M;
  estimand: Estimand;
  /** Share of the runs whose interval holds the truth. */
  covered: number;
  /** Runs without an interval. */
  absent: number;
  /** Mean width, in points of 100. */
  width: number;
  /** Other methods by their names, where some were tried. */
  others?: Record<string, Pick<Coverage, 'covered' | 'width'>>;
}

/** Questions that stand for all that could be asked. */
const UNIVERSE = 2000;

/** The reference of a difference has this share of the hits' odds. */
const REFERENCE_ODDS = 0.25;

interface Side {
  questions: MadeQuestion[];
  meanScores: number[];
}

export function coverage(random: Random, population: Population, share: number, design: Design, runs: number): Coverage[] {
  const here = sideOf(population.make(random, share, UNIVERSE));
  const reference = sideOf(here.questions.map(easier));
  const found = MEASURES.flatMap((measure) =>
    ESTIMANDS.map((estimand): Coverage & Required<Pick<Coverage, 'others'>> => ({
      ...{ measure, estimand, covered: 0, absent: 0, width: 0 },
      others: {},
    })),
  );
  const everything = here.questions.map((_, index) => index);
  for (let run = 0; run < runs; run += 1) {
    const drawn = Array.from({ length: design.questions }, () => random.integer(UNIVERSE));
    const { intervals, candidates } = intervalsOf(random, drawn, [here, reference], design.answers);
    for (const entry of found) {
      const asked = entry.estimand === 'theseQuestions' ? drawn : everything;
      const { range } = intervals[entry.measure][entry.estimand];
      const truth = truthOf(entry.measure, asked, here, reference);
      const points = entry.measure.includes('share') ? 100 : 1;
      for (const [name, [low, high]] of Object.entries(candidates[entry.measure][entry.estimand])) {
        const other = (entry.others[name] ??= { covered: 0, width: 0 });
        other.covered += Number(low <= truth && truth <= high) / runs;
        other.width += ((high - low) * points) / runs;
      }
      if (range === null) entry.absent += 1;
      else {
        entry.covered += Number(range[0] <= truth && truth <= range[1]) / runs;
        entry.width += ((range[1] - range[0]) * points) / runs;
      }
    }
  }
  return found;
}

function sideOf(questions: MadeQuestion[]): Side {
  return { questions, meanScores: questions.map(meanScore) };
}

function easier({ share, base }: MadeQuestion): MadeQuestion {
  return { share: moved(share, Math.log(REFERENCE_ODDS)), base };
}

function intervalsOf(
  random: Random,
  drawn: readonly number[],
  sides: readonly [Side, Side],
  answers: number,
): { intervals: Record<Measure, TwoIntervals>; candidates: Record<Measure, Record<Estimand, Ranges>> } {
  const [here, there] = sides.map(({ questions }) => sample(random, questions, drawn, answers)) as [Answers, Answers];
  const byQuestion = (values: readonly Clustered[]): number[][] =>
    drawn.map((_, place) => values.slice(place * answers, (place + 1) * answers).map(({ value }) => value));
  const others = (own: readonly Clustered[], reference: readonly Clustered[] | null, isShare: boolean) => {
    const sampled: Sampled = { here: byQuestion(own), there: reference === null ? null : byQuestion(reference) };
    const most = isShare ? 1 : 100;
    const scale: [number, number] = [reference === null ? 0 : -most, most];
    return {
      theseQuestions: forTheseQuestions(sampled, isShare, scale),
      questionsLikeThese: forQuestionsLikeThese(random, sampled, isShare, scale),
    };
  };
  return {
    intervals: {
      share: estimateShare(here.hits),
      mean: estimateMean(here.scores),
      'difference of shares': differenceOfShares(here.hits, there.hits),
      'difference of means': differenceOfMeans(here.scores, there.scores),
    },
    candidates: {
      share: others(here.hits, null, true),
      mean: others(here.scores, null, false),
      'difference of shares': others(here.hits, there.hits, true),
      'difference of means': others(here.scores, there.scores, false),
    },
  };
}

function truthOf(measure: Measure, asked: readonly number[], here: Side, reference: Side): number {
  const average = (valueOf: (index: number) => number): number =>
    asked.reduce((total, index) => total + valueOf(index), 0) / asked.length;
  const shareIn = ({ questions }: Side): number => average((index) => (questions[index] as MadeQuestion).share);
  const meanIn = ({ meanScores }: Side): number => average((index) => meanScores[index] as number);
  switch (measure) {
    case 'share':
      return shareIn(here);
    case 'mean':
      return meanIn(here);
    case 'difference of shares':
      return shareIn(here) - shareIn(reference);
    case 'difference of means':
      return meanIn(here) - meanIn(reference);
  }
}
