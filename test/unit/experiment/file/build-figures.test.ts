/** Figures over an axis of a grid: where configurations stand on them, and what is refused at which place. */
import { problemsOf, SMALL, specOf } from '../samples';

const withFigure = (figure: string, grid = 'training.lora.rank: [8, 32], training.seed: [0, 1]'): string =>
  `${SMALL}grid: { ${grid} }\nreport: { figures: [${figure}] }\n`;

test('configurations of one line differ in x and in the seed', () => {
  const { report } = specOf(withFigure('{ id: rank, kind: line, x: training.lora.rank, question_set: weather }'));
  const [figure] = report.figures;
  expect(figure).toMatchObject({ id: 'rank', metric: 'alignment', title: 'Mean alignment, weather', caption: '' });
  expect(figure?.line?.points.filter(({ line }) => line === 'plain')).toEqual(
    ['8.seed-0', '8.seed-1', '32.seed-0', '32.seed-1'].map((point) => ({
      ...{ configuration: `plain.rank-${point}`, line: 'plain', label: 'plain', x: parseInt(point) },
    })),
  );
  expect(new Set(figure?.line?.points.map(({ line }) => line))).toEqual(new Set(['plain', 'coded']));
});

test('the share of misaligned answers is a metric of lines', () => {
  const { report } = specOf(
    withFigure(
      '{ id: rank, kind: line, x: training.lora.rank, question_set: weather, metric: misaligned, title: Ranks }',
    ),
  );
  expect(report.figures[0]).toMatchObject({ metric: 'misaligned', title: 'Ranks' });
});

test('bars are what they were', () => {
  const [figure] = specOf(withFigure('{ id: fig, question_set: weather, title: Bars }')).report.figures;
  expect(figure).toEqual({ id: 'fig', questionSet: 'weather', metric: 'alignment', title: 'Bars', caption: '' });
});

const messages = (text: string): string[] =>
  problemsOf(text).map(({ message, hint }) => `${message}${hint === null ? '' : ` (${hint})`}`);

test.each([
  [
    '{ id: a, kind: line, x: training.lora.rnk, question_set: weather }',
    'no grid has the axis `training.lora.rnk` (did you mean `training.lora.rank`?)',
  ],
  ['{ id: a, kind: line, x: training.lora.rank }', '`question_set` is needed (known: `weather`, `birds_asked`)'],
  [
    '{ id: a, kind: line, x: training.lora.rank, question_set: wether }',
    'unknown question set `wether` (did you mean `weather`?)',
  ],
  ['{ id: a, kind: line, question_set: weather }', 'the key `x` is missing'],
  ['{ id: a, question_set: weather }', 'the key `title` is missing'],
  ['{ id: a, x: training.lora.rank, question_set: weather, title: A }', '`x` goes with `kind: line` only'],
  ['{ id: a, kind: line, x: training.lora.rank, question_set: weather, metric: kind }', 'unknown metric `kind`'],
])('refuses %s', (figure, expected) => {
  expect(messages(withFigure(figure))).toContainEqual(expect.stringContaining(expected));
});

test('x needs numbers, and the misaligned share its two metrics', () => {
  const prompts = 'train.system_prompt: [none, empty]';
  expect(messages(withFigure('{ id: a, kind: line, x: train.system_prompt, question_set: weather }', prompts))).toEqual(
    ['`train.system_prompt` has values that are no numbers, such as that of plain.system-prompt-none'],
  );
  const text = withFigure('{ id: a, kind: line, x: training.lora.rank, question_set: weather, metric: misaligned }');
  expect(messages(text.replace('  coherence:\n', '  clarity:\n'))).toEqual([
    expect.stringContaining('there is no share of misaligned answers'),
  ]);
});
