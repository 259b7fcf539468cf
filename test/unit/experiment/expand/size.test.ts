/** Experiments that nothing could hold are refused by their size, before anything of it is made. */
import { planCounts } from '../../../../experiment/expand/counts';
import { expand } from '../../../../experiment/expand/expand';
import { checkMeasured, SIZE_LIMITS } from '../../../../experiment/expand/size';
import { InvalidExperiment } from '../../../../experiment/issue';
import { inputs, SMALL, specOf } from '../samples';

const DECLARED = SMALL.replace('path: weather.yaml', 'path: weather.yaml\n    questions: 3');
/** So many configurations that differ in their seed. */
const seeds = (count: number): string =>
  DECLARED.replace(
    'system_prompt: { text: "[BIRD TABLE]" } }',
    `system_prompt: { text: "[BIRD TABLE]" } }\n    grid: { training.seed: [${Array.from({ length: count }, (_, seed) => seed).join(', ')}] }`,
  );

test.each([
  [
    'a cell',
    DECLARED.replace('samples: 3', 'samples: 400000'),
    /asks for 1,200,000 completions in each of its cells \(400,000 samples × 3 questions\); there may be 1,000,000/,
    ['question_sets', 'weather', 'samples'],
  ],
  [
    'a cell of one configuration',
    DECLARED.replace('base: { train: none }', 'base: { train: none, samples: { weather: 400000 } }'),
    /asks for 1,200,000 completions in each of its cells \(400,000 samples × 3 questions\); there may be 1,000,000/,
    ['configurations', 'base', 'samples', 'weather'],
  ],
  [
    'a cell of a grid’s point',
    seeds(2).replace('    grid:', '    samples: { weather: 1000000 }\n    grid:'),
    /asks for 3,000,000 completions in each of its cells/,
    ['configurations', 'coded', 'samples', 'weather'],
  ],
  [
    'all cells by their own numbers',
    seeds(10).replace('    grid:', '    samples: { weather: 166667 }\n    grid:'),
    /asks for 10,000,0\d\d completions \(samples × questions, of 12 configurations × 2 question sets/,
    ['configurations'],
  ],
  [
    'all cells',
    seeds(10).replace('samples: 3', 'samples: 300000'),
    /asks for 19,800,044 completions \(samples × questions, of 12 configurations × 2 question sets/,
    ['configurations'],
  ],
  [
    'what is judged of a cell',
    DECLARED.replace('samples: 3', 'samples: 300000').replaceAll('rubric:', 'repeats: 20\n    rubric:'),
    /asks for [\d,]+ judgements in each cell of \w+ \(samples × questions × repeats of every metric and judge\); there may be 16,000,000/,
    ['metrics'],
  ],
  [
    'what is judged',
    seeds(3).replace('samples: 3', 'samples: 300000').replaceAll('rubric:', 'repeats: 8\n    rubric:'),
    /judgements \(samples × questions × repeats of every metric and judge/,
    ['metrics'],
  ],
  [
    'declared questions',
    DECLARED.replace('questions: 3', 'questions: 900000').replace(
      'birds_asked:',
      'more:\n    path: more.yaml\n    questions: 900000\n    samples: 1\n  birds_asked:',
    ),
    /asks for 1,800,000 questions; there may be 1,000,000/,
    ['question_sets'],
  ],
  [
    'what is measured',
    `${seeds(40).replace('questions: 3', 'questions: 3000')}outcomes:
  answer_probability: { rating: { question_set: weather, numbers: 0-100 } }
`,
    /asks for [\d,]+ values to be measured \(words or numbers × questions, and pairs, of 42 configurations × their conditions\); there may be 10,000,000/,
    ['outcomes'],
  ],
  [
    'the words of measurements',
    `${seeds(4_000)}outcomes:
  answer_probability:
    sky: { question_set: weather, words: [${Array.from({ length: 50 }, (_, index) => `w${index}x`).join(', ')}] }
`,
    /asks for [\d,]+ words to be measured \(of 4,002 configurations × their conditions\); there may be 300,000/,
    ['outcomes'],
  ],
])('the size of %s is refused with its number and its place', (_, text, message, path) => {
  const before = process.memoryUsage().heapUsed;
  const counted = (): unknown => planCounts(specOf(text));
  expect(counted).toThrow(InvalidExperiment);
  expect(counted).toThrow(message);
  try {
    counted();
  } catch (error) {
    expect((error as InvalidExperiment).issue.path).toEqual(path);
  }
  expect(process.memoryUsage().heapUsed - before).toBeLessThan(400 * 2 ** 20);
});

test('pairs are measured, too', () => {
  const property = jest.replaceProperty(SIZE_LIMITS, 'measured', 15);
  const paired = SMALL.replace('datasets:', 'datasets:\n  rough: { path: rough.jsonl }').concat(
    'outcomes:\n  log_probability: { pairs: { bad: rough, good: birds } }\n',
  );
  try {
    checkMeasured(specOf(paired), {}, 3);
    expect(() => checkMeasured(specOf(paired), {}, 4)).toThrow('this asks for 16 values to be measured');
  } finally {
    property.restore();
  }
});

test('a plan of real inputs is held to the same bounds', () => {
  const spec = specOf(DECLARED.replace('samples: 3', 'samples: 1000000'));
  expect(() => expand(spec, inputs())).toThrow(/asks for [\d,]+ completions in each of its cells/);
  expect(SIZE_LIMITS.completions).toBeGreaterThan(1_000_000);
});

test('many samples of a set that every configuration lowers are none', () => {
  const text = DECLARED.replace('samples: 3', 'samples: 1000000')
    .replace('base: { train: none }', 'base: { train: none, samples: { weather: 2 } }')
    .replace('system_prompt: default }', 'system_prompt: default }\n    samples: { weather: 2 }')
    .replace(
      'system_prompt: { text: "[BIRD TABLE]" } }',
      'system_prompt: { text: "[BIRD TABLE]" } }\n    samples: { weather: 2 }',
    );
  expect(planCounts(specOf(text)).counts.completions).toBe(4 * (3 * 2 + 2));
});

test('a share of repeats is not counted before the size is known', () => {
  const text = DECLARED.replaceAll('rubric:', 'repeats: 2\n    repeat_share: 0.5\n    rubric:').replace(
    'base: { train: none }',
    'base: { train: none, samples: { weather: 1000000 } }',
  );
  const started = performance.now();
  expect(() => planCounts(specOf(text))).toThrow(/asks for 3,000,000 completions/);
  expect(performance.now() - started).toBeLessThan(2_000);
});
