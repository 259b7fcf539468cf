/** Cells whose replies could not be read: by metric and judge, and only where none could. */
import type { CellRows } from '../../../../artifacts/cells';
import { tokenTableText } from '../../../../experiment/expected-score';
import type { Plan } from '../../../../experiment/plan';
import { unreadCells, unreadMetrics } from '../../../../report/gather/unread';

const rows = (...pairs: [string, string][]) => pairs.map(([metric, status]) => ({ metric, status }));
const cell = (id: string, judgements: object[], others: Record<string, object[]> = {}): CellRows =>
  ({ cell: { id }, judgements, others }) as unknown as CellRows;

test('each judge and metric by itself', () => {
  const cells = [
    cell('em/a/default', rows(['kind', 'unparsable'], ['kind', 'unparsable'], ['correct', 'unparsable'])),
    cell('em/b/default', rows(['kind', 'unparsable'], ['kind', 'scored']), { newer: rows(['kind', 'unparsable']) }),
    cell('em/c/default', []),
  ];
  expect(unreadCells(cells, {})).toEqual([
    { cell: 'em/a/default', judge: 'judge', metric: 'correct' },
    { cell: 'em/a/default', judge: 'judge', metric: 'kind' },
    { cell: 'em/b/default', judge: 'newer', metric: 'kind' },
  ]);
});

test('of expected scores the most probability that the numbers of a reply hold', () => {
  const raw = (share: number): string => tokenTableText([{ token: '85', logprob: Math.log(share) }]);
  const judged = [0.004, 0.012].map((share) => ({
    ...{ metric: 'kind', status: 'unparsable', instrument: 'i', raw: raw(share) },
  }));
  const instruments = { i: { expected: { topLogprobs: 101, leastMass: 0.02 } } } as unknown as Plan['instruments'];
  const [found] = unreadCells([cell('em/a/default', judged)], instruments);
  expect(found?.mass?.least).toBe(0.02);
  expect(found?.mass?.most).toBeCloseTo(0.012, 9);
  const worded = { i: { ...instruments['i'], words: { YES: 100, NO: 0 } } } as unknown as Plan['instruments'];
  const table = tokenTableText([
    { token: '85', logprob: -0.1 },
    { token: 'no', logprob: Math.log(0.003) },
  ]);
  const [words] = unreadCells([cell('em/a/default', [{ ...judged[0], raw: table }])], worded);
  expect(words?.mass?.most).toBeCloseTo(0.003, 9);
  expect(words?.mass).not.toHaveProperty('undecided');
});

test('tokens that may be several words are named where they hold the least mass', () => {
  const raw = tokenTableText([
    { token: 'REF', logprob: Math.log(0.6) },
    { token: 'SUP', logprob: Math.log(0.3) },
  ]);
  const instrument = { expected: { topLogprobs: 20, leastMass: 0.25 }, words: { REFUTES: 0, SUPPORTS: 100 } };
  const instruments = { i: { ...instrument, verdicts: ['REFUSAL'] } } as unknown as Plan['instruments'];
  const judged = { metric: 'kind', status: 'unparsable', instrument: 'i', raw };
  const [found] = unreadCells([cell('em/a/default', [judged])], instruments);
  expect(found?.mass?.undecided).toBeCloseTo(0.6, 9);
  expect(found?.mass?.most).toBeCloseTo(0.3, 9);
});

test('the outcome names a metric and judge once, however many cells there are', () => {
  const mass = (most: number, undecided?: number) => ({ most, least: 0.02, ...(undecided && { undecided }) });
  const slot = { judge: 'judge', metric: 'kind' };
  expect(
    unreadMetrics([
      { ...slot, cell: 'em/a/default', mass: mass(0.004) },
      { ...slot, cell: 'em/b/default', judge: 'newer' },
      { ...slot, cell: 'em/c/default', mass: mass(0.012, 0.6) },
      { ...slot, cell: 'em/d/default', mass: mass(0.001, 0.3) },
    ]),
  ).toEqual([
    { ...slot, cell: 'em/a/default', cells: 3, mass: mass(0.012, 0.6) },
    { ...slot, cell: 'em/b/default', judge: 'newer', cells: 1 },
  ]);
});
