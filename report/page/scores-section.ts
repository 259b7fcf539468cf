/**
 * How the scores lie: a histogram by whole number for each cell and metric.
 */
import type { MetricSummary } from '../statistics/cell';
import type { JudgedCell, JudgeResults } from '../statistics/judge-results';
import type { ReportInput } from '../report-input';
import type { ReportCell, Results } from '../results';
import { dot } from './cell-parts';
import { integer } from './format';
import { markup, type Markup } from './markup';
import { table } from './table';

const HEIGHT = 24;

/** Null when nothing is scored. */
export function scoresSection(input: ReportInput, { cells, judges }: Results): Markup | null {
  const tables = judges.map((judge) => ({ judge, table: judgeTable(input, cells, judge) }));
  if (tables.every(({ table }) => table === null)) return null;
  const several = judges.length > 1;
  return markup`<section id="scores">
    <h2>Scores</h2>
    <p class="lead">Verdicts by whole score, 0 to 100, with a line at the threshold.</p>
    ${tables.map(({ judge, table }) =>
      table === null || judge.main
        ? table
        : markup`<details>
            <summary>${judge.name}: ${judge.label}${judge.standIn && ' (stand-in)'}</summary>
            ${table}
          </details>`,
    )}
    <p class="small faint">All counts: scores.csv${several && ', with a column for the judge'}.</p>
  </section>`;
}

function judgeTable({ plan, spec }: ReportInput, cells: readonly ReportCell[], judge: JudgeResults): Markup | null {
  const { misaligned, alignment, coherence } = spec.report;
  const compared = misaligned.conditions?.where.flatMap((each) => ('is' in each ? [] : [each]));
  const threshold = (metric: string): number | null =>
    compared?.find((each) => each.metric === metric)?.value ??
    (metric === alignment ? misaligned.alignment.value : metric === coherence ? misaligned.coherence.value : null);
  const sets = Object.keys(plan.questionSets).flatMap((set): Markup[] => {
    const rows = cells.flatMap((place) => {
      const judged = place.cell.questionSet === set ? judge.cells.get(place.cell.id) : undefined;
      return judged === undefined || !judged.summary.metrics.some(hasScores) ? [] : [{ place, judged }];
    });
    if (rows.length === 0) return [];
    const metrics = [
      ...new Set(rows.flatMap(({ judged }) => judged.summary.metrics.filter(hasScores).map(({ metric }) => metric))),
    ];
    return [
      markup`<h3>${spec.questionSets[set]?.label ?? set}</h3>
        ${table(
          ['Configuration', 'Prompt', ...metrics],
          rows.map(({ place, judged }) => row(place, judged, metrics, threshold)),
          'scores',
        )}`,
    ];
  });
  return sets.length === 0 ? null : markup`${sets}`;
}

function row(
  { configuration, colour, conditionLabel }: ReportCell,
  { summary }: JudgedCell,
  metrics: readonly string[],
  threshold: (metric: string) => number | null,
): Markup {
  return markup`<tr>
    <th scope="row">${dot(colour)}${configuration.label}</th>
    <td>${conditionLabel}</td>
    ${metrics.map((metric) => {
      const found = summary.metrics.find((each) => each.metric === metric);
      return markup`<td>${found === undefined ? '–' : histogram(found, threshold(metric))}</td>`;
    })}
  </tr>`;
}

function hasScores({ scoreCounts }: MetricSummary): boolean {
  return Object.keys(scoreCounts).length > 0;
}

/** One bar per whole score, as high as its count; the words name the three most frequent. */
export function histogram({ metric, scoreCounts }: MetricSummary, threshold: number | null): Markup {
  const counts = Object.entries(scoreCounts).map(([score, count]) => ({ score: Number(score), count }));
  const top = counts.reduce((most, { count }) => Math.max(most, count), 0);
  const bars = counts
    .map(({ score, count }) => {
      const height = Math.max(0.6, (HEIGHT * count) / top).toFixed(1);
      return `M${score},${HEIGHT}v-${height}h1v${height}z`;
    })
    .join('');
  const most = [...counts].sort((a, b) => b.count - a.count || a.score - b.score).slice(0, 3);
  const words = most.map(({ score, count }) => `${integer(count)} at ${score}`).join(', ');
  return markup`<svg class="histogram" viewBox="0 0 101 ${HEIGHT + 1}" preserveAspectRatio="none" role="img" aria-label="${metric}: ${counts.length} different scores; most: ${words}">
      <path class="axis" d="M0,${HEIGHT + 0.5}H101" />
      ${threshold !== null && markup`<path class="threshold" d="M${threshold + 0.5},0V${HEIGHT}" />`}
      <path class="bars" d="${bars}" />
    </svg>
    <div class="small faint">${words}</div>`;
}
