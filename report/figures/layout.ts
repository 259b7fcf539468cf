/**
 * Where the bars of a figure stand, and what is written at each: bars of one configuration stand together, and under
 * every bar a column says what its number is made of.
 */
import type { StatusCounts } from '../statistics/cell';
import type { Interval } from '../statistics/intervals';
import { STATUSES } from '../statistics/statuses';

/** One bar: a cell. Values are on the figure's 0-100 axis. */
export interface FigureBar {
  cell: string;
  /** Bars of one group stand together, in the order given. */
  group: string;
  groupLabel: string;
  /** Under the bar: which prompt condition. */
  label: string;
  /** `full`: the default prompt; `light`: another prompt condition of the same configuration. */
  tone: 'full' | 'light';
  colour: string;
  /** Null: nothing is scored, and no bar is drawn. */
  value: number | null;
  interval: Interval;
  /** Values of single training seeds, whose mean the bar is. */
  points?: { seed: string; value: number }[];
  bounds: { low: number; high: number } | null;
  /** Judgements that the plan asks for. */
  n: number;
  counts: StatusCounts;
}

export interface PlacedBar extends FigureBar {
  left: number;
  right: number;
  centre: number;
}

export interface PlacedGroup {
  label: string[];
  left: number;
  right: number;
  centre: number;
}

export interface Layout {
  width: number;
  bars: PlacedBar[];
  groups: PlacedGroup[];
}

/** Pixels. A slot holds a bar and its column of counts. */
const BAR = 46;
const SLOT = 76;
const GAP = 20;
/** Room for heading and legend over a figure of few bars. */
const LEAST_WIDTH = 440;
/** Where the legend has a word for seeds. */
const LEAST_WIDTH_WITH_SEEDS = 540;
/** Estimated width of a bold character, per pixel of font size. */
const CHARACTER = 0.68;
export const GROUP_FONT = 12;

export function layOut(bars: readonly FigureBar[]): Layout {
  const placed: PlacedBar[] = [];
  const groups: PlacedGroup[] = [];
  let x = GAP / 2;
  for (const group of new Set(bars.map((bar) => bar.group))) {
    const members = bars.filter((bar) => bar.group === group);
    const left = x;
    for (const bar of members) {
      placed.push({ ...bar, left: x + (SLOT - BAR) / 2, right: x + (SLOT + BAR) / 2, centre: x + SLOT / 2 });
      x += SLOT;
    }
    const room = Math.floor((x - left + GAP - 6) / (GROUP_FONT * CHARACTER));
    const label = wrap(members[0]?.groupLabel ?? group, room, 3);
    groups.push({ label, left, right: x, centre: (left + x) / 2 });
    x += GAP;
  }
  const least = bars.some(({ points = [] }) => points.length > 0) ? LEAST_WIDTH_WITH_SEEDS : LEAST_WIDTH;
  return { width: Math.max(x - GAP / 2, least), bars: placed, groups };
}

/** Breaks at spaces, hyphens and underscores; a word that is too long, or a last line too many, ends in an ellipsis. */
export function wrap(text: string, characters: number, lines: number): string[] {
  const cut = (line: string): string =>
    line.length > characters ? `${line.slice(0, Math.max(1, characters - 1))}…` : line;
  const wrapped: string[] = [];
  let line = '';
  for (const word of text.split(/(?<=[\s_-])/)) {
    if (line !== '' && (line + word).trimEnd().length > characters) {
      wrapped.push(line.trimEnd());
      line = word;
    } else line += word;
  }
  wrapped.push(line.trimEnd());
  if (wrapped.length > lines) wrapped.splice(lines - 1, Infinity, `${wrapped.slice(lines - 1).join(' ')}`);
  return wrapped.map(cut);
}

export interface CountRow {
  label: string;
  /** One text per bar. */
  cells: string[];
  /** Zero, or nothing to say: shown faint. */
  faint: boolean[];
  alert: boolean;
}

const USUAL = new Set<keyof StatusCounts>(['scored', 'model_refused', 'judge_refused', 'unparsable', 'missing']);

/** The rows under the bars. Statuses beyond the usual five are shown when there is any. */
export function countRows(bars: readonly FigureBar[]): CountRow[] {
  const interval = bars.map(({ interval: { range } }) =>
    range === null ? 'not estimable' : `${shown(range[0])} – ${shown(range[1])}`,
  );
  return [
    {
      label: '95 % interval',
      cells: interval,
      faint: bars.map(({ interval: { range } }) => range === null),
      alert: false,
    },
    { label: 'n', cells: bars.map(({ n }) => String(n)), faint: bars.map(() => false), alert: false },
    ...STATUSES.filter(({ status }) => USUAL.has(status) || bars.some(({ counts }) => counts[status] > 0)).map(
      ({ label, status, alert }) => ({
        label,
        cells: bars.map(({ counts }) => String(counts[status])),
        faint: bars.map(({ counts }) => counts[status] === 0),
        alert,
      }),
    ),
  ];
}

/** One decimal, cut to the axis. */
function shown(value: number): string {
  return onAxis(value).toFixed(1);
}

export function onAxis(value: number): number {
  return Math.min(100, Math.max(0, value));
}
