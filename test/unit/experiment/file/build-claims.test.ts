/** Claims, expectations and references of an experiment file: defaults, seeds by their recipe's name, and what is refused. */
import { problemsOf, SMALL, specOf } from '../samples';

const GRID = 'grid: { training.seed: [0, 1] }\n';

function claim(lines: string): string {
  const indented = lines
    .trim()
    .split('\n')
    .map((line) => `    ${line.trim()}`);
  return `claims:\n  narrow:\n${indented.join('\n')}\n`;
}

const CELLS = 'cells: coded/weather/default\nminus: plain/weather/default\n';

test('a claim with its defaults', () => {
  expect(specOf(SMALL + claim(`${CELLS}direction: less`)).claims).toEqual([
    {
      id: 'narrow',
      says: '',
      cells: ['coded/weather/default'],
      minus: ['plain/weather/default'],
      beyond: { cells: [], minus: [] },
      metric: 'alignment',
      statistic: 'misaligned_share',
      threshold: null,
      test: 'superiority',
      direction: 'less',
      margin: 0,
      questions: 'like_these',
      family: 'claims',
    },
  ]);
  expect(specOf(SMALL).claims).toBeUndefined();
});

test('a recipe’s name stands for all of its seeds, in claims, expectations and references', () => {
  const expectation = 'expect:\n  - { cells: plain/weather/default, statistic: mean, at_least: 1 }\n';
  const references = 'report: { references: { em: plain } }\n';
  const spec = specOf(SMALL + GRID + claim(`${CELLS}direction: less`) + expectation + references);
  expect(spec.claims?.[0]?.cells).toEqual(['coded.seed-0/weather/default', 'coded.seed-1/weather/default']);
  expect(spec.expect[0]?.cells).toEqual(['plain.seed-0/weather/default', 'plain.seed-1/weather/default']);
  expect(spec.report.references).toEqual({ em: ['plain.seed-0', 'plain.seed-1'] });
  const single =
    SMALL + GRID + claim('cells: coded.seed-1/weather/default\nminus: base/weather/default\ndirection: less');
  expect(specOf(single).claims?.[0]?.cells).toEqual(['coded.seed-1/weather/default']);
});

test.each([
  [
    'no cell',
    'cells: codde/weather/default\nminus: plain/weather/default\ndirection: less',
    'there is no cell `codde/weather/default`',
  ],
  ['no reference', 'cells: coded/weather/default\ndirection: less', '`minus` is missing'],
  ['no direction', CELLS, '`superiority` needs `direction: less` or `direction: more`'],
  ['no margin', `${CELLS}test: equivalence`, '`equivalence` needs a `margin` of more than 0'],
  [
    'a direction too many',
    `${CELLS}test: equivalence\nmargin: 0.05\ndirection: less`,
    '`equivalence` has no direction',
  ],
  ['percent for a share', `${CELLS}test: equivalence\nmargin: 5`, 'a margin of 5 is no less than the whole scale'],
  [
    'a cell named twice',
    `${CELLS.replace('coded/weather/default', '[coded/weather/default, coded/weather/default]')}direction: less`,
    'the cell `coded/weather/default` is named twice',
  ],
  [
    'a comparison with itself',
    'cells: coded/weather/default\nminus: [coded/weather/default]\ndirection: less',
    '`minus` names the same cells as `cells`',
  ],
  ['an unknown metric', `${CELLS}direction: less\nstatistic: mean\nmetric: alignmnt`, 'unknown metric `alignmnt`'],
  [
    'a threshold too many',
    `${CELLS}direction: less\nthreshold: 30`,
    '`threshold` goes with `statistic: share_below`, and only with it',
  ],
  ['half an interaction', `${CELLS}direction: less\nbeyond: { cells: base/weather/default }`, '`minus` is missing'],
])('%s is refused at its place', (_, lines, message) => {
  const problems = problemsOf(SMALL + claim(lines));
  expect(problems.map((problem) => problem.message)).toEqual([expect.stringContaining(message)]);
  const first = SMALL.split('\n').length; // the line of `claims:`
  expect(problems[0]?.line).toBeGreaterThan(first);
});

test('a misaligned share that nobody judges is refused', () => {
  const text = SMALL.replace(/  coherence:[\s\S]*$/, '') + claim(`${CELLS}direction: less`);
  expect(problemsOf(text)[0]?.message).toContain(
    'the misaligned share needs a metric for alignment and one for coherence',
  );
});

test.each([
  ['share_below, threshold: 30', 'at_least: 85', '85 is beyond the scale of `share_below`'],
  ['misaligned_share', 'at_most: -0.1', '-0.1 is beyond the scale of `misaligned_share`'],
  ['mean', 'at_least: 101', '101 is beyond the scale of `mean`'],
])('an expectation of %s %s is refused', (statistic, bound, message) => {
  const text = `${SMALL}expect:\n  - { cells: plain/weather/default, statistic: ${statistic}, ${bound} }\n`;
  expect(problemsOf(text).map((problem) => problem.message)).toEqual([message]);
  expect(problemsOf(text.replace(bound, 'at_least: 0.5'))).toEqual([]);
});

test('a reference that is no configuration is refused', () => {
  expect(problemsOf(`${SMALL}report: { references: { em: plane } }\n`)[0]).toMatchObject({
    message: 'there is no configuration `plane`',
  });
});
