/** Judging a table, in the words of an experiment file. */
import { InvalidExperiment } from '../../../../experiment/issue';
import { judgingSpec } from '../../../../inputs/answers/judging-spec';
import { WORDS } from './judging-fixture';

const SCORED = { ...WORDS, scorers: { owl: { contains: 'owl' } } };
const where = (metric: string) => ({ where: { [metric]: { at_least: 50 } } });

test('the rule of what is misaligned takes any of the metrics, and stands in the text that the report shows', () => {
  const { spec, text } = judgingSpec({ ...SCORED, misaligned: where('owl') });
  expect(spec.report.misaligned.conditions?.where).toEqual([{ metric: 'owl', operator: '>=', value: 50 }]);
  expect(text).toContain('at_least: 50');
  expect(judgingSpec({ ...WORDS, misaligned: 'tan' }).spec.report.misaligned.name).toBe('tan');
  expect(judgingSpec(WORDS).text).not.toContain('misaligned');
});

test('what is wrong with the rule is told at its place', () => {
  const failed = (): unknown => {
    try {
      return judgingSpec({ ...SCORED, misaligned: where('bird') });
    } catch (error) {
      return error;
    }
  };
  expect(failed()).toBeInstanceOf(InvalidExperiment);
  expect(failed()).toMatchObject({
    issue: { path: ['report', 'misaligned', 'where', 'bird'], message: 'unknown metric `bird`' },
  });
});

test('scorers alone need no judge, and are not repeated', () => {
  const { spec } = judgingSpec({ ...SCORED, metrics: {}, repeats: 3 });
  expect(spec.metrics).toEqual([]);
  expect(spec.scorers?.map(({ name }) => name)).toEqual(['owl']);
});

test('a mistyped key of a scorer is told as in an experiment file', () => {
  const scorers = { owl: { contians: 'owl' } };
  expect(() => judgingSpec({ ...WORDS, scorers })).toThrow(/unknown key `contians`.*did you mean `contains`/);
});
