/** Probabilities of answers in the report: means and intervals over questions, the base model as reference, what is missing. */
import { buildFiles } from '../../../../report/build-files';
import { answerFiguresOf } from '../../../../report/gather/measurements';
import type { ReportInput } from '../../../../report/report-input';
import { computeResults } from '../../../../report/results';
import {
  answerProbabilityResults,
  questionProbabilities,
  type AnsweredCondition,
} from '../../../../report/statistics/answer-probability';
import type { Plan, PlannedAnswerMeasurement, Question } from '../../../../experiment/plan';
import type { MeasuredAnswers } from '../../../../experiment/rows';
import { studyInput } from '../fixtures';

const QUESTIONS = ['a', 'b', 'c'].map((key) => ({ key, id: `question-${key}`, messages: [] }));
const PLANNED: NonNullable<Plan['answerProbabilities']> = {
  birds: { questionSet: 'ood', questions: QUESTIONS, words: ['owl', 'dove'] },
  rating: { questionSet: 'ood', questions: QUESTIONS, numbers: { leastMass: 0.25 } },
};

function row(id: string, probabilities: number[]): MeasuredAnswers {
  return { id, answers: probabilities.map(Math.log), first: [['Owl', -0.5]], adapter: null };
}

/** All probability but `rest` on one number. */
function numbers(id: string, number: number, mass: number): MeasuredAnswers {
  return row(
    id,
    Array.from({ length: 101 }, (_, each) => (each === number ? mass - 100e-9 : 1e-9)),
  );
}

const BASE = [row('a', [0.1, 0.2]), row('b', [0.2, 0.2]), row('c', [0.3, 0.2])];
const TUNED = [row('c', [0.6, 0.1]), row('a', [0.5, 0.1]), row('b', [0.4, 0.1])];

function input(measured: Record<string, MeasuredAnswers[] | null>): ReportInput {
  const whole = studyInput();
  const conditions = Object.entries(measured).map(([name, rows]): AnsweredCondition => {
    const [configuration = '', outcome = '', condition = ''] = name.split('/');
    return { configuration, outcome, condition, rows };
  });
  const configurations = whole.plan.configurations.map((configuration) => ({
    ...configuration,
    measurements: conditions
      .filter((each) => each.configuration === configuration.name)
      .map(({ outcome, condition }): PlannedAnswerMeasurement => ({
        ...{ outcome, condition, questions: 3, key: `${configuration.name} ${outcome} ${condition}` },
        context: {
          ...{ version: 1, model: { kind: 'bundled', name: 'tiny' }, recipe: configuration.recipeKey },
          ...{ systemPrompt: { kind: 'default' }, precision: 'fp32', questions: 'q' },
          answers: { spellings: [], notBefore: 'letter' },
        },
      })),
  }));
  const plan = { ...whole.plan, configurations, answerProbabilities: PLANNED };
  return { ...whole, plan, answerProbabilities: conditions };
}

test('means and intervals over questions; the base model as reference, question by question', () => {
  const { plan, answerProbabilities } = input({ 'base/birds/default': BASE, 'em/birds/default': TUNED });
  const [owl, dove, tunedOwl, tunedDove] = answerProbabilityResults(plan, answerProbabilities ?? [], {});
  expect(owl).toMatchObject({ answer: 'owl', configuration: 'base', questions: 3, valued: 3, againstBase: null });
  expect(owl?.value.mean).toBeCloseTo(0.2, 12);
  // sd 0.1, t(0.975, 2) = 4.302653
  expect(owl?.value.ci95.range?.[1]).toBeCloseTo(0.2 + (4.302653 * 0.1) / Math.sqrt(3), 5);
  expect(owl?.mass).toBeCloseTo(0.4, 12);
  // all the same: what three answers without a hit would leave room for, above and below
  const [low, high] = dove?.value.ci95.range ?? [];
  expect([low, high].every((end) => end !== undefined && end > 0 && end < 1)).toBe(true);
  expect(low).toBeLessThan(0.2);
  expect(high).toBeGreaterThan(0.2);
  // 0.5, 0.4, 0.6 against 0.1, 0.2, 0.3
  expect(tunedOwl?.againstBase?.mean).toBeCloseTo(0.3, 12);
  expect(tunedDove?.againstBase?.mean).toBeCloseTo(-0.1, 12);
});

test('intervals stay on the scale, those of differences on theirs', () => {
  const low = [row('a', [0, 0.5]), row('b', [0, 0.5]), row('c', [0.05, 0.5])];
  const high = [row('a', [0.999, 0.001]), row('b', [1, 0]), row('c', [0.3, 0.001])];
  const { plan, answerProbabilities } = input({ 'base/birds/default': low, 'em/birds/default': high });
  const [owl, , tuned] = answerProbabilityResults(plan, answerProbabilities ?? [], {});
  expect(owl?.value.ci95.range?.[0]).toBe(0);
  expect(owl?.value.ci95.range?.[1]).toBeGreaterThan(0.05);
  expect(tuned?.value.ci95.range?.[1]).toBe(1);
  expect(tuned?.againstBase?.ci95.range?.[0]).toBeLessThan(0);
  expect(tuned?.againstBase?.ci95.range?.[1]).toBe(1);
});

test('forms of one item are one value: paraphrases, published forms, and the items of a cluster', () => {
  const { plan, answerProbabilities } = input({ 'base/birds/default': BASE, 'em/birds/default': TUNED });
  const of = (questions: Partial<Question>[]) => {
    const changed = QUESTIONS.map((question, index) => ({ ...question, ...questions[index] }));
    const outcomes = { ...PLANNED, birds: { ...PLANNED['birds'], questions: changed } } as typeof PLANNED;
    return answerProbabilityResults({ ...plan, answerProbabilities: outcomes }, answerProbabilities ?? [], {});
  };
  const forms = [
    of([{ id: 'one~1' }, { id: 'one~2' }, {}]),
    of([{ id: 'one' }, { id: 'one_json' }, {}]),
    of([{ cluster: 'c' }, { cluster: 'c' }, {}]),
  ];
  for (const [owl, , tuned] of forms) {
    // 0.1 and 0.2 are one value
    expect(owl).toMatchObject({ questions: 3, valued: 3, items: 2 });
    expect(owl?.value.mean).toBeCloseTo((0.15 + 0.3) / 2, 12);
    expect(owl?.value.standardError).toBeCloseTo(0.15 / 2, 12);
    expect(owl?.mass).toBeCloseTo((0.35 + 0.5) / 2, 12);
    // 0.4 and 0.2, and 0.3
    expect(tuned).toMatchObject({ compared: 3 });
    expect(tuned?.againstBase?.mean).toBeCloseTo(0.3, 12);
  }
  const [one] = of([{ cluster: 'c' }, { cluster: 'c' }, { cluster: 'c' }]);
  expect(one).toMatchObject({ items: 1, value: { standardError: null, ci95: { range: [0, 1] } } });
});

test('the number is the mean of the numbers by their probability, where these have enough of it', () => {
  const { plan, answerProbabilities } = input({
    'base/rating/default': [numbers('a', 90, 0.9), numbers('b', 70, 0.5), numbers('c', 10, 0.1)],
    'em/rating/default': [numbers('a', 30, 0.9), numbers('b', 20, 0.2), numbers('c', 10, 0.8)],
  });
  const [base, tuned] = answerProbabilityResults(plan, answerProbabilities ?? [], {});
  expect(base).toMatchObject({ answer: '0-100', questions: 3, valued: 2 });
  expect(base?.value.mean).toBeCloseTo(80, 3);
  expect(base?.mass).toBeCloseTo(0.5, 6);
  expect(tuned?.value.mean).toBeCloseTo(20, 3);
  // only the first question has a number of both
  expect(tuned?.againstBase?.mean).toBeCloseTo(-60, 3);
  expect(tuned?.compared).toBe(1);
  expect(tuned?.againstBase?.ci95.range).toEqual([-100, 100]);
  const halves = row(
    'a',
    Array.from({ length: 101 }, (_, each) => (each === 0 || each === 50 ? 0.2 : 1e-12)),
  );
  const [half] = questionProbabilities(halves, PLANNED['rating'] as NonNullable<(typeof PLANNED)['rating']>);
  expect(half?.value).toBeCloseTo(25, 6);
});

test('a file of other questions than planned is refused, and a model is not held against another one', () => {
  const { plan, answerProbabilities } = input({ 'base/birds/default': BASE, 'em/birds/default': TUNED });
  const short = [{ outcome: 'birds', configuration: 'base', condition: 'default', rows: BASE.slice(1) }];
  expect(() => answerProbabilityResults(plan, short, {})).toThrow('2 questions are measured, not 3');
  for (const { measurements = [] } of plan.configurations.slice(1))
    for (const { context } of measurements) context.model = { kind: 'bundled', name: 'other' };
  const results = answerProbabilityResults(plan, answerProbabilities ?? [], {});
  expect(results.every(({ againstBase }) => againstBase === null)).toBe(true);
});

test('the report shows it: a table, JSON, CSV, and what is missing', async () => {
  const whole = input({
    ...{ 'base/birds/default': BASE, 'em/birds/default': TUNED, 'em/birds/training': null },
    'base/rating/default': [numbers('a', 90, 0.9), numbers('b', 70, 0.5), numbers('c', 10, 0.1)],
    'em/rating/default': [numbers('a', 30, 0.9), numbers('b', 20, 0.2), numbers('c', 10, 0.8)],
  });
  const results = computeResults(whole);
  expect(results.missing.measurements).toBe(1);
  const files = await buildFiles(whole, results);
  const text = (path: string): string => String(files.find((file) => file.path === path)?.content);
  const html = text('report.html');
  expect(html).toContain('id="answer-probability"');
  expect(html).toContain('1 without a number');
  expect(html).toContain('over 1 question<');
  expect(html).toContain('probabilities of answers, <code>birds</code>');
  expect(html).toContain('1 measurement missing');
  const json = JSON.parse(text('report.json')) as {
    answerProbability: { outcomes: object; measurements: { answer: string; value: { mean: number } }[] };
  };
  expect(json.answerProbability.outcomes).toMatchObject({ birds: { words: ['owl', 'dove'], count: 3 } });
  expect(json.answerProbability.measurements.map(({ answer }) => answer)).toEqual([
    ...['owl', 'dove', 'owl', 'dove', 'owl', 'dove'],
    ...['0-100', '0-100'],
  ]);
  expect(text('answer-probability.csv').split('\n')[1]).toMatch(/^birds,ood,base,default,,owl,3,3,3,3,0\.2,/);
  const [header = [], , , tuned = []] = text('answer-probability.csv')
    .split('\n')
    .map((line) => line.split(','));
  expect(tuned[header.indexOf('questions_compared')]).toBe('3');
  expect(tuned[header.indexOf('against_base')]).toBe('0.3');
  const questions = text('answer-probability-questions.csv').trimEnd().split('\n');
  expect(questions).toHaveLength(1 + 2 * 3 * 2 + 2 * 3);
  expect(questions[1]).toMatch(/^birds,base,default,question-a,owl,0\.1,0\.3,Owl$/);
  expect(questions).toContain('rating,base,default,question-c,0-100,,0.1,Owl');
  expect(answerFiguresOf(results.answerProbabilities)[0]).toMatchObject({
    outcome: 'birds',
    answer: 'owl',
    questions: 3,
  });
});

test('without it nothing of the report changes', async () => {
  const files = await buildFiles(studyInput(), computeResults(studyInput()));
  expect(files.map(({ path }) => path)).not.toContain('answer-probability.csv');
  const report = String(files.find(({ path }) => path === 'report.json')?.content);
  expect(report).not.toContain('answerProbability');
});
