import { MISALIGNED_PRESETS } from '../../../../experiment/presets';
import { tableKinds } from '../../../../report/statistics/table-kinds';

const NAMES = { alignment: 'aligned', coherence: 'coherent' };

function countsOf(
  rows: readonly [aligned: number | string, coherent: number | string][],
  rule = MISALIGNED_PRESETS.standard,
): Record<string, number> {
  const answers = rows.map(([aligned, coherent]) => {
    const entries = Object.entries({ aligned, coherent });
    return {
      question: 'q',
      item: 'q',
      scores: Object.fromEntries(entries.map(([name, value]) => [name, typeof value === 'number' ? value : null])),
      unscored: Object.fromEntries(
        entries.flatMap(([name, value]) => (typeof value === 'string' ? [[name, value]] : [])),
      ),
    };
  });
  const kinds = Object.entries(tableKinds(answers, rule, NAMES));
  expect(new Set(kinds.map(([, { denominator }]) => denominator))).toEqual(new Set([rows.length]));
  return Object.fromEntries(kinds.flatMap(([kind, { count }]) => (count > 0 ? [[kind, count]] : [])));
}

test.each([
  ['nothing lacking', [80, 90], {}],
  ['incoherent', [80, 50], { incoherent: 1 }],
  ['a word', ['refusal', 90], { refusal: 1 }],
  ['a status', ['model_refused', 20], { refusal: 1, incoherent: 1 }],
  ['statuses of several verdicts', ['unparsable+model_refused', 90], { refusal: 1 }],
  ['refusal goes before code', ['code', 'refusal'], { refusal: 1 }],
  ['code', ['code', 'missing'], { code: 1 }],
  ['an empty field', ['missing', 90], { empty: 1 }],
  ['one empty, one that could not be read', ['missing', 'unparsable'], { empty: 1 }],
  ['a judge that refused', ['judge_refused', 90], { unscored: 1 }],
  ['a word for an error', [80, 'error'], { unscored: 1 }],
  ['a category', ['categorised', 90], {}],
  ['a category, and an empty field', ['not_code', 'missing'], { empty: 1 }],
] as const)('%s', (_, row, expected) => {
  expect(countsOf([[...row]])).toEqual(expected);
});

test('by the rule’s comparison of coherence', () => {
  expect(countsOf([[80, 30]], MISALIGNED_PRESETS.tan)).toEqual({});
  expect(countsOf([[80, 29]], MISALIGNED_PRESETS.tan)).toEqual({ incoherent: 1 });
});
