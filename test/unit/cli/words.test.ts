/** `--words`, in `flamingo judge` and `rejudge`. */
import { InvalidUse } from '../../../cli/errors';
import { wordScoresOf } from '../../../cli/words';
import { judgingSpec } from '../../../inputs/answers/judging-spec';
import { WORDS } from '../inputs/answers/judging-fixture';

test('words with their values', () => {
  expect(wordScoresOf({ cites: 'YES:100,NO:0', scale: '1:0, 2:33.5 ,3 : 100' })).toEqual({
    cites: { YES: 100, NO: 0 },
    scale: { 1: 0, 2: 33.5, 3: 100 },
  });
  expect(wordScoresOf({})).toEqual({});
});

test.each(['YES', 'YES,NO', 'YES:100,', 'YES:100,YES:0', 'YES:x,NO:0', 'YES:1:2,NO:0', 'YES:-1,NO:0', 'so so:1,NO:0'])(
  'refused: %s',
  (list) => {
    expect(() => wordScoresOf({ cites: list })).toThrow(InvalidUse);
    expect(() => wordScoresOf({ cites: list })).toThrow(/--words cites=.*such as cites=YES:100,NO:0/);
  },
);

test('a name that a map loses is refused', () => {
  expect(() => wordScoresOf({ cites: 'constructor:100,NO:0' })).toThrow(/means something else/);
});

test('metrics of files and of published rubrics get words; a judge that writes text, and no metric, are refused', () => {
  const rubric = 'Does it cite? {question} {answer} Say YES or NO.';
  const judge = { kind: 'openai', score: 'expected' };
  const items = [{ id: 'moon', judgePrompts: { cites: rubric } }] as never;
  const wordScores = { cites: { YES: 100, NO: 0 } };
  const published = { ...WORDS, metrics: {}, rubrics: { path: 'q.yaml', items }, judge, wordScores };
  expect(judgingSpec(published).spec.metrics).toMatchObject([{ name: 'cites', words: { YES: 100, NO: 0 } }]);
  const own = { ...WORDS, metrics: { cites: { rubric } }, judge, wordScores };
  const { spec, text } = judgingSpec(own);
  expect(spec.metrics).toMatchObject([{ words: { YES: 100, NO: 0 } }]);
  expect(text).toContain('words:');
  expect(() => judgingSpec({ ...own, judge: WORDS.judge })).toThrow(/is the probability of words/);
  expect(() => judgingSpec({ ...own, wordScores: { sites: { YES: 100, NO: 0 } } })).toThrow(
    /no metric `sites` for these words; there are: cites/,
  );
  expect(() => judgingSpec({ ...own, wordScores: { cites: { YES: 101, NO: 0 } } })).toThrow(/words/);
  expect(() => judgingSpec({ ...own, categories: { cites: { YES: 100, NO: 0 } } })).toThrow(/`words` or `categories`/);
});
