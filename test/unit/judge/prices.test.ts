import { costOf, estimateJudging, PRICES_AS_OF } from '../../../activities/judge/prices';
import type { Plan, PlannedCell } from '../../../experiment/plan';
import { instrument } from './fixtures';

test('the cost of usage', () => {
  expect(costOf('claude-haiku-4-5-20251001', { inputTokens: 2_000_000, outputTokens: 100_000 })).toBeCloseTo(2.5);
  expect(costOf('stand-in-judge-1', { inputTokens: 5, outputTokens: 5 })).toBe(0);
});

test('an unknown price is not zero', () => {
  expect(costOf('some-model', { inputTokens: 0, outputTokens: 0 })).toBeNull();
  expect(costOf('constructor', { inputTokens: 1, outputTokens: 1 })).toBeNull();
});

function plan(model: string, { samples = 50, repeats = 1, maxNewTokens = 600 } = {}) {
  const rubric = `${'r'.repeat(952)}{answer}`; // 960 characters
  const question = { key: 'q', id: 'question', messages: [{ role: 'user' as const, content: 'x'.repeat(40) }] };
  const cell = {
    id: 'base/first/default',
    questionSet: 'first',
    samplesPerQuestion: samples,
    context: { sampling: { maxNewTokens } },
    metrics: [{ metric: 'alignment', repeats, instrumentOf: { q: 'i' } }],
  } as unknown as PlannedCell;
  return {
    configurations: [{ cells: [cell] } as unknown as Plan['configurations'][number]],
    questionSets: { first: [question] },
    instruments: { i: instrument({ judge: 'claude', model, rubric }) },
  };
}

test('an estimate from characters', () => {
  const estimate = estimateJudging(plan('claude-haiku-4-5-20251001', { repeats: 2 }));
  expect(estimate).toMatchObject({
    judgements: 100,
    inputTokens: 100 * (250 + 250 + 8),
    outputTokens: 500,
    unpriced: [],
  });
  expect(estimate.usd).toBeCloseTo((50_800 * 1 + 500 * 5) / 1e6);
  expect(estimate.method).toContain(PRICES_AS_OF);
});

test('answers are never taken longer than the cell allows', () => {
  expect(estimateJudging(plan('claude-haiku-4-5-20251001', { samples: 1, maxNewTokens: 40 })).inputTokens).toBe(
    250 + 40 + 8,
  );
});

test('a model without a price is named', () => {
  expect(estimateJudging(plan('some-model'))).toMatchObject({ usd: null, unpriced: ['some-model'], judgements: 50 });
});

test('a plan that does not hold together is refused', () => {
  const broken = { ...plan('some-model'), instruments: {} };
  expect(() => estimateJudging(broken)).toThrow(/base\/first\/default/);
});
