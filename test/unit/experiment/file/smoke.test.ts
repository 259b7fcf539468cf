import { countsOf } from '../../../../experiment/expand/counts';
import { expand } from '../../../../experiment/expand/expand';
import { smoke } from '../../../../experiment/file/smoke';
import type { Spec } from '../../../../experiment/spec';
import { birds, inputs, SMALL, specOf } from '../samples';

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
