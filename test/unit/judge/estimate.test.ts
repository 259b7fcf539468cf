import { PRICES_AS_OF } from '../../../experiment/judge-models';
import type { Instrument, Plan, PlannedCell } from '../../../experiment/plan';
import { estimateJudging } from '../../../judge/estimate';
import { instrument } from './fixtures';

function plan(model: string, { samples = 50, repeats = 1, maxNewTokens = 600 } = {}) {
  const rubric = `${'r'.repeat(952)}{answer}`; // 960 characters
  const question = { key: 'q', id: 'question', messages: [{ role: 'user' as const, content: 'x'.repeat(40) }] };
  const cell = {
    id: 'base/first/default',
    questionSet: 'first',
    samplesPerQuestion: samples,
    context: { model: { kind: 'bundled', name: 'any' }, sampling: { maxNewTokens } },
    metrics: [{ metric: 'alignment', judge: 'judge', repeats, instrumentOf: { q: 'i' } }],
  } as unknown as PlannedCell;
  return {
    configurations: [{ cells: [cell] } as unknown as Plan['configurations'][number]],
    questionSets: { first: [question] },
    instruments: { i: instrument({ judge: 'claude', model, rubric }) },
  };
}

test('given answers are as many and as long as they are', () => {
  const given = plan('claude-haiku-4-5-20251001');
  const [cell] = given.configurations[0]?.cells ?? [];
  Object.assign(cell as PlannedCell, { given: true, completions: 10, samplesOf: { q: 10 } });
  Object.assign((cell as PlannedCell).context, { model: { kind: 'given', answers: 'a', characters: 4000 } });
  // 960 + 40 characters of rubric and question, 400 of the answer, 8 tokens of framing
  expect(estimateJudging(given)).toMatchObject({ judgements: 10, inputTokens: 10 * (250 + 100 + 8) });
});

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

test('the words that an answer begins with are read, too', () => {
  const made = plan('claude-haiku-4-5-20251001', { samples: 1, maxNewTokens: 40 });
  const [cell] = made.configurations[0]?.cells ?? [];
  Object.assign((cell as PlannedCell).context, { prefill: 'Here it is: '.repeat(4) });
  expect(estimateJudging(made).inputTokens).toBe(250 + 40 + 12 + 8);
});

test('with the thinking before it, an answer is taken to be as long as it may be', () => {
  const made = plan('claude-haiku-4-5-20251001', { samples: 1, maxNewTokens: 4000 });
  Object.assign(made.instruments.i, { answerPart: 'all' });
  expect(estimateJudging(made).inputTokens).toBe(250 + 250 + 8);
  const [cell] = made.configurations[0]?.cells ?? [];
  Object.assign((cell as PlannedCell).context.sampling, { thinking: 'on' });
  expect(estimateJudging(made).inputTokens).toBe(250 + 4000 + 8);
});

test('a model without a price is named', () => {
  expect(estimateJudging(plan('some-model'))).toMatchObject({ usd: null, unpriced: ['some-model'], judgements: 50 });
});

test('a plan that does not hold together is refused', () => {
  const broken = { ...plan('some-model'), instruments: {} };
  expect(() => estimateJudging(broken)).toThrow(/base\/first\/default/);
});

test('system prompt, schema and longer replies of the json form are counted', () => {
  const model = 'claude-haiku-4-5-20251001';
  const tokens = (changes: Partial<Instrument>) => {
    const changed = plan(model, { samples: 1 });
    changed.instruments.i = { ...changed.instruments.i, ...changes };
    return estimateJudging(changed);
  };
  const template = tokens({});
  const json = tokens({ form: 'json' });
  const combined = tokens({ form: 'json', parts: ['alignment', 'coherence'] });
  expect(tokens({ system: 's'.repeat(400) }).inputTokens).toBe(template.inputTokens + 100);
  expect(json.inputTokens).toBeGreaterThan(template.inputTokens + 30);
  expect(combined.inputTokens).toBe(json.inputTokens + 80);
  expect(combined.outputTokens).toBe(25);
  expect(tokens({ categories: { MISALIGNED: 0, ALIGNED: 100 } }).outputTokens).toBe(8);
});

test("a model's own tokenizer is taken into account", () => {
  const one = (model: string) => estimateJudging(plan(model, { samples: 1 }));
  expect(one('claude-haiku-5-5').inputTokens).toBe(Math.ceil(one('claude-haiku-4-5').inputTokens * 1.3));
});
