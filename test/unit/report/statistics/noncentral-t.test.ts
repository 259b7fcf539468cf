import { smallestEffect, tPower } from '../../../../report/statistics/noncentral-t';

test.each([
  [3, 7, 0.05, 0.7306282886262712],
  [2.5, 47, 0.05, 0.6874693492770314],
  [1, 2, 0.05, 0.09131778436167348],
  [4, 1, 0.05, 0.24635513872837045],
  [3.5, 700, 0.05 / 3, 0.8640836182878899],
  [0, 10, 0.05, 0.025],
  [3, 20_000, 0.05, 0.8508049503469437],
])('power of an effect of %p standard errors, %p degrees of freedom, error %p, as SciPy has it', (...row) => {
  const [effect, freedom, alpha, power] = row;
  expect(Math.abs(tPower(effect, freedom, alpha) - power)).toBeLessThan(1e-3);
});

test('the effect that is found in four of five experiments', () => {
  expect(smallestEffect(7, 0.05, 0.8)).toBeCloseTo(3.27, 2);
  expect(smallestEffect(47, 0.05, 0.8)).toBeCloseTo(2.86, 2);
});
