/**
 * The line figure as a Vega-Lite spec: values over an axis of a grid, one line for each recipe and prompt condition, with intervals
 * and, where there are several, the values of single training seeds. Complete in itself, data included, as the bars are.
 */
import { framed } from './frame';
import { onAxis } from './layout';
import { ALERT, HUES, MUTED } from './palette';
import { visibleLine } from '../page/visible';
import type { Interval } from '../statistics/intervals';

/** One configuration, or a recipe under several seeds. Values are on the figure's 0-100 axis. */
export interface LinePoint {
  cell: string;
  x: number;
  /** Null: nothing is scored, and no point is drawn. */
  value: number | null;
  interval: Interval;
  /** Values of single training seeds, whose mean the point is; empty = one fine-tune. */
  seeds: { seed: string; value: number }[];
  /** Judgements that the plan asks for, and how many of them are scores. */
  n: number;
  scored: number;
}

export interface FigureLine {
  label: string;
  /** Lines of one recipe have one colour; the number of its colour. */
  hue: number;
  /** Other prompt conditions than a recipe's first are dashed. */
  dashed: boolean;
  /** By x. */
  points: LinePoint[];
}

export interface LineFigure {
  /** File name without extension. */
  id: string;
  title: string;
  /** What the axis shows: `mean alignment, 0-100`. */
  subtitle: string;
  /** Below the x axis. */
  xTitle: string;
  /** Printed in red under the subtitle, a line each. */
  warnings: readonly string[];
  lines: FigureLine[];
}

type Mark = Record<string, unknown>;

const [WIDTH, HEIGHT] = [520, 260];
const MARGIN = { left: 52, right: 18, top: 66, bottom: 52 };
const ROW = 16;
/** Pixels from the frame to the first and last value, and between the points of two lines at one value. */
const [INSET, APART] = [16, 5];
/** Pixels that a value's label below the axis takes. */
const TICK_ROOM = 34;

/** A Vega-Lite 6 spec. Characters that nobody would see, and that XML does not know, are spelled out. */
export function lineFigure(given: LineFigure): object {
  const [title, subtitle, xTitle] = [given.title, given.subtitle, given.xTitle].map(visibleLine) as [
    string,
    string,
    string,
  ];
  const warnings = given.warnings.map(visibleLine);
  const lines = given.lines.map((line) => ({ ...line, label: visibleLine(line.label) }));
  const above = (warnings.length + lines.length) * ROW;
  const at = placing(lines);
  const top = topOf(lines);
  return {
    ...framed({
      ...{ title, subtitle },
      width: WIDTH,
      height: HEIGHT,
      padding: { left: MARGIN.left, right: MARGIN.right, top: MARGIN.top + above, bottom: MARGIN.bottom },
    }),
    layer: [
      ...heading(title, subtitle, warnings, lines, above),
      ...xAxis(lines, at, xTitle),
      ...lines.flatMap((line, index) => marksOf(line, (point) => at(point.x, index), top)),
    ],
  };
}

/** Pixels from the left of a value of the line with that index, beside the points of the others. */
function placing(lines: readonly FigureLine[]): (value: number, index?: number) => number {
  const values = lines.flatMap(({ points }) => points.map(({ x }) => x));
  const [low, high] = [Math.min(...values), Math.max(...values)];
  return (value, index) => {
    const place = high === low ? WIDTH / 2 : INSET + ((value - low) / (high - low)) * (WIDTH - 2 * INSET);
    return (
      place + (index === undefined ? 0 : (index - (lines.length - 1) / 2) * Math.min(APART, (2 * INSET) / lines.length))
    );
  };
}

/** Where the y axis ends: the next ten above all that is drawn. */
function topOf(lines: readonly FigureLine[]): number {
  const all = lines.flatMap(({ points }) =>
    points.flatMap(({ value, interval: { range }, seeds }) => [
      value ?? 0,
      range?.[1] ?? 0,
      ...seeds.map((each) => each.value),
    ]),
  );
  return Math.min(100, Math.max(10, Math.ceil(Math.max(0, ...all) / 10) * 10));
}

const pixel = (field: string): Mark => ({ field, type: 'quantitative', scale: null, axis: null });
const colourOf = ({ hue }: FigureLine): string => HUES[hue % HUES.length] as string;

function y(field: string, top: number): Mark {
  const step = top > 50 ? 20 : top > 20 ? 10 : 5;
  const values = Array.from({ length: Math.floor(top / step) + 1 }, (_, index) => index * step);
  return {
    field,
    type: 'quantitative',
    scale: { domain: [0, top], nice: false },
    axis: { values, title: null, grid: true, labelPadding: 8 },
  };
}

function text(values: { px: number; py: number; text: string }[], mark: Mark): Mark {
  return {
    data: { values },
    mark: { type: 'text', aria: false, baseline: 'alphabetic', align: 'left', ...mark },
    encoding: { x: pixel('px'), y: pixel('py'), text: { field: 'text', type: 'nominal' } },
  };
}

function heading(
  title: string,
  subtitle: string,
  warnings: readonly string[],
  lines: readonly FigureLine[],
  above: number,
): Mark[] {
  const left = -MARGIN.left + 14;
  const first = -above - 24;
  const legendAt = (index: number): number => -above + (warnings.length + index) * ROW;
  return [
    text([{ px: left, py: first - 20, text: title }], { fontSize: 15, fontWeight: 'bold' }),
    text([{ px: left, py: first, text: subtitle }], { fontSize: 11, color: MUTED }),
    ...(warnings.length === 0
      ? []
      : [
          text(
            warnings.map((words, index) => ({ px: left, py: -above + index * ROW - 4, text: words })),
            { fontSize: 11, fontWeight: 'bold', color: ALERT },
          ),
        ]),
    ...lines.flatMap((line, index): Mark[] => [
      {
        data: { values: [{ px: left, px2: left + 24, py: legendAt(index) - 4 }] },
        mark: { type: 'rule', aria: false, strokeWidth: 2, color: colourOf(line), strokeDash: dash(line) },
        encoding: { x: pixel('px'), x2: { field: 'px2' }, y: pixel('py') },
      },
      text([{ px: left + 32, py: legendAt(index), text: line.label }], { color: MUTED }),
    ]),
  ];
}

const dash = ({ dashed }: FigureLine): number[] => (dashed ? [5, 3] : [1, 0]);

function xAxis(lines: readonly FigureLine[], at: (value: number) => number, title: string): Mark[] {
  const values = [...new Set(lines.flatMap(({ points }) => points.map(({ x }) => x)))].sort((a, b) => a - b);
  let last = -Infinity;
  const labelled = values.filter((value) => {
    if (at(value) - last < TICK_ROOM) return false;
    last = at(value);
    return true;
  });
  return [
    {
      data: { values: values.map((value) => ({ px: at(value), py: HEIGHT, py2: HEIGHT + 4 })) },
      mark: { type: 'rule', aria: false, color: MUTED },
      encoding: { x: pixel('px'), y: pixel('py'), y2: { field: 'py2' } },
    },
    {
      data: { values: [{ px: 0, px2: WIDTH, py: HEIGHT }] },
      mark: { type: 'rule', aria: false, color: MUTED },
      encoding: { x: pixel('px'), x2: { field: 'px2' }, y: pixel('py') },
    },
    text(
      labelled.map((value) => ({ px: at(value), py: HEIGHT + 18, text: shown(value) })),
      { align: 'center', color: MUTED, fontSize: 10.5 },
    ),
    text([{ px: WIDTH / 2, py: HEIGHT + 38, text: title }], { align: 'center', fontSize: 11 }),
  ];
}

function shown(value: number): string {
  const plain = String(Number(value.toPrecision(4)));
  return plain.length <= 7 ? plain : value.toExponential(1);
}

function marksOf(line: FigureLine, placeOf: (point: LinePoint) => number, top: number): Mark[] {
  const colour = colourOf(line);
  const drawn = line.points.flatMap((point) =>
    point.value === null ? [] : [{ ...point, value: point.value, px: placeOf(point) }],
  );
  const x = pixel('px');
  const intervals = drawn.flatMap(({ px, interval: { range } }) =>
    range === null ? [] : [{ px, low: onAxis(range[0]), high: onAxis(range[1]) }],
  );
  const seeds = drawn.flatMap((point) => point.seeds.map(({ value }) => ({ px: point.px, value })));
  return [
    {
      data: { values: drawn.map(({ px, value }) => ({ px, value })) },
      mark: { type: 'line', aria: false, strokeWidth: 2, color: colour, strokeDash: dash(line) },
      encoding: { x, y: y('value', top), order: { field: 'px', type: 'quantitative' } },
    },
    {
      data: { values: intervals },
      mark: { type: 'rule', aria: false, strokeWidth: 1.3, color: colour },
      encoding: { x, y: y('low', top), y2: { field: 'high' } },
    },
    ...(seeds.length === 0
      ? []
      : [
          {
            data: { values: seeds },
            mark: { type: 'point', aria: false, shape: 'circle', filled: true, size: 12, color: colour, opacity: 0.55 },
            encoding: { x, y: y('value', top) },
          },
        ]),
    {
      data: {
        values: drawn.map(({ px, value, x: where, n, scored }) => ({
          px,
          value,
          spoken: `${line.label}, ${shown(where)}: ${value.toFixed(1)}, ${scored} of ${n} scored`,
        })),
      },
      mark: { type: 'point', shape: 'circle', filled: true, size: 46, color: colour, stroke: 'white', strokeWidth: 1 },
      encoding: { x, y: y('value', top), description: { field: 'spoken', type: 'nominal' } },
    },
  ];
}
