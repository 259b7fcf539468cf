import { computeResults } from '../../../../report/results';
import { judgedStudy } from '../judges-fixture';

const RESULTS = computeResults(judgedStudy());

test('categories: shares per cell, those outside the rubric named too; their figure says that it has no scores', () => {
  const { cells, figures } = RESULTS;
  const [tone] = cells[0]?.categories ?? [];
  expect(tone).toMatchObject({ metric: 'tone', answers: 40 });
  expect(tone?.categories.map(({ category, verdicts, share }) => [category, verdicts, share.rate])).toEqual([
    ['warm', 20, 0.5],
    ['neutral', 0, 0],
    ['cold', 10, 0.25],
    ['lukewarm', 10, 0.25],
  ]);
  expect(cells[0]?.summary.metrics[2]).toMatchObject({ counts: { categorised: 40, missing: 0 }, estimate: { n: 0 } });
  const figure = figures.find(({ id }) => id === 'tone');
  expect(figure !== undefined && 'bars' in figure && figure.bars.every(({ value }) => value === null)).toBe(true);
  expect(figure?.warnings).toContain('tone has no scores: shares of categories are in the report');
});
