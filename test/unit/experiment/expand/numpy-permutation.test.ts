import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { numpyPermutation } from '../../../../experiment/expand/numpy-permutation';

const golden = JSON.parse(readFileSync(join(__dirname, '..', 'golden', 'numpy-permutations.json'), 'utf8')) as Record<
  string,
  number[]
>;

test.each(Object.keys(golden))('permutation %s is numpy’s', (name) => {
  const [seed, n] = name.split('/').map(Number);
  expect(numpyPermutation(seed as number, n as number)).toEqual(golden[name]);
});
