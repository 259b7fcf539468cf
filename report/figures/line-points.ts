/**
 * The lines of a figure over an axis of a grid, from the bars of its cells: a point for each configuration, or for each recipe
 * under several seeds, as the bars have them.
 */
import type { FigureSpec } from '../../experiment/spec';
import type { FigureBar } from './layout';
import type { FigureLine, LinePoint } from './lines';

export interface CellOfBar {
  configuration: string;
  condition: string;
}

/**
 * `bars`: over seeds where there are seeds (over-seeds.ts). `cellOf`: which cell a bar is of, of a recipe's one of its own.
 * Points are in the order of x, lines in that of their first bars.
 */
export function figureLines(
  bars: readonly FigureBar[],
  line: NonNullable<FigureSpec['line']>,
  cellOf: (bar: FigureBar) => CellOfBar,
): FigureLine[] {
  const placeOf = new Map(line.points.map((point) => [point.configuration, point]));
  const lines = new Map<string, FigureLine>();
  const recipes: string[] = [];
  for (const bar of bars) {
    const { configuration, condition } = cellOf(bar);
    const place = placeOf.get(configuration);
    if (place === undefined) continue;
    const slot = JSON.stringify([place.line, condition]);
    const known = lines.get(slot) ?? {
      label: `${place.label}, ${bar.label}`,
      hue: recipes.includes(place.line) ? recipes.indexOf(place.line) : recipes.length,
      dashed: recipes.includes(place.line),
      points: [],
    };
    if (!recipes.includes(place.line)) recipes.push(place.line);
    lines.set(slot, { ...known, points: [...known.points, pointOf(bar, place.x)].sort((a, b) => a.x - b.x) });
  }
  return [...lines.values()];
}

function pointOf({ cell, value, interval, points = [], n, counts }: FigureBar, x: number): LinePoint {
  return { cell, x, value, interval, seeds: points, n, scored: counts.scored };
}
