/** Log-probabilities in the report: means, errors and intervals over pairs, the base model as reference, what is missing. */
import { logProbabilityResults, type MeasuredCondition } from '../../../../report/statistics/log-probability';
import { buildFiles } from '../../../../report/build-files';
import type { ReportInput } from '../../../../report/report-input';
import { computeResults } from '../../../../report/results';
import { figuresOf } from '../../../../report/gather/measurements';
import type { PlannedPairMeasurement } from '../../../../experiment/plan';
import type { MeasuredPair } from '../../../../experiment/rows';
import { studyInput } from '../fixtures';

function pair(id: string, bad: number, good: number, tokens = 2): MeasuredPair {
  const side = (mean: number) => ({ mean, tokens, sum: mean * tokens });
  return { id, bad: side(bad), good: side(good), adapter: null };
}

const BASE = [pair('a', -2, -1), pair('b', -3, -1.5), pair('c', -2.5, -2)];
const TUNED = [pair('c', -1, -2), pair('a', -1.5, -1), pair('b', -1, -1.5)];

function input(measured: Record<string, MeasuredPair[] | null>): ReportInput {
  const whole = studyInput();
  const conditions = Object.entries(measured).map(([name, rows]): MeasuredCondition => {
    const [configuration = '', condition = ''] = name.split('/');
    return { configuration, condition, rows };
  });
  const configurations = whole.plan.configurations.map((configuration) => ({
    ...configuration,
    measurements: conditions
      .filter((each) => each.configuration === configuration.name)
      .map(({ condition }): PlannedPairMeasurement => ({
        condition,
        key: `${configuration.name} ${condition}`,
        context: {
          ...{ version: 1, model: { kind: 'bundled', name: 'tiny' }, recipe: configuration.recipeKey },
          ...{ systemPrompt: { kind: 'default' }, precision: 'fp32', pairs: 'p' },
        },
      })),
  }));
  const pairs = { bad: 'rough', good: 'birds', count: 3, sha256: 'p', rows: null };
  return { ...whole, plan: { ...whole.plan, configurations, pairs }, logProbabilities: conditions };
}

test('means, standard errors and intervals over pairs; the base model as reference, pair by pair', () => {
  const { plan, logProbabilities } = input({ 'base/default': BASE, 'em/default': TUNED });
  const [base, tuned] = logProbabilityResults(plan, logProbabilities ?? [], {});
  // differences -1, -1.5, -0.5: mean -1, sd 0.5
  expect(base?.perToken.mean).toBeCloseTo(-1, 12);
  expect(base?.perToken.standardError).toBeCloseTo(0.5 / Math.sqrt(3), 12);
  // t(0.975, 2) = 4.302653
  expect(base?.perToken.ci95.range?.[0]).toBeCloseTo(-1 - (4.302653 * 0.5) / Math.sqrt(3), 5);
  expect(base?.perAnswer.mean).toBeCloseTo(-2, 12);
  expect(base).toMatchObject({ bad: -2.5, good: -1.5, pairs: 3, againstBase: null });
  // -0.5, 0.5, 1 against -1, -1.5, -0.5
  expect(tuned?.perToken.mean).toBeCloseTo(1 / 3, 12);
  expect(tuned?.againstBase?.mean).toBeCloseTo((0.5 + 2 + 1.5) / 3, 12);
});

test('a model is not held against another one', () => {
  const { plan, logProbabilities } = input({ 'base/default': BASE, 'em/default': TUNED });
  for (const { measurements = [] } of plan.configurations.slice(1))
    for (const { context } of measurements) context.model = { kind: 'bundled', name: 'other' };
  expect(logProbabilityResults(plan, logProbabilities ?? [], {}).map(({ againstBase }) => againstBase)).toEqual([
    null,
    null,
  ]);
});

test('one pair has no error and no interval, and none has no mean', () => {
  const { plan } = input({ 'base/default': [pair('a', -2, -1)], 'em/default': null });
  const measured = [{ configuration: 'base', condition: 'default', rows: [pair('a', -2, -1)] }];
  const one = { ...plan, pairs: { ...plan.pairs, count: 1 } as NonNullable<typeof plan.pairs> };
  const [base, missing] = logProbabilityResults(one, measured, {});
  expect(base?.perToken).toEqual({ mean: -1, standardError: null, ci95: { range: null, reason: 'only one pair' } });
  expect(missing).toMatchObject({ pairs: 0, bad: null, perToken: { mean: null }, againstBase: null });
});

test('a file of other pairs than planned is refused', () => {
  const { plan } = input({ 'base/default': BASE });
  expect(() =>
    logProbabilityResults(plan, [{ configuration: 'base', condition: 'default', rows: BASE.slice(1) }], {}),
  ).toThrow('2 pairs are measured, not 3');
});

test('the report shows it: a table, JSON, CSV, and what is missing', async () => {
  const whole = input({ 'base/default': BASE, 'em/default': TUNED, 'em/training': null });
  const results = computeResults(whole);
  const files = await buildFiles(whole, results);
  const text = (path: string): string => String(files.find((file) => file.path === path)?.content);
  expect(results.missing.measurements).toBe(1);
  const html = text('report.html');
  expect(html).toContain('Log-probability of bad against good answers');
  expect(html).toContain('−1.000');
  expect(html).toContain('1 measurement missing');
  const json = JSON.parse(text('report.json')) as {
    logProbability: { pairs: object; measurements: { configuration: string; perToken: { mean: number } }[] };
  };
  expect(json.logProbability.pairs).toMatchObject({ bad: 'rough', good: 'birds', count: 3 });
  expect(json.logProbability.measurements.map(({ perToken }) => perToken.mean)).toEqual([-1, 0.333333, null]);
  expect(text('log-probability.csv').split('\n')[1]).toMatch(/^base,default,,3,3,-2.5,-1.5,-1,/);
  expect(text('log-probability-pairs.csv').split('\n')).toHaveLength(1 + 6 + 1);
  expect(figuresOf(results.logProbabilities)[1]).toMatchObject({ configuration: 'em', condition: 'default', pairs: 3 });
});

test('without pairs nothing of the report changes', async () => {
  const results = computeResults(studyInput());
  const files = await buildFiles(studyInput(), results);
  expect(results.missing).not.toHaveProperty('measurements');
  expect(files.map(({ path }) => path)).not.toContain('log-probability.csv');
  const report = String(files.find(({ path }) => path === 'report.json')?.content);
  expect(report).not.toContain('logProbability');
});
