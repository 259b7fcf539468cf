import { signFlip } from '../../../../report/statistics/sign-flip';

test.each([
  [[1], 1],
  [[1, 2], 2 / 4],
  [[1, 2, 3], 2 / 8],
  [[1, -2, 3], 6 / 8], // of all signs only 1 + 2 - 3 and its mirror come nearer to 0
  [[0, 0], 1],
  [[-4, -4, -4, -4, -4], 2 / 32],
])('%j has p = %p', (values, p) => {
  expect(signFlip(values)).toBeCloseTo(p, 12);
});

test('with many values the test is not made', () => {
  expect(signFlip(Array.from({ length: 21 }, () => 1))).toBeNull();
  expect(signFlip(Array.from({ length: 20 }, () => 1))).toBe(2 / 2 ** 20);
});
