/** The packed and continuous paths are part of an experiment's keys where they are used, and nowhere else. */
import { keyOf } from '../../../experiment/canonical';
import { expand } from '../../../experiment/expand/expand';
import type { Recipe, Sampling } from '../../../experiment/plan';
import { inputs, SMALL, specOf } from '../experiment/samples';

function made(settings: string): { recipe: Recipe; sampling: Sampling } {
  const { plan } = expand(specOf(SMALL + settings), inputs());
  const plain = plan.configurations.find(({ name }) => name === 'plain');
  if (plain?.recipe == null || plain.cells[0] === undefined) throw new Error('no recipe');
  return { recipe: plain.recipe, sampling: plain.cells[0].context.sampling };
}

const FP32 = 'training: { precision: fp32 }\nsampling: { precision: fp32 }\n';

test('fp32 keeps the padded path and plain batches, and its keys do not know of a choice', () => {
  const { recipe, sampling } = made(FP32);
  expect(recipe).not.toHaveProperty('packing');
  expect(sampling).not.toHaveProperty('batching');
  expect(sampling.batchSize).toBe(64);
});

test('bf16 is packed on a GPU and sampled continuously, 256 answers at a time', () => {
  const { recipe, sampling } = made('');
  expect(recipe.packing).toBe('auto');
  expect(sampling).toMatchObject({ batching: 'continuous', batchSize: 256 });
});

test('both can be declared either way', () => {
  const off = made('training: { packing: none }\nsampling: { batching: static }\n');
  expect(off.recipe).not.toHaveProperty('packing');
  expect(off.sampling).not.toHaveProperty('batching');
  expect(off.sampling.batchSize).toBe(64);
  const on = made(
    'training: { precision: fp32, packing: always }\nsampling: { precision: fp32, batching: continuous, batch_size: 8 }\n',
  );
  expect(on.recipe.packing).toBe('always');
  expect(on.sampling).toMatchObject({ batching: 'continuous', batchSize: 8 });
});

test('what computes other floating-point sums has another key', () => {
  const keys = ['none', 'auto', 'always'].map((packing) => keyOf(made(`training: { packing: ${packing} }\n`).recipe));
  expect(new Set(keys).size).toBe(3);
});
