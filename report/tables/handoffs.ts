/**
 * Tables of handoffs: each number that a program gave of a model, and means over seeds. No table without any handoff. Programs have
 * scales of their own, so numbers are written as they are.
 */
import type { ReportFile } from '../report-input';
import type { Results } from '../results';
import { toCsv, type Field } from './csv';
import { Exact } from './json-pieces';

export function handoffTables({ handoffs: { single, overSeeds } }: Pick<Results, 'handoffs'>): ReportFile[] {
  if (single.length === 0) return [];
  const rows = single.flatMap(({ handoff, configuration, metrics, missing }): Field[][] =>
    missing
      ? [[handoff, configuration]]
      : metrics.map(({ metric, value, stderr, n }) => [handoff, configuration, metric, whole(value), whole(stderr), n]),
  );
  const files = [
    { path: 'handoffs.csv', content: toCsv(['handoff', 'configuration', 'metric', 'value', 'stderr', 'n'], rows) },
  ];
  if (overSeeds.length === 0) return files;
  const seeds = overSeeds.map(({ handoff, recipe, metric, mean, ci95, points }): Field[] => [
    ...[
      handoff,
      recipe,
      metric,
      points.length,
      whole(mean),
      whole(ci95.range?.[0]),
      whole(ci95.range?.[1]),
      ci95.reason,
    ],
  ]);
  const header = ['handoff', 'recipe', 'metric', 'seeds', 'mean', 'ci95_low', 'ci95_high', 'interval_note'];
  return [...files, { path: 'handoffs-over-seeds.csv', content: toCsv(header, seeds) }];
}

/** For report.json. */
export function handoffsJson({ handoffs: { single, overSeeds } }: Pick<Results, 'handoffs'>): object | undefined {
  if (single.length === 0) return undefined;
  return {
    results: single.map(({ metrics, ...result }) => ({
      ...result,
      metrics: metrics.map(({ metric, value, stderr, n }) => ({
        metric,
        value: new Exact(value),
        stderr: stderr === undefined ? null : new Exact(stderr),
        n: n ?? null,
      })),
    })),
    overSeeds: overSeeds.map(({ mean, ci95, points, ...result }) => ({
      ...result,
      mean: mean === null ? null : new Exact(mean),
      ci95: { range: ci95.range?.map((end) => new Exact(end)) ?? null, reason: ci95.reason },
      points: points.map((point) => ({ ...point, value: new Exact(point.value) })),
    })),
  };
}

function whole(value: number | null | undefined): string | null {
  return value == null ? null : String(value);
}
