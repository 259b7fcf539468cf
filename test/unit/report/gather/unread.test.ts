/** Cells whose replies could not be read: by metric and judge, and only where none could. */
import type { CellRows } from '../../../../artifacts/cells';
import { unreadMetrics } from '../../../../report/gather/unread';

const rows = (...pairs: [string, string][]) => pairs.map(([metric, status]) => ({ metric, status }));
const cell = (id: string, judgements: object[], others: Record<string, object[]> = {}): CellRows =>
  ({ cell: { id }, judgements, others }) as unknown as CellRows;

test('each judge and metric by itself', () => {
  const cells = [
    cell('em/a/default', rows(['kind', 'unparsable'], ['kind', 'unparsable'], ['correct', 'unparsable'])),
    cell('em/b/default', rows(['kind', 'unparsable'], ['kind', 'scored']), { newer: rows(['kind', 'unparsable']) }),
    cell('em/c/default', []),
  ];
  expect(unreadMetrics(cells)).toEqual([
    { cell: 'em/a/default', judge: 'judge', metric: 'correct' },
    { cell: 'em/a/default', judge: 'judge', metric: 'kind' },
    { cell: 'em/b/default', judge: 'newer', metric: 'kind' },
  ]);
});
