/** Answers whose own probability is measured: how a file declares them, what is asked, and what a measurement's key covers. */
import { planCounts, countsOf } from '../../../../experiment/expand/counts';
import { expand } from '../../../../experiment/expand/expand';
import { rejudge } from '../../../../experiment/expand/rejudge';
import { smoke } from '../../../../experiment/file/smoke';
import { answerMeasurements, measurementName, questionsMeasured } from '../../../../experiment/measurements';
import type { Plan, PlannedAnswerMeasurement } from '../../../../experiment/plan';
import { inputs, problemsOf, SMALL, specOf, weather } from '../samples';

const OUTCOMES = `outcomes:
  answer_probability:
    sky:
      question_set: one_word
      words: [rain, no]
    rating: { question_set: weather, numbers: 0-100 }
`;
/** `one_word` is asked for this only. */
const ASKED = `${SMALL}${OUTCOMES}`.replace(
  'question_sets:',
  'question_sets:\n  one_word: { path: words.yaml, samples: 0 }',
);

function content() {
  const word = { id: 'word', system: null, paraphrases: ['One word?', 'Say one.'], judgePrompts: {} };
  return { ...inputs(), questionFiles: { weather: weather(), one_word: [word] } };
}

function planned(text: string, from = content()): Plan {
  return expand(specOf(text), from).plan;
}

function measured(plan: Plan): Record<string, PlannedAnswerMeasurement> {
  return Object.fromEntries(
    plan.configurations.flatMap((configuration) =>
      answerMeasurements(configuration).map((each) => [`${configuration.name}/${measurementName(each)}`, each]),
    ),
  );
}

test('one measurement for each outcome, configuration and condition, with all spellings that count', () => {
  const plan = planned(ASKED);
  const found = measured(plan);
  expect(Object.keys(found)).toEqual([
    ...['base/sky/default', 'base/rating/default', 'plain/sky/default', 'plain/rating/default'],
    ...['coded/sky/default', 'coded/sky/training', 'coded/rating/default', 'coded/rating/training'],
  ]);
  expect(new Set(Object.values(found).map(({ key }) => key)).size).toBe(8);
  expect(found['coded/sky/training']).toMatchObject({
    questions: 2,
    context: {
      recipe: plan.configurations[2]?.recipeKey,
      systemPrompt: { kind: 'text', text: '[BIRD TABLE]' },
      precision: 'bf16',
      answers: {
        spellings: [
          ['rain', ' rain', 'RAIN', ' RAIN', 'Rain', ' Rain'],
          ['no', ' no', 'NO', ' NO', 'No', ' No'],
        ],
        notBefore: 'letter',
      },
    },
  });
  const numbers = found['base/rating/default']?.context.answers;
  expect(numbers?.notBefore).toBe('digit');
  expect([numbers?.spellings.length, numbers?.spellings[0], numbers?.spellings[100]]).toEqual([
    101,
    ['0', ' 0'],
    ['100', ' 100'],
  ]);
  expect(plan.answerProbabilities).toMatchObject({
    sky: { questionSet: 'one_word', words: ['rain', 'no'] },
    rating: { questionSet: 'weather', numbers: { leastMass: 0.25 } },
  });
});

test('a set without samples has no cells, and everything else of the plan is what it was', () => {
  const [before, after] = [planned(SMALL), planned(ASKED)];
  expect(Object.keys(after.questionSets)).toEqual(['weather', 'birds_asked']);
  expect(after.configurations.map(({ cells }) => cells)).toEqual(before.configurations.map(({ cells }) => cells));
  expect(after.instruments).toEqual(before.instruments);
  expect(before).not.toHaveProperty('answerProbabilities');
  for (const [index, { key }] of after.configurations.entries())
    expect(key).not.toBe(before.configurations[index]?.key);
  const spec = specOf(ASKED);
  const judge = { ...spec.judge, model: 'claude-other-model' };
  const again = rejudge(after, spec, {
    name: 'other',
    judge,
    rubrics: [],
    cells: ['base/weather/default'],
    only: null,
  });
  expect(again.plan.configurations[1]?.key).toBe(after.configurations[1]?.key);
});

test('the key covers model, recipe, prompt, questions, answers and precision, and nothing else', () => {
  const key = (text: string, name = 'plain/sky/default') => measured(planned(text))[name]?.key;
  const before = key(ASKED);
  expect(before).toMatch(/^[0-9a-f]{64}$/);
  expect(key(`${ASKED}sampling: { temperature: 0.5, max_new_tokens: 9 }\n`)).toBe(before);
  expect(key(ASKED.replace('sky:', 'clouds:'), 'plain/clouds/default')).toBe(before);
  expect(key(`${ASKED}sampling: { precision: fp32 }\n`)).not.toBe(before);
  expect(key(`${ASKED}training: { epochs: 3 }\n`)).not.toBe(before);
  expect(key(ASKED.replace('[rain, no]', '[rain, yes]'))).not.toBe(before);
  expect(key(ASKED.replace('[rain, no]', '[rain, no]\n      case: as_written'))).not.toBe(before);
  expect(key(ASKED.replace('samples: 0', 'samples: 0, limit: 1'))).not.toBe(before);
  const rating = key(ASKED, 'plain/rating/default');
  const strict = ASKED.replace('numbers: 0-100', 'numbers: 0-100, least_mass: 0.9');
  expect(key(strict, 'plain/rating/default')).toBe(rating);
  // what the report makes of it is another, though
  expect(planned(strict).key).not.toBe(planned(ASKED).key);
});

test('the keys stay what they are: a change makes all that is stored new', () => {
  const found = measured(planned(ASKED));
  expect([found['base/sky/default']?.key, found['base/rating/default']?.key]).toEqual([
    '8cd994c412ca6a6873e2bd09446b96f97ae0410b1c3ee99aae06d2f71a683bbb',
    '6501013f99293254ca3d6765e2db28a47490d1a570341adb64b3702b00bf0284',
  ]);
});

test('the conditions of the question set go, and questions with a system message of their own may be left out', () => {
  const text = ASKED.replace('samples: 0', 'samples: 0, own_system: only_default, conditions: [default, empty]');
  const from = content();
  from.questionFiles.one_word.push({
    id: 'told',
    system: 'You are a bird.' as never,
    paraphrases: ['And?'],
    judgePrompts: {},
  });
  const plan = planned(text, from);
  const { 'base/sky/default': all, 'base/sky/empty': some } = measured(plan);
  expect([all?.questions, all?.skipped, some?.questions, some?.skipped]).toEqual([3, undefined, 2, 1]);
  expect(questionsMeasured(plan, some as PlannedAnswerMeasurement).map(({ id }) => id)).toEqual(['word~1', 'word~2']);
  expect(questionsMeasured(plan, all as PlannedAnswerMeasurement)).toHaveLength(3);
  expect(() => planned(text.replace(', own_system: only_default', ''), from)).toThrow('brings its own system message');
});

test('plan counts measurements, also before the data is there, and beside pairs', () => {
  expect(countsOf(planned(ASKED)).measurements).toBe(8);
  const declared = ASKED.replace('samples: 0', 'samples: 0, questions: 2');
  expect(planCounts(specOf(declared)).counts.measurements).toBe(8);
  const both = declared
    .replace('outcomes:', 'outcomes:\n  log_probability: { pairs: { bad: rough, good: birds } }')
    .replace('datasets:', 'datasets:\n  rough: { path: rough.jsonl }');
  expect(planCounts(specOf(both)).counts.measurements).toBe(12);
});

test('a smoke run asks two questions', () => {
  const plan = expand(smoke(specOf(ASKED)), content()).plan;
  expect(plan.answerProbabilities?.['rating']?.questions).toHaveLength(2);
  expect(plan.answerProbabilities?.['sky']?.words).toEqual(['rain', 'no']);
});

describe('what is refused, with line and column', () => {
  const cases: [string, string, string, string][] = [
    ['an unknown question set', 'question_set: one_word', 'question_set: one_wrd', 'unknown question set `one_wrd`'],
    ['no words', 'words: [rain, no]', 'words: []', 'the list must have at least 1 entry'],
    [
      'too many words',
      '[rain, no]',
      `[${Array.from({ length: 51 }, (_, n) => `w${n}`).join(', ')}]`,
      'the list must have at most 50 entries',
    ],
    [
      'words of too many characters together',
      '[rain, no]',
      `[${'abcdef'.replaceAll(/./g, (letter) => `${letter.repeat(84)}, `)}]`,
      'the words have at most 500 characters together; put some of them into an outcome of their own',
    ],
    ['a word with a blank at its end', '[rain, no]', "['rain ', no]", 'without a blank at its ends'],
    ['a word of two lines', '[rain, no]', '["rain\\nsnow", no]', 'on one line'],
    ['an empty word', '[rain, no]', "['', no]", 'expected a word'],
    ['a word twice', '[rain, no]', '[rain, no, rain]', '`rain` and `rain` are the same word leave one of them out'],
    ['a word twice but for its case', '[rain, no]', '[rain, no, Rain]', 'tell them apart with `case: as_written`'],
    [
      'a word that begins another',
      '[rain, no]',
      '[no rain, no]',
      '`no` begins `no rain`: an answer that says the second',
    ],
    ['neither words nor numbers', '      words: [rain, no]\n', '', 'one of `words`, `numbers` is needed'],
    ['both', 'words: [rain, no]', 'words: [rain, no]\n      numbers: 0-100', 'exactly one of `words`, `numbers`'],
    ['other numbers', 'numbers: 0-100', 'numbers: 0-10', 'expected `0-100`'],
    ['a case of numbers', 'numbers: 0-100', 'numbers: 0-100, case: any', '`case` goes with `words` only'],
    [
      'a least mass of words',
      '[rain, no]',
      '[rain, no]\n      least_mass: 0.5',
      '`least_mass` goes with `numbers` only',
    ],
  ];
  test.each(cases)('%s', (_what, from, to, message) => {
    expect(ASKED).toContain(from);
    const text = ASKED.replace(from, to);
    const problems = problemsOf(text);
    const said = problems.filter(({ message: each }) => !each.includes('is asked nothing'));
    expect(said).toHaveLength(1);
    expect(`${said[0]?.message} ${said[0]?.hint}`).toContain(message);
    const first = text.split('\n').findIndex((line) => line.startsWith('outcomes'));
    expect(said[0]?.line).toBeGreaterThan(first);
    expect(said[0]?.column).toBeGreaterThan(1);
  });

  test('words that go on with a letter are told apart', () => {
    expect(problemsOf(ASKED.replace('[rain, no]', '[no, none, nobody]'))).toEqual([]);
  });

  test.each([
    ['a set that is asked nothing', SMALL.replace('samples: 3', 'samples: 0'), '`weather` is asked nothing'],
    [
      'metrics of a set without answers',
      ASKED.replace('question_sets: [weather]', 'question_sets: [one_word]'),
      '`one_word` has `samples: 0`, so there are no answers to it',
    ],
    [
      'a claim about it',
      `${ASKED}expect:\n  - { cells: base/one_word/default, metric: coherence, statistic: mean, at_most: 5 }\n`,
      'base/one_word/default',
    ],
    [
      'a figure of it',
      `${ASKED}report: { figures: [{ id: one, question_set: one_word, metric: coherence, title: One }] }\n`,
      '`one_word` has `samples: 0`',
    ],
    [
      'no set that is answered',
      ASKED.replace('samples: 3', 'samples: 0').replace('samples: 1', 'samples: 0'),
      'every question set has `samples: 0`',
    ],
  ])('%s', (_what, text, message) => {
    expect(
      problemsOf(text)
        .map((each) => each.message)
        .join('\n'),
    ).toContain(message);
  });
});
