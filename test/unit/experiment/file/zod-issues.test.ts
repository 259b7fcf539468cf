/** What is said where a key has a shape that it can not have: the remedy names the shape that was meant. */
import { problemsOf, SMALL } from '../samples';

const METRICS = SMALL.slice(SMALL.indexOf('metrics:'));
const ROWS = 'system_prompt: default, rows: { where: { kind: { contain: misaligned } } } }';

test.each([
  [
    'samples of a configuration as one number',
    SMALL.replace('base: { train: none }', 'base: { train: none, samples: 25 }'),
    'say of which question set: `samples: { SET: 25 }`',
  ],
  [
    'a word in place of a list',
    `${SMALL}outcomes: { answer_probability: { bird: { question_set: weather, words: owl } } }\n`,
    'as a list: `[owl]`',
  ],
  [
    'a list of one text with a comma in it',
    `${SMALL}outcomes: { answer_probability: { bird: { question_set: weather, words: "barn, owl" } } }\n`,
    'as a list: `["barn, owl"]`',
  ],
  [
    'the command of a scorer as one text',
    `${SMALL}  bird: { scorer: { command: python x.py } }\n`,
    'as a list: `[python, x.py]`',
  ],
  [
    'the command of a hand-off, with what YAML reads as something else',
    `${SMALL}handoffs: { suite: { command: "{python}  run.py --limit 5 --name 'a b' --on=true #1" } }\n`,
    'as a list: `["{python}", run.py, --limit, "5", --name, a b, --on=true, "#1"]`',
  ],
  [
    'the command of a trainer as one text',
    `${SMALL}training: { backend: { command: "{python} train.py" } }\n`,
    'as a list: `["{python}", train.py]`',
  ],
  [
    'words of a metric without scores',
    SMALL.replace(METRICS, 'metrics:\n  m: { rubric: "{question} {answer}", words: [YES, NO] }\n'),
    'give each word its score, 0-100: `words: { YES: 100, NO: 0 }`',
  ],
  ['a mistyped key of rows', SMALL.replace('system_prompt: default }', ROWS), 'did you mean `contains`?'],
])('%s', (_, text, hint) => {
  expect(problemsOf(text).map((problem) => problem.hint)).toContain(hint);
});
