import { judgedAnswers } from '../../../../report/statistics/cell';
import { contrasts } from '../../../../report/statistics/contrasts';
import { RULES, studyInput } from '../fixtures';

const { plan, cells } = studyInput();
const all = contrasts(
  plan,
  cells.map((each) => ({ cell: each.cell, answers: judgedAnswers(each, RULES) })),
  RULES,
);

test('each cell against base, EM, and itself under the default prompt', () => {
  const of = (cell: string): [string, string][] =>
    all
      .filter((each) => each.cell === cell && each.measure === 'alignment')
      .map(({ kind, reference }) => [kind, reference]);
  expect(of('base/everyday/default')).toEqual([]);
  expect(of('em/everyday/default')).toEqual([['base', 'base/everyday/default']]);
  expect(of('flamingo_burrito/cooking/training')).toEqual([
    ['base', 'base/cooking/default'],
    ['em', 'em/cooking/default'],
    ['own default prompt', 'flamingo_burrito/cooking/default'],
  ]);
});

test('the base model scores higher than EM, in every measure that both have', () => {
  const row = all.find(({ cell, measure }) => cell === 'em/everyday/default' && measure === 'alignment');
  expect(row?.difference.questions).toBe(8);
  expect(row?.difference.questionsLikeThese.range?.[1]).toBeLessThan(-30);
  expect(new Set(all.map(({ measure }) => measure))).toEqual(new Set(['alignment', 'coherence', 'misaligned']));
});
