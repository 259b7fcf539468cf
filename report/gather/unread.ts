/**
 * Metrics of cells of which not one reply could be read: most often a rubric that asks for words where a number is read.
 */
import type { ReportRows } from './report-rows';
import { MAIN_JUDGE } from '../../experiment/main-judge';
import { isUnread } from '../../experiment/unread';
import type { UnreadMetric } from '../../workflows/messages';

/** In the order of the cells, of each by judge and metric. */
export function unreadMetrics(cells: readonly ReportRows[]): UnreadMetric[] {
  return cells.flatMap(({ cell, judgements, others }) =>
    Object.entries({ [MAIN_JUDGE]: judgements, ...others }).flatMap(([judge, rows]) => {
      const statuses = new Map<string, Record<string, number>>();
      for (const { metric, status } of rows) {
        const counts = statuses.get(metric) ?? {};
        statuses.set(metric, { ...counts, [status]: (counts[status] ?? 0) + 1 });
      }
      const unread = [...statuses].filter(([, counts]) => isUnread(counts)).map(([metric]) => metric);
      return unread.sort().map((metric) => ({ cell: cell.id, judge, metric }));
    }),
  );
}
