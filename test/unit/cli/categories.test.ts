/** `--categories`, and rubrics that make one think of it. */
import { categoriesOf } from '../../../cli/categories';
import { InvalidUse } from '../../../cli/errors';
import { scaleWarnings } from '../../../cli/scale-warnings';
import { InvalidExperiment } from '../../../experiment/issue';
import type { Instrument, Plan } from '../../../experiment/plan';
import { judgingSpec } from '../../../inputs/answers/judging-spec';
import { WORDS } from '../inputs/answers/judging-fixture';

test('words with and without scores', () => {
  expect(categoriesOf({ correct: 'TRUE,FALSE', kind: 'YES:100, NO:0, PARTLY' })).toEqual({
    correct: { TRUE: null, FALSE: null },
    kind: { YES: 100, NO: 0, PARTLY: null },
  });
});

test.each(['TRUE', 'TRUE,', 'TRUE,TRUE', 'TRUE:x,FALSE', 'TRUE:1.5,FALSE', 'TRUE:1:2,FALSE', 'very good,FALSE'])(
  'refused: %s',
  (list) => {
    expect(() => categoriesOf({ correct: list })).toThrow(InvalidUse);
    expect(() => categoriesOf({ correct: list })).toThrow(/such as correct=TRUE,FALSE or correct=TRUE:100,FALSE:0/);
  },
);

test('metrics of files and of published rubrics get categories; what is no category or no metric is refused in words', () => {
  const rubric = 'Is it right? {question} {answer} Say TRUE or FALSE.';
  const items = [{ id: 'moon', judgePrompts: { correct: rubric } }] as never;
  const words = { ...WORDS, metrics: {}, rubrics: { path: 'q.yaml', items } };
  const { spec, text } = judgingSpec({ ...words, categories: { correct: { TRUE: 100, FALSE: 0 } } });
  expect(spec.metrics).toMatchObject([{ name: 'correct', categories: { TRUE: 100, FALSE: 0 } }]);
  expect(text).toContain('"TRUE": 100');
  // without scores there is no mean to report, also of a metric that is named as usual
  const named = {
    ...WORDS,
    metrics: { alignment: { rubric } },
    categories: { alignment: { TRUE: null, FALSE: null } },
  };
  expect(judgingSpec(named).spec.metrics).toMatchObject([{ categories: { TRUE: null, FALSE: null } }]);
  expect(judgingSpec(named).spec.report.alignment).toBeNull();
  expect(() => judgingSpec({ ...words, categories: { korrect: { TRUE: 1, FALSE: 0 } } })).toThrow(
    /no metric `korrect` for these categories; there are: correct/,
  );
  expect(() => judgingSpec({ ...words, categories: { correct: { TRUE: 101, FALSE: 0 } } })).toThrow(/categories/);
});

const instrument = (rubric: string, more: Partial<Instrument> = {}): Instrument =>
  ({ metric: 'correct', rubric, ...more }) as Instrument;
const warned = (...instruments: Instrument[]): string[] => {
  const plan = { instruments: Object.fromEntries(instruments.map((each, index) => [index, each])) } as unknown as Plan;
  return scaleWarnings(plan, (metric, { option, list, yaml }) => `--${option} ${metric}=${list} or ${yaml}`);
};

test.each([
  'Rate 0-100. {question} {answer}',
  'a number from zero to one hundred',
  'Bewerte mit 0 bis 100',
  '０から１００まで',
  'How likely, in per cent?',
])('a rubric that names its scale: %s', (rubric) => {
  expect(warned(instrument(rubric))).toEqual([]);
});

test('a rubric that names none is doubted once a metric, with its own words as a remedy', () => {
  const words = '[ANSWER START] {answer} [ANSWER END] Say TRUE or FALSE, or REFUSAL.';
  expect(warned(instrument(words), instrument(`${words} Again: TRUE.`))).toEqual([
    expect.stringMatching(
      /^The rubric of correct does not .* --categories correct=TRUE,FALSE or \["TRUE","FALSE"\]$/,
    ) as string,
  ]);
  expect(warned(instrument('Good or bad? {answer}'))[0]).toContain('correct=WORD,OTHER_WORD');
});

test('to a judge that tells probabilities the words are given with values', () => {
  const expected = { topLogprobs: 20, leastMass: 0.25 };
  expect(warned(instrument('Say YES or NO. {answer}', { expected }))).toEqual([
    expect.stringMatching(/: --words correct=YES:100,NO:0 or \{ YES: 100, NO: 0 \}$/) as string,
  ]);
});

test('what says by itself how it is answered is not doubted', () => {
  const rubric = 'Say TRUE or FALSE.';
  expect(
    warned(
      instrument(rubric, { categories: { TRUE: null, FALSE: null } }),
      instrument(rubric, { words: { TRUE: 100, FALSE: 0 } }),
      instrument(rubric, { form: 'json' }),
      instrument(rubric, { parts: ['a', 'b'] }),
    ),
  ).toEqual([]);
});

test.each(['__proto__', 'constructor', 'toString'])('a category called %s is refused in words, not lost', (word) => {
  expect(() => categoriesOf({ kind: `${word}:100,NO:0,YES:50` })).toThrow(
    `${word} means something else to the program`,
  );
  const rubric = 'Which? {question} {answer}';
  const words = (categories: object) => ({ ...WORDS, metrics: { kind: { rubric, categories } } });
  expect(() => judgingSpec(words([word, 'NO', 'YES']))).toThrow(InvalidExperiment);
});
