/**
 * Metrics of cells of which not one reply could be read: most often a rubric that asks for words where a number is read, or a
 * small model that puts hardly any probability on numbers, or on a metric's words.
 */
import type { ReportRows } from './report-rows';
import { massesOf, readTokenTable } from '../../experiment/expected-score';
import { MAIN_JUDGE } from '../../experiment/main-judge';
import type { Plan } from '../../experiment/plan';
import type { Judgement } from '../../experiment/rows';
import { isUnread } from '../../experiment/unread';
import { groupBy } from '../statistics/grouping';
import type { UnreadMetric } from '../../workflows/messages';

/** One of the cells. */
export type UnreadCell = Omit<UnreadMetric, 'cells'>;

/** In the order of the cells, of each by judge and metric. */
export function unreadCells(cells: readonly ReportRows[], instruments: Plan['instruments']): UnreadCell[] {
  return cells.flatMap(({ cell, judgements, others }) =>
    Object.entries({ [MAIN_JUDGE]: judgements, ...others }).flatMap(([judge, rows]) => {
      const statuses = new Map<string, Record<string, number>>();
      for (const { metric, status } of rows) {
        const counts = statuses.get(metric) ?? {};
        statuses.set(metric, { ...counts, [status]: (counts[status] ?? 0) + 1 });
      }
      const unread = [...statuses].filter(([, counts]) => isUnread(counts)).map(([metric]) => metric);
      return unread.sort().map((metric) => ({
        ...{ cell: cell.id, judge, metric },
        ...massOf(
          rows.filter((row) => row.metric === metric),
          instruments,
        ),
      }));
    }),
  );
}

/** The cells of each metric and judge as one, in the order of their first cells. */
export function unreadMetrics(unread: readonly UnreadCell[]): UnreadMetric[] {
  const slots = groupBy(unread, ({ judge, metric }) => JSON.stringify([judge, metric]));
  return [...slots.values()].map((cells) => {
    const [{ judge, metric, cell }] = cells as [UnreadCell];
    return { judge, metric, cell, cells: cells.length, ...highest(cells.flatMap(({ mass }) => mass ?? [])) };
  });
}

function highest(masses: readonly NonNullable<UnreadMetric['mass']>[]): Pick<UnreadMetric, 'mass'> {
  const [first] = masses;
  if (first === undefined) return {};
  const undecided = largest(masses.map((mass) => mass.undecided ?? 0));
  const mass = { most: largest(masses.map(({ most }) => most)), least: first.least };
  return { mass: undecided > 0 ? { ...mass, undecided } : mass };
}

/** Of a judge whose scores are means over the probabilities of numbers or words. */
function massOf(rows: readonly Judgement[], instruments: Plan['instruments']): Pick<UnreadCell, 'mass'> {
  const least = rows.map(({ instrument }) => instruments[instrument]?.expected?.leastMass).find((each) => each);
  if (least === undefined) return {};
  const masses = rows.flatMap(({ status, raw, instrument }) => {
    const table = status === 'unparsable' ? readTokenTable(raw) : null;
    const { verdicts = [], words } = instruments[instrument] ?? {};
    return table === null ? [] : [massesOf(table, verdicts, words)];
  });
  if (masses.length === 0) return {};
  const undecided = largest(masses.map((each) => each.undecided));
  const mass = { most: largest(masses.map(({ counts }) => counts)), least };
  return { mass: undecided < least ? mass : { ...mass, undecided } };
}

/** 0 without any. */
function largest(values: readonly number[]): number {
  return values.reduce((found, each) => Math.max(found, each), 0);
}
