/** Configurations with numbers of answers of their own. */
import { countsOf, planCounts } from '../../../../experiment/expand/counts';
import { deviationsOf } from '../../../../experiment/expand/deviations';
import { expand } from '../../../../experiment/expand/expand';
import type { Plan, PlannedCell } from '../../../../experiment/plan';
import { inputs, problemsOf, SMALL, specOf, weather } from '../samples';

const SEEDS = SMALL.replace(
  '  plain:\n    train: { dataset: birds, system_prompt: default }\n',
  `  plain0: &plain { train: { dataset: birds }, training: { seed: 0 } }
  plain1: { <<: *plain, training: { seed: 1 }, samples: { weather: 2 } }
  plain2: { <<: *plain, training: { seed: 2 }, samples: { weather: 2 } }
`,
);
const plan = (text: string): Plan => expand(specOf(text), inputs()).plan;
const cellOf = (made: Plan, id: string): PlannedCell =>
  made.configurations.flatMap(({ cells }) => cells).find((cell) => cell.id === id) as PlannedCell;

test('seeds of one recipe may have different numbers of answers', () => {
  const made = plan(SEEDS);
  const counts = ['plain0', 'plain1', 'plain2'].flatMap((name) =>
    ['weather', 'birds_asked'].map((set) => {
      const { samplesPerQuestion, completions, judgements } = cellOf(made, `${name}/${set}/default`);
      return [samplesPerQuestion, completions, judgements];
    }),
  );
  expect(counts).toEqual([
    [3, 9, 18],
    [1, 2, 2],
    [2, 6, 12],
    [1, 2, 2],
    [2, 6, 12],
    [1, 2, 2],
  ]);
  expect(made.seedGroups?.map(({ members }) => members)).toEqual([
    ['0', '1', '2'].map((seed) => ({ configuration: `plain${seed}`, seed })),
  ]);
  const spec = specOf(SEEDS.replace('path: weather.yaml', 'path: weather.yaml\n    questions: 3'));
  expect(planCounts(spec).counts).toEqual(countsOf(made));
});

test('more answers are the same answers and further ones', () => {
  const [few, many] = ['2', '50'].map((count) =>
    cellOf(plan(SEEDS.replaceAll('weather: 2', `weather: ${count}`)), 'plain1/weather/default'),
  );
  expect(few?.contextKey).toBe(many?.contextKey);
  const keys = (text: string) => plan(text).configurations.map(({ key }) => key);
  const [before, after] = [keys(SEEDS), keys(SEEDS.replace('weather: 2', 'weather: 3'))];
  expect(after.map((key, index) => key === before[index])).toEqual([true, true, false, true, true]);
});

test('they are numbers where questions are left out, too', () => {
  const files = weather().map((item) => (item.id === 'rain' ? { ...item, system: 'In verse.' } : item));
  const text = SEEDS.replace('samples: 3', 'samples: 3\n    own_system: only_default').replace(
    'metrics:',
    'conditions: [default, { name: kind, text: Kindly. }]\nmetrics:',
  );
  const made = expand(specOf(text), { ...inputs(), questionFiles: { weather: files } }).plan;
  const numbers = ['plain0', 'plain1'].map((name) =>
    Object.values(cellOf(made, `${name}/weather/kind`).samplesOf ?? {}),
  );
  expect(numbers).toEqual([
    [3, 3],
    [2, 2],
  ]);
});

test('the report’s list of deviations names each number', () => {
  const size = deviationsOf(specOf(SEEDS)).find(({ here }) => here.endsWith('samples per question'));
  expect(size?.here).toBe('3, 2 samples per question');
});

test('refused: a question set that there is not, and no number', () => {
  const [unknown] = problemsOf(SEEDS.replace('weather: 2', 'wether: 2'));
  expect(unknown).toMatchObject({ line: 17, message: 'unknown question set `wether`' });
  expect(unknown?.hint).toContain('weather');
  expect(problemsOf(SEEDS.replace('weather: 2', 'weather: 0'))[0]?.line).toBe(17);
  const [unanswered] = problemsOf(
    `${SEEDS.replace('samples: 3', 'samples: 0').replace('question_sets: [weather]', 'question_sets: [birds_asked]')}` +
      'outcomes: { answer_probability: { bird: { question_set: weather, words: [owl] } } }\n',
  );
  expect(unanswered).toMatchObject({ line: 17, message: '`weather` has `samples: 0`, so there are no answers to it' });
});

describe('one seed with two numbers of answers', () => {
  const again = (settings: string): string =>
    SEEDS.replace('  coded:', `  again: { <<: *plain, ${settings} }\n  coded:`);

  test('is refused at its place in a recipe of several seeds', () => {
    const text = again('training: { seed: 0 }, samples: { weather: 2 }');
    expect(problemsOf(text)).toMatchObject([
      {
        line: text.split('\n').findIndex((line) => line.startsWith('  again:')) + 1,
        message:
          '`plain0` and `again` are one seed of a recipe: the answers of the one are among those of the other, and would count twice',
        hint: 'keep the one with more answers, or give one of them another seed',
      },
    ]);
    // the number may stand in the first of them
    expect(problemsOf(again('training: { seed: 2 }'))).toMatchObject([
      { line: text.split('\n').findIndex((line) => line.startsWith('  plain2:')) + 1 },
    ]);
  });

  test.each([
    ['another training seed', 'training: { seed: 5 }, samples: { weather: 1 }'],
    ['other answers of the same fine-tune', 'training: { seed: 0 }, sampling: { seed: 9 }, samples: { weather: 1 }'],
    ['another recipe', 'training: { seed: 0, epochs: 7 }, samples: { weather: 1 }'],
  ])('is none with %s', (_, settings) => {
    expect(problemsOf(again(settings))).toEqual([]);
  });

  test('is said once of a grid', () => {
    const text = SMALL.replace(
      '  plain:\n',
      '  few: { train: { dataset: birds, system_prompt: default }, samples: { weather: 2 } }\n  plain:\n',
    );
    expect(problemsOf(`${text}grid: { training.seed: [0, 1] }\n`)).toMatchObject([{ line: 16 }]);
  });
});
