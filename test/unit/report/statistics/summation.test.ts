import fc from 'fast-check';
import { sum } from '../../../../report/statistics/summation';

test('a sum is the same to the last digit in any order, of few values and of many', () => {
  const values = fc.array(fc.double({ noNaN: true, noDefaultInfinity: true, min: -1e6, max: 1e6 }), { maxLength: 40 });
  fc.assert(
    fc.property(values, (given) => {
      const ascending = [...given].sort((a, b) => a - b).reduce((total, value) => total + value, 0);
      expect(sum(given)).toBe(ascending);
      expect(sum([...given].reverse())).toBe(ascending);
    }),
  );
});

test('what is summed stays in its order', () => {
  const given = [3, 1, 2];
  sum(given);
  expect(given).toEqual([3, 1, 2]);
});
