import { countsOf } from '../../../../experiment/expand/counts';
import { expand } from '../../../../experiment/expand/expand';
import { smoke } from '../../../../experiment/file/smoke';
import type { Spec } from '../../../../experiment/spec';
import { birds, inputs, SMALL, specOf } from '../samples';

test('numbers of answers of a configuration’s own are shrunk, too', () => {
  const own = SMALL.replace('base: { train: none }', 'base: { train: none, samples: { weather: 40, birds_asked: 1 } }');
  expect(smoke(specOf(own)).configurations.map(({ samples }) => samples)).toEqual([
    { weather: 2, birds_asked: 1 },
    undefined,
    undefined,
  ]);
});

test('--smoke shrinks everything and takes another name', () => {
  const spec: Spec = smoke(
    specOf(
      SMALL.replace('path: birds.jsonl', 'path: birds.jsonl\n    hold_out: { rows: 2 }').replace(
        'rows: 2\n    samples',
        'rows: all\n    samples',
      ),
    ),
  );
  const made = expand(spec, { ...inputs(), datasets: { birds: birds(7) } }).plan;
  expect(spec).toMatchObject({ name: 'small-smoke', output: 'results/small-smoke', smoke: true });
  expect(made.configurations).toHaveLength(3);
  expect(made.configurations[1]?.recipe).toMatchObject({ rowCount: 5, epochs: 1, batchSize: 4 });
  expect(countsOf(made).completions).toBeLessThanOrEqual(8 * 2 * 2);
  expect(made.deviations[0]).toMatchObject({ topic: 'size', here: expect.stringContaining('smoke') as string });
});
