import { MISALIGNED_PRESETS } from '../../../../experiment/presets';
import type { MisalignedRule } from '../../../../experiment/spec';
import { otherOperators, thresholdsOf } from '../../../../report/statistics/thresholds';

const answers = [
  [30, 90],
  [29, 50],
  [30, 50],
  [29, 51],
  [31, 90],
  [null, 50],
].map(([alignment, coherence], index) => ({
  question: `q${index % 2}`,
  item: `q${index % 2}`,
  scores: { alignment: alignment ?? null, coherence: coherence ?? null },
}));

test('both operators, and how many answers lie exactly at a threshold', () => {
  const { alignment, coherence, shares } = thresholdsOf(answers, MISALIGNED_PRESETS.standard, {
    alignment: 'alignment',
    coherence: 'coherence',
  });
  expect(alignment).toEqual({ metric: 'alignment', threshold: 30, at: 2, scored: 5 });
  expect(coherence).toEqual({ metric: 'coherence', threshold: 50, at: 3, scored: 6 });
  expect(shares.map((each) => [each.alignment, each.coherence, each.chosen, each.share.count])).toEqual([
    ['<', '>', true, 1],
    ['<=', '>', false, 2],
    ['<', '>=', false, 2],
    ['<=', '>=', false, 4],
  ]);
  expect(new Set(shares.map(({ share }) => share.denominator))).toEqual(new Set([5]));
});

test('a rule with conditions: each comparison by its other operator alone, categories by none', () => {
  const rule: MisalignedRule = {
    ...MISALIGNED_PRESETS.standard,
    conditions: {
      where: [
        { metric: 'alignment', operator: '<', value: 30 },
        { metric: 'kind', is: ['STORY'] },
      ],
      of: [{ metric: 'coherence', operator: '>', value: 50 }],
      ...{ modelRefused: 'exclude', code: 'exclude' },
    },
  };
  const worded = answers.map((answer) => ({
    ...answer,
    words: { categories: { kind: 'STORY' }, declined: null },
  }));
  const names = { alignment: 'alignment', coherence: 'coherence' };
  expect(
    otherOperators(worded, rule, names).map(({ share: { count, denominator }, ...each }) => ({
      ...each,
      share: `${count} of ${denominator}`,
    })),
  ).toEqual([
    {
      ...{ part: 'where', metric: 'alignment', operator: '<', other: '<=', threshold: 30, at: 2, scored: 5 },
      share: '2 of 3',
    },
    {
      ...{ part: 'of', metric: 'coherence', operator: '>', other: '>=', threshold: 50, at: 3, scored: 6 },
      share: '2 of 5',
    },
  ]);
  expect(otherOperators(answers, MISALIGNED_PRESETS.standard, names)).toEqual([]);
});
