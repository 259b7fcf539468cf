/** Metrics that are scored without a model: what they come to, and what is refused at which place. */
import { problemsOf, SMALL, specOf } from '../samples';

const METRICS = SMALL.slice(SMALL.indexOf('metrics:'));
/** The small experiment with other metrics; its `metrics:` stands in line 20. */
const withMetrics = (metrics: string, rest = ''): string => SMALL.replace(METRICS, `metrics:\n  ${metrics}\n${rest}`);
const places = (text: string): string[] =>
  problemsOf(text).map(({ line, column, message }) => `${line}:${column} ${message}`);

test('the order of words and of what is ignored has no part in it', () => {
  const one = specOf(withMetrics('m: { scorer: { equals: [owls, owl, owl], ignore: [final-stop, case] } }'));
  const other = specOf(withMetrics('m: { scorer: { equals: [owl, owls], ignore: [case, final-stop] } }'));
  expect(one.scorers).toEqual(other.scorers);
  expect(one.scorers).toEqual([
    {
      name: 'm',
      questionSets: null,
      scorer: { kind: 'equals', words: ['owl', 'owls'], ignore: ['case', 'final-stop'] },
    },
  ]);
  expect(one.metrics).toEqual([]);
});

test('the figures are made of a scorer where nothing else is there', () => {
  const { report } = specOf(withMetrics('m: { scorer: { contains: blue } }'));
  expect(report.figures.map(({ metric }) => metric)).toEqual(['m', 'm']);
  expect([report.alignment, report.coherence]).toEqual([null, null]);
});

test('a command has its files and its limit', () => {
  const text = withMetrics(
    "m: { scorer: { command: ['{python}', a.py], files: [b.py, a.py] }, question_sets: [weather] }",
  );
  expect(specOf(text).scorers).toEqual([
    {
      name: 'm',
      questionSets: ['weather'],
      scorer: { kind: 'command', command: ['{python}', 'a.py'], files: ['a.py', 'b.py'], timeoutSeconds: 600 },
    },
  ]);
});

test('a command’s fields are a set', () => {
  const [{ scorer } = { scorer: null }] =
    specOf(withMetrics('m: { scorer: { command: [a], fields: [mod, answer, mod] } }')).scorers ?? [];
  expect(scorer).toMatchObject({ kind: 'command', fields: ['answer', 'mod'] });
});

const JUDGED = 'j: { rubric: "Rate {answer}." }';
const SCORED = 'm: { scorer: { contains: blue } }';

test.each([
  ['m: { scorer: { contains: blue }, rubric: "{answer}" }', '', '21:16 give exactly one of `rubric`, `scorer`'],
  ['m: { question_sets: [weather] }', '', '21:6 one of `rubric`, `scorer` is needed'],
  ['m: { scorer: { contains: blue, equals: blue } }', '', '21:28 give exactly one of `equals`, `contains`'],
  ['m: { scorer: { contains: [] } }', '', '21:'],
  ['m: { scorer: { contains: blue }, repeats: 3 }', '', '21:45 `repeats` goes with a rubric'],
  ['m: { scorer: { contains: blue }, categories: [A, B] }', '', '21:48 `categories` goes with a rubric'],
  ['m: { scorer: { contains: blue }, judge_sees: asked }', '', '21:48 `judge_sees` goes with a rubric'],
  ['m: { scorer: { contains: blue }, system: x }', '', '`system` goes with a rubric'],
  ['m: { scorer: { contains: blue, files: [a.py] } }', '', '21:41 `files` goes with `command` only'],
  ['m: { scorer: { contains: blue, fields: [a] } }', '', '21:42 `fields` goes with `command` only'],
  ['m: { scorer: { command: [a], ignore: [case] } }', '', '21:40 `ignore` goes with'],
  ['m: { scorer: { matches: "(blue" } }', '', '21:27 not a regular expression'],
  ['m: { scorer: { matches: blue, ignore: [final-stop] } }', '', '21:41 `final-stop` does not go with `matches`'],
  ['m: { scorer: { contains: blue }, question_sets: [wether] }', '', '21:52 unknown question set `wether`'],
  [`${JUDGED}\n  ${SCORED}`, 'combined: [j, m]\n', '23:15 `m` has a scorer: no judge is asked for it'],
  [`${JUDGED}\n  ${SCORED}`, 'judges: { o: { kind: stand-in, metrics: [m] } }\n', '23:42 `m` has a scorer'],
  [SCORED, 'judges: { o: { kind: stand-in } }\n', '22:9 no metric is judged'],
  [SCORED, 'calibration: { bad: { dataset: birds, rows: 2 } }\n', '22:14 no metric is judged'],
])('%s %s is refused', (metrics, rest, expected) => {
  expect(places(withMetrics(metrics, rest)).join('\n')).toContain(expected);
});

test('a share is of metrics that say yes or no', () => {
  const expectation = (metric: string): string =>
    `expect: [{ cells: base/weather/default, statistic: share, metric: ${metric}, at_most: 0.5 }]\n`;
  const both = `${JUDGED}\n  ${SCORED}`;
  expect(problemsOf(withMetrics(both, expectation('m')))).toEqual([]);
  expect(places(withMetrics(both, expectation('j'))).join()).toContain(
    '`share` is of metrics whose scorer says yes or no',
  );
});
