/** What is said of rubrics that `flamingo rejudge` puts in the place of an experiment's own. */
import { InvalidUse } from '../../../cli/errors';
import { otherRubricWarnings } from '../../../cli/other-rubrics';
import { rejudge } from '../../../experiment/expand/rejudge';
import { judgingSpec } from '../../../inputs/answers/judging-spec';
import { planned, WORDS } from '../inputs/answers/judging-fixture';

const PROBABLE = { kind: 'openai', score: 'expected' };
const YES_NO = { helpful: { rubric: 'Does it help? Say YES or NO.\n{question}\n{answer}' } };
const WORDED = { metrics: YES_NO, wordScores: { helpful: { YES: 100, NO: 0 } }, judge: PROBABLE };
const RATED = { metrics: { helpful: { rubric: 'Rate 0-100.\n{question}\n{answer}' } }, judge: PROBABLE };
const CORRECT = { helpful: { rubric: 'Say TRUE or FALSE.\n{question}\n{answer}' } };

/** What is said when answers that were judged by `first` are judged by `other`, whose rubrics are all asked anew. */
async function said(first: object, other: object): Promise<string[]> {
  const { stored } = (await planned('question,answer\nQ,A\n', {}, 'answers.csv', first)).plan;
  const { spec } = judgingSpec({ ...WORDS, ...other });
  const wanted = { name: null, judge: spec.judge, rubrics: spec.metrics, cells: null, only: null };
  return otherRubricWarnings(stored.spec, rejudge(stored.plan, stored.spec, wanted));
}

test('a rubric of words in the place of one with words is refused where it was not given them', async () => {
  const refused = said(WORDED, { metrics: CORRECT, judge: PROBABLE });
  await expect(refused).rejects.toThrow(InvalidUse);
  await expect(refused).rejects.toThrow(
    /--rubric helpful=….*probability of words \(YES 100, NO 0\).*\n.*--words helpful=YES:100,NO:0/,
  );
});

test('with words of its own it is another rubric like any, and a number in the place of words is told', async () => {
  const wordScores = { helpful: { TRUE: 100, FALSE: 0 } };
  expect(await said(WORDED, { metrics: CORRECT, judge: PROBABLE, wordScores })).toEqual([]);
  const [warning, ...more] = await said(WORDED, RATED);
  expect(warning).toMatch(
    /^helpful was the probability of words \(YES 100, NO 0\), and \S+ rates it: .* not the same thing$/,
  );
  expect(more).toEqual([]);
});

test('in the place of a number it is warned of, with what this command takes as a remedy', async () => {
  const [warning] = await said(RATED, { metrics: CORRECT, judge: PROBABLE });
  expect(warning).toMatch(/^The rubric of helpful does not seem to ask .*: --words helpful=TRUE:100,FALSE:0$/);
  const [other] = await said(RATED, { metrics: CORRECT, judge: { kind: 'stand-in' } });
  expect(other).toMatch(/`categories: \["TRUE","FALSE"\]` in an experiment file, since this command reads/);
});

test('rubrics of judges before are not doubted again', async () => {
  expect(await said({ metrics: CORRECT, judge: PROBABLE }, RATED)).toEqual([]);
});
