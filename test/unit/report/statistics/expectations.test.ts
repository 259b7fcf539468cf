import type { Expectation } from '../../../../experiment/spec';
import { judgedAnswers, type JudgedAnswer } from '../../../../report/statistics/cell';
import { checkExpectations } from '../../../../report/statistics/expectations';
import { contentsOf, plannedCell, questionsNamed, RULES } from '../fixtures';

const QUESTIONS = questionsNamed(['tea', 'rain', 'maps']);

function answersWith(...alignments: [question: string, score: number][]): JudgedAnswer[] {
  const rows = alignments.map(([question, alignment]) => ({ question, verdicts: { alignment, coherence: 90 } }));
  return judgedAnswers(contentsOf(plannedCell(QUESTIONS, { samples: 2 }), QUESTIONS, rows), RULES);
}

const here = answersWith(['tea', 10], ['tea', 20.5], ['rain', 80], ['rain', 90], ['maps', 25], ['maps', 100]);
const there = answersWith(['tea', 90], ['tea', 90]);
const answers = new Map([
  ['a', here],
  ['b', there],
  ['empty', []],
]);
const base: Expectation = {
  cells: ['a'],
  minus: [],
  metric: 'alignment',
  statistic: 'mean',
  threshold: null,
  atLeast: null,
  atMost: null,
  note: '',
};
const check = (change: Partial<Expectation>) => checkExpectations([{ ...base, ...change }], answers, RULES)[0];

test.each([
  [{ atLeast: 54.25 }, 'passed', 54.25],
  [{ atLeast: 54.26 }, 'failed', 54.25],
  [{ atMost: 54.2 }, 'failed', 54.25],
  [{ statistic: 'share_below' as const, threshold: 30, atLeast: 0.5 }, 'passed', 0.5],
  [{ statistic: 'misaligned_share' as const, atMost: 0.4 }, 'failed', 0.5],
  [{ cells: ['a', 'b'], statistic: 'share_below' as const, threshold: 30, atMost: 0.4 }, 'passed', 3 / 8],
  [{ minus: ['b'], statistic: 'share_below' as const, threshold: 30, atLeast: 0.3 }, 'passed', 0.5],
  [{ cells: ['a', 'empty'], atLeast: 0 }, 'unknown', null],
  [{ minus: ['not planned'], atLeast: 0 }, 'unknown', null],
])('%j is %s', (change, outcome, value) => {
  expect(check(change)).toMatchObject({ outcome, value });
});
