import { costOf, judgeUsd } from '../../../judge/prices';

test('the cost of usage', () => {
  expect(costOf('claude-haiku-4-5-20251001', { inputTokens: 2_000_000, outputTokens: 100_000 })).toBeCloseTo(2.5);
  expect(costOf('stand-in-judge-1', { inputTokens: 5, outputTokens: 5 })).toBe(0);
});

test('batches cost half, by the table and by a price of the file', () => {
  const usage = { inputTokens: 2_000_000, outputTokens: 100_000 };
  const haiku = { kind: 'claude' as const, model: 'claude-haiku-5-5', price: null };
  expect(judgeUsd(haiku, usage, false)).toBeCloseTo(0.25);
  expect(judgeUsd(haiku, usage, true)).toBeCloseTo(0.125);
  const own = { ...haiku, model: 'own', price: { input: 1, output: 10 } };
  expect(judgeUsd(own, usage, false)).toBeCloseTo(3);
  expect(judgeUsd(own, usage, true)).toBeCloseTo(1.5);
  expect(judgeUsd({ ...own, price: null }, usage, true)).toBeNull();
  expect(judgeUsd({ ...own, kind: 'stand-in' }, usage, false)).toBe(0);
});

test('an unknown price is not zero', () => {
  expect(costOf('some-model', { inputTokens: 0, outputTokens: 0 })).toBeNull();
  expect(costOf('constructor', { inputTokens: 1, outputTokens: 1 })).toBeNull();
});
