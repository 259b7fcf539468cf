/** The keys of scorers: what decides a score is in them, and nothing else. */
import { expand, type Inputs } from '../../../../experiment/expand/expand';
import { questionsOf } from '../../../../experiment/expand/questions';
import { scorersOf } from '../../../../experiment/expand/scorers';
import type { Plan } from '../../../../experiment/plan';
import { describeScorer } from '../../../../experiment/scorers';
import { inputs, SMALL, specOf, weather } from '../samples';

const METRICS = SMALL.slice(SMALL.indexOf('metrics:'));
const withScorer = (scorer: string, name = 'm'): string =>
  SMALL.replace(METRICS, `metrics:\n  ${name}: { scorer: ${scorer}, question_sets: [weather] }\n`);
const FILES = { 'a.py': Buffer.from('print(1)') };

function planOf(text: string, changed: Partial<Inputs> = {}): Plan {
  return expand(specOf(text), { ...inputs(), trainerFiles: FILES, ...changed }).plan;
}
const keysOf = (plan: Plan): string[] => Object.keys(plan.scorers ?? {});
const one = (text: string, changed: Partial<Inputs> = {}): string => {
  const [key, ...others] = keysOf(planOf(text, changed));
  expect(others).toEqual([]);
  return key as string;
};

test('a scorer beside judges changes no key of theirs', () => {
  const before = planOf(SMALL);
  const after = planOf(SMALL.replace('metrics:\n', 'metrics:\n  m: { scorer: { contains: blue } }\n'));
  expect(before.scorers).toBeUndefined();
  expect(after.instruments).toEqual(before.instruments);
  const own = (plan: Plan) =>
    plan.configurations.flatMap(({ cells }) =>
      cells.map(({ metrics }) => metrics.filter(({ scorer }) => scorer === undefined)),
    );
  expect(own(after)).toEqual(own(before));
  expect(after.key).not.toBe(before.key);
});

test('words, what is ignored, the pattern, its flags, the command and its files decide the key', () => {
  const keys = [
    '{ equals: [a] }',
    '{ equals: [b] }',
    '{ contains: [a] }',
    '{ contains: [a], ignore: [case] }',
    '{ matches: a }',
    '{ matches: "(?s)a" }',
    "{ command: ['{python}', a.py], files: [a.py] }",
    "{ command: ['{python}', a.py, -v], files: [a.py] }",
  ].map((scorer) => one(withScorer(scorer)));
  const otherFile = one(withScorer("{ command: ['{python}', a.py], files: [a.py] }"), {
    trainerFiles: { 'a.py': Buffer.from('print(2)') },
  });
  expect(new Set([...keys, otherFile]).size).toBe(keys.length + 1);
  const slow = one(withScorer("{ command: ['{python}', a.py], files: [a.py], timeout_seconds: 5 }"));
  expect(keys).toContain(slow);
});

describe('fields of a command', () => {
  const asked = (...answers: unknown[]) =>
    weather()
      .flatMap(questionsOf)
      .map(({ question, judgePrompts }, index) => ({
        question: { ...question, fields: { answer: answers[index % answers.length], label: 'x' } },
        judgePrompts,
      }));
  const keysWith = (fields: string, ...answers: unknown[]): string[] => {
    const { scorers } = specOf(withScorer(`{ command: ['{python}', a.py], files: [a.py]${fields} }`));
    return Object.keys(scorersOf({ scorers: scorers ?? [] }, { weather: asked(...answers) }, FILES).scorers);
  };

  test('their values decide the key, where they are named', () => {
    expect(keysWith(', fields: [answer]', 'yes')).not.toEqual(keysWith(', fields: [answer]', 'no'));
    expect(keysWith(', fields: [label]', 'yes')).toEqual(keysWith(', fields: [label]', 'no'));
    expect(keysWith('', 'yes')).toEqual(keysWith('', 'no'));
  });

  test('one that no question has is refused', () => {
    expect(() => keysWith(', fields: [mod]', 'yes')).toThrow('no question has the field `mod`');
  });
});

describe('a field of the question', () => {
  const { scorers } = specOf(withScorer('{ equals_field: answer }'));
  const keysWith = (...answers: unknown[]): string[] => {
    const questions = weather().flatMap(questionsOf);
    const asked = questions.map(({ question, judgePrompts }, index) => ({
      question: { ...question, fields: { answer: answers[index % answers.length] } },
      judgePrompts,
    }));
    return Object.keys(scorersOf({ scorers: scorers ?? [] }, { weather: asked }, {}).scorers);
  };

  test('decides the key by its value', () => {
    expect(keysWith('yes')).not.toEqual(keysWith('no'));
    expect(keysWith('yes', 'no')).not.toEqual(keysWith('no', 'yes'));
    expect(keysWith(['no', 'yes'])).toEqual(keysWith(['yes', 'no']));
    expect(keysWith(4)).toEqual(keysWith('4'));
  });

  test('is needed, as a text, a number or a list of them', () => {
    for (const wrong of [undefined, null, {}, [], ['a', {}]]) {
      expect(() => keysWith(wrong)).toThrow('the question `rain` has no text, number or list of them as `answer`');
    }
  });
});

test('in words', () => {
  const words = (scorer: string): string[] =>
    Object.values(planOf(withScorer(scorer)).scorers ?? {}).map(describeScorer);
  expect(words('{ equals: [owl, owls], ignore: [case] }')).toEqual(['equals "owl" or "owls" (ignored: case)']);
  expect(words('{ matches: "(?s)a" }')).toEqual(['matches /a/s']);
});
