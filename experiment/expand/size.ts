/**
 * How large an experiment may be. A plan holds every cell, and whoever makes or judges a cell holds each of its completions, so
 * a number that is mistyped by some digits is refused before any of them is in memory.
 */
import { NUMBERS } from './answer-probabilities';
import { conditionsOf } from '../conditions';
import { InvalidExperiment } from '../issue';
import { MAIN_JUDGE } from '../main-judge';
import type { PlannedMetric } from '../plan';
import type { QuestionSetSpec, Spec } from '../spec';
import { writtenName } from '../written-name';

export const SIZE_LIMITS = {
  /** Questions of all sets together. */
  questions: 1_000_000,
  /** Configurations × question sets × conditions × evaluated steps. */
  cells: 100_000,
  /** Samples × questions of one cell. */
  completionsOfACell: 1_000_000,
  /** Completions of all cells. */
  completions: 10_000_000,
  /** Completions × repeats, of every metric and judge of one cell: a JavaScript map of them ends at 2^24. */
  judgementsOfACell: 16_000_000,
  /** The same of all cells. */
  judgements: 50_000_000,
  /** Words (or the numbers from 0 to 100) × questions, and pairs, of every measurement. */
  measured: 10_000_000,
  /** Words of every measurement, each of which the report has a row for. */
  measuredWords: 300_000,
};

/** `questions`: of each set. Throws `InvalidExperiment`. */
export function checkSize(
  spec: Spec,
  questions: Readonly<Record<string, number>>,
  metricsOf: (set: string) => readonly PlannedMetric[],
): void {
  const total = { cells: 0, completions: 0, judgements: 0 };
  const sets = Object.entries(questions).map(([name, asked]) => {
    // requests for one sample of every question
    const requests = (metrics: readonly PlannedMetric[]): number =>
      metrics.reduce((sum, { instrumentOf, repeats }) => sum + Object.keys(instrumentOf).length * repeats, 0);
    const metrics = metricsOf(name);
    return {
      ...{ name, asked, set: spec.questionSets[name] as QuestionSetSpec },
      judgements: requests(metrics),
      alongTraining: requests(metrics.filter(({ judge }) => judge === MAIN_JUDGE)),
    };
  });
  for (const configuration of spec.configurations) {
    const steps = configuration.evaluateAt?.steps.length ?? 0;
    for (const { name, asked, set, judgements, alongTraining } of sets) {
      const own = configuration.samples?.[name];
      const samples = own ?? set.samples;
      refuseAbove(
        'completionsOfACell',
        asked * samples,
        own === undefined
          ? ['question_sets', name, 'samples']
          : ['configurations', writtenName(configuration), 'samples', name],
        `completions in each of its cells (${number(samples)} samples × ${number(asked)} questions)`,
      );
      refuseAbove(
        'judgementsOfACell',
        samples * judgements,
        ['metrics'],
        `judgements in each cell of ${name} (samples × questions × repeats of every metric and judge)`,
      );
      const conditions = conditionsOf(configuration, set).length;
      total.cells += conditions * (1 + steps);
      total.completions += conditions * (1 + steps) * asked * samples;
      total.judgements += conditions * samples * (judgements + steps * alongTraining);
    }
  }
  const configurations = number(spec.configurations.length);
  const of = `of ${configurations} configurations × ${sets.length} question sets × their conditions and evaluated steps`;
  refuseAbove('cells', total.cells, ['configurations'], `cells (${of})`);
  refuseAbove('completions', total.completions, ['configurations'], `completions (samples × questions, ${of})`);
  refuseAbove(
    'judgements',
    total.judgements,
    ['metrics'],
    `judgements (samples × questions × repeats of every metric and judge, ${of})`,
  );
}

/** `questions`: of each set; `pairs`: whose log-probabilities are measured. Throws `InvalidExperiment`. */
export function checkMeasured(spec: Spec, questions: Readonly<Record<string, number>>, pairs: number): void {
  const total = { values: 0, words: 0 };
  for (const configuration of spec.configurations) {
    total.values += pairs === 0 ? 0 : pairs * conditionsOf(configuration).length;
    for (const { questionSet, answers } of Object.values(spec.answerProbabilities ?? {})) {
      const conditions = conditionsOf(configuration, spec.questionSets[questionSet]).length;
      const [words, values] =
        answers.kind === 'words' ? [answers.words.length, answers.words.length] : [1, NUMBERS.length];
      total.words += conditions * words;
      total.values += conditions * values * (questions[questionSet] ?? 0);
    }
  }
  const of = `of ${number(spec.configurations.length)} configurations × their conditions`;
  const hint = 'measure fewer words, questions or pairs, or make several experiments of it';
  const what = `values to be measured (words or numbers × questions, and pairs, ${of})`;
  refuseAbove('measured', total.values, ['outcomes'], what, hint);
  refuseAbove('measuredWords', total.words, ['outcomes'], `words to be measured (${of})`, hint);
}

/** For what is declared only: as many questions may not be made up, either. Throws `InvalidExperiment`. */
export function checkQuestionCount(questions: number): void {
  refuseAbove('questions', questions, ['question_sets'], 'questions');
}

function refuseAbove(
  limit: keyof typeof SIZE_LIMITS,
  found: number,
  path: readonly string[],
  what: string,
  hint = 'ask fewer samples or questions, or make several experiments of it',
): void {
  const most = SIZE_LIMITS[limit];
  if (found <= most) return;
  throw new InvalidExperiment(path, `this asks for ${number(found)} ${what}; there may be ${number(most)}`, hint);
}

function number(value: number): string {
  return value.toLocaleString('en');
}
