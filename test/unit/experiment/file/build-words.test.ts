/** Metrics whose score is the probability of words: what they come to, and what is refused at which place. */
import { expand } from '../../../../experiment/expand/expand';
import { withJudge } from '../../../../experiment/file/build-judges';
import { checkAskedForWords } from '../../../../experiment/file/build-words';
import type { Instrument } from '../../../../experiment/plan';
import { inputs, problemsOf, SMALL, specOf } from '../samples';

const METRICS = SMALL.slice(SMALL.indexOf('metrics:'));
const OPENAI = 'judge: { kind: openai, score: expected }\n';
const CLAUDE = 'judge: { kind: claude }\n';
const LOCAL = 'judge: { kind: local, bundled: smollm2-135m-instruct }\n';
/** The words stand in line 21. */
const worded = (words: string, judge = OPENAI, rubric = 'YES or NO? {question} {answer}'): string =>
  SMALL.replace(METRICS, `metrics:\n  cites: { rubric: "${rubric}", ${words} }\n${judge}`);
const YES_NO = worded('words: { YES: 100, NO: 0 }');

const places = (text: string): string[] =>
  problemsOf(text).map(({ line, column, message }) => `${line}:${column} ${message}`);
const instruments = (text: string): Instrument[] => Object.values(expand(specOf(text), inputs()).plan.instruments);
const keys = (text: string): string[] => Object.keys(expand(specOf(text), inputs()).plan.instruments);

test('they are a metric of scores like any other, and part of the instrument', () => {
  expect(specOf(YES_NO).metrics[0]).toMatchObject({ words: { YES: 100, NO: 0 }, categories: null });
  expect(specOf(YES_NO).report.figures[0]?.metric).toBe('cites');
  expect(instruments(YES_NO)).toMatchObject([
    {
      metric: 'cites',
      words: { YES: 100, NO: 0 },
      expected: { topLogprobs: 20, leastMass: 0.25 },
      maxTokens: 1,
      verdicts: [],
    },
  ]);
  const local = instruments(worded('words: { YES: 100, NO: 0 }', LOCAL));
  expect(local).toMatchObject([{ judge: 'local', words: { YES: 100, NO: 0 }, expected: { leastMass: 0.02 } }]);
  expect(instruments(worded('verdicts: []'))[0]).not.toHaveProperty('words');
});

test('each value makes another key, and the order of the words none', () => {
  const changed = [
    worded('verdicts: []'),
    YES_NO,
    worded('words: { YES: 0, NO: 100 }'),
    worded('words: { YES: 99.5, NO: 0 }'),
    worded('words: { YES: 100, No: 0 }'),
  ];
  expect(new Set(changed.flatMap(keys)).size).toBe(changed.length);
  expect(keys(worded('words: { NO: 0, YES: 100 }'))).toEqual(keys(YES_NO));
});

test('numbers are words, and need not be named one by one', () => {
  const scale = worded('words: { 1: 0, 2: 25, 3: 50, 4: 75, 5: 100 }', OPENAI, 'From 1 to 5? {question} {answer}');
  expect(instruments(scale)[0]?.words).toEqual({ 1: 0, 2: 25, 3: 50, 4: 75, 5: 100 });
});

test('a verdict word that the rubric names is left out where a token of it might be one of the words', () => {
  const rubric = 'CODE, YES, NO or REFUSAL? {question} {answer}';
  expect(instruments(worded('words: { YES: 100, NO: 0 }', OPENAI, rubric))[0]?.verdicts).toEqual(['CODE', 'REFUSAL']);
  expect(instruments(worded('words: { CODE: 100, NO: 0 }', OPENAI, rubric))[0]?.verdicts).toEqual(['REFUSAL']);
});

test.each([
  ['words: { YES: 100 }', 'at least two words are needed'],
  ['words: { YES: 100, NO: 100 }', 'all words stand for the same score'],
  ['words: { YES: 1, NO: 0 }', 'all values lie within 0-1'],
  ['words: { YES: 0.5, NO: 0 }', 'all values lie within 0-1'],
  ['words: { YES: 101, NO: 0 }', 'must be at most 100'],
  ['words: { YES: -1, NO: 0 }', 'must be at least 0'],
  ['words: { YES: null, NO: 0 }', 'expected a number'],
  ['words: [YES, NO]', 'expected'],
  ['words: { YES: 100, "two words": 0 }', 'this is one word of letters'],
  ['words: { YES: 100, constructor: 0 }', 'means something else'],
  ['words: { YES: 100, NONO: 0 }', 'the rubric does not name `NONO`'],
  ['words: { NO: 100, no: 0 }', '`NO` and `no` begin alike'],
  ['words: { YES: 100, N: 0 , NO: 50 }', '`N` and `NO` begin alike'],
  ['words: { YES: 100, NO: 0 }, categories: [YES, NO]', 'give `words` or `categories`'],
])('%s is refused', (words, expected) => {
  const found = problemsOf(worded(words));
  expect(found.map(({ line, message }) => `${line} ${message}`)).toEqual([expect.stringContaining(`21 `)]);
  expect(found[0]?.message).toContain(expected);
});

test('more words than tokens are told are refused, and words with a scorer or a preset', () => {
  const many = Array.from({ length: 21 }, (_, index) => `w${String(index).padStart(2, '0')}: ${index}`).join(', ');
  expect(places(worded(`words: { ${many} }`))).toEqual([expect.stringContaining('at most 20 words')]);
  const scored = SMALL.replace(METRICS, 'metrics:\n  m: { scorer: { contains: x }, words: { YES: 100, NO: 0 } }\n');
  expect(places(scored)).toEqual([expect.stringContaining('`words` goes with a rubric')]);
  const preset = SMALL.replace(
    METRICS,
    `metrics:\n  alignment: { rubric: { preset: hardened }, words: { YES: 100, NO: 0 } }\n${OPENAI}`,
  );
  expect(places(preset)).toEqual([expect.stringContaining('the presets ask for a number')]);
});

test('a verdict word that a token does not tell from a word is refused at its place', () => {
  expect(places(worded('words: { YES: 100, NO: 0 }, verdicts: [CODE]'))).toEqual([]);
  const [problem, ...more] = problemsOf(
    worded('words: { CODE: 100, NO: 0 }, verdicts: [REFUSAL, CODE]', OPENAI, 'CODE or NO? {question} {answer}'),
  );
  expect(more).toEqual([]);
  expect(problem?.message).toBe('one token does not tell `CODE` from the word `CODE`');
  expect(problem?.sourceLine.slice((problem.column ?? 0) - 1)).toMatch(/^CODE\]/);
});

test.each([
  [CLAUDE, '`kind: openai` with `score: expected`, or of `kind: local`'],
  ['judge: { kind: stand-in }\n', '`kind: openai` with `score: expected`, or of `kind: local`'],
  ['judge: { kind: openai }\n', 'ask a judge of `score: expected`'],
])('a judge that writes text is refused where the words stand: %s', (judge, hint) => {
  const [problem, ...more] = problemsOf(worded('words: { YES: 100, NO: 0 }', judge));
  expect(more).toEqual([]);
  expect(problem).toMatchObject({
    line: 21,
    message: '`cites` is the probability of words, and `judge` is read by what it writes',
    hint: expect.stringContaining(hint) as string,
  });
  expect(problem?.sourceLine.slice((problem.column ?? 0) - 1)).toMatch(/^\{ YES|^words/);
});

test('a further judge that writes text judges the other metrics only', () => {
  const two = YES_NO.replace('metrics:\n', 'metrics:\n  clear: { rubric: "Clear? {question} {answer}" }\n');
  expect(problemsOf(`${two}judges: { other: { model: claude-haiku-5-5 } }\n`)).toMatchObject([
    {
      message: '`cites` is the probability of words, and `judges.other` is read by what it writes',
      hint: expect.stringContaining('`judges.NAME.metrics`') as string,
    },
  ]);
  expect(problemsOf(`${two}judges: { other: { model: claude-haiku-5-5, metrics: [clear] } }\n`)).toEqual([]);
});

test('a judge that takes the place of the file’s is refused too, before anything is made', () => {
  const spec = specOf(YES_NO);
  expect(() => checkAskedForWords(spec)).not.toThrow();
  expect(() => checkAskedForWords(withJudge(spec, 'local'))).not.toThrow();
  for (const kind of ['claude', 'stand-in'] as const) {
    expect(() => checkAskedForWords(withJudge(spec, kind))).toThrow(
      expect.objectContaining({ issue: expect.objectContaining({ path: ['metrics', 'cites', 'words'] }) }),
    );
    expect(() => expand(withJudge(spec, kind), inputs())).toThrow(/is read by what it writes/);
  }
});

test('they are not judged together with others', () => {
  const text = SMALL.replace(
    METRICS,
    `metrics:
  alignment: { rubric: { preset: hardened } }
  cites: { rubric: "YES or NO?", form: json, words: { YES: 100, NO: 0 } }
combined: [alignment, cites]
judges: { probable: { kind: openai, score: expected, metrics: [cites] } }
${OPENAI}`,
  );
  expect(places(text)).toContain(
    '23:23 `cites` is the probability of words; one request for several metrics asks for whole numbers',
  );
});
