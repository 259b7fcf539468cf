import { costOf, judgeUsd } from '../../../judge/prices';

test('the cost of usage', () => {
  expect(costOf({ model: 'claude-haiku-4-5-20251001' }, { inputTokens: 2_000_000, outputTokens: 100_000 })).toBeCloseTo(
    2.5,
  );
  expect(costOf({ model: 'stand-in-judge-1' }, { inputTokens: 5, outputTokens: 5 })).toBe(0);
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

test('OpenAI’s list prices are those of its own address, and the stand-in costs nothing there, too', () => {
  const usage = { inputTokens: 2_000_000, outputTokens: 100_000 };
  const endpoint = { baseUrl: 'https://api.openai.com/v1', keyVariable: 'OPENAI_API_KEY' };
  const judge = { kind: 'openai' as const, model: 'gpt-4o-2024-08-06', price: null, endpoint };
  expect(judgeUsd(judge, usage, false)).toBeCloseTo(6);
  expect(judgeUsd(judge, usage, true)).toBeCloseTo(3);
  expect(
    judgeUsd({ ...judge, endpoint: { ...endpoint, baseUrl: 'http://localhost:8000/v1' } }, usage, false),
  ).toBeNull();
  expect(judgeUsd({ ...judge, model: 'claude-haiku-5-5' }, usage, false)).toBeNull();
  expect(judgeUsd({ ...judge, model: 'stand-in-judge-1' }, usage, false)).toBe(0);
  expect(costOf({ model: 'gpt-4o', endpoint: 'api.openai.com/v1' }, usage)).toBeCloseTo(6);
});

test('an unknown price is not zero', () => {
  expect(costOf({ model: 'some-model' }, { inputTokens: 0, outputTokens: 0 })).toBeNull();
  expect(costOf({ model: 'constructor' }, { inputTokens: 1, outputTokens: 1 })).toBeNull();
});
