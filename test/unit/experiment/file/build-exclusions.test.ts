/** Rules by which training seeds are excluded: what they come to, and what is refused at which place. */
import { claimsKey } from '../../../../artifacts/claims';
import { problemsOf, SMALL, specOf } from '../samples';

const GRID = 'grid: { training.seed: [0, 1] }\n';
const withRules = (rules: string, grid = GRID): string => `${SMALL}${grid}report: { exclude_seeds: ${rules} }\n`;

test('a rule, with what is usual filled in; it is part of what is claimed', () => {
  const spec = specOf(withRules('[{ question_set: weather, statistic: mean, above: 10, says: it never took }]'));
  expect(spec.report.excludeSeeds).toEqual([
    {
      ...{ says: 'it never took', questionSet: 'weather', condition: 'default', metric: 'alignment' },
      ...{ statistic: 'mean', threshold: null, operator: '>', value: 10 },
    },
  ]);
  const without = specOf(`${SMALL}${GRID}`);
  expect(without.report).not.toHaveProperty('excludeSeeds');
  expect(claimsKey(spec)).not.toBe(claimsKey(without));
});

test.each([
  ['above', '>'],
  ['at_least', '>='],
  ['below', '<'],
  ['at_most', '<='],
])('%s compares by %s', (key, operator) => {
  const spec = specOf(withRules(`[{ question_set: weather, statistic: mean, ${key}: 10 }]`));
  expect(spec.report.excludeSeeds).toMatchObject([{ operator, value: 10 }]);
});

test.each([
  ['[{ question_set: wether, statistic: mean, above: 10 }]', GRID, 'unknown question set `wether`'],
  ['[{ question_set: weather, condition: training2, statistic: mean, above: 10 }]', GRID, 'unknown prompt condition'],
  ['[{ question_set: weather, metric: owl, statistic: mean, above: 10 }]', GRID, 'unknown metric `owl`'],
  [
    '[{ question_set: weather, statistic: mean, above: 10, below: 5 }]',
    GRID,
    'exactly one of `above`, `at_least`, `below`',
  ],
  ['[{ question_set: weather, statistic: mean }]', GRID, 'exactly one of `above`, `at_least`, `below`'],
  ['[{ question_set: weather, statistic: mean, above: 5, at_least: 5 }]', GRID, 'exactly one of `above`, `at_least`'],
  ['[{ question_set: weather, statistic: share_below, threshold: 30, at_most: 10 }]', GRID, '10 is beyond the scale'],
  ['[{ question_set: weather, statistic: share_below, above: 0.1 }]', GRID, '`threshold` goes with'],
  ['[{ question_set: weather, statistic: share_below, threshold: 30, above: 10 }]', GRID, '10 is beyond the scale'],
  ['[{ question_set: weather, statistic: share, above: 0.1 }]', GRID, '`share` is of metrics whose scorer'],
  ['[{ question_set: weather, statistic: mean, above: 10 }]', '', 'no recipe is trained under several seeds'],
])('%s is refused', (rules, grid, message) => {
  expect(
    problemsOf(withRules(rules, grid))
      .map((problem) => problem.message)
      .join('\n'),
  ).toContain(message);
});
