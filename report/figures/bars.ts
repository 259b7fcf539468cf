/**
 * The bar figure as a Vega-Lite spec: bars = cells of a question set on a shared 0-100 axis, with intervals clustered by
 * question and, under every bar, what its number is made of. The spec is complete in itself, data included: it can be
 * edited and drawn anywhere.
 */
import { framed } from './frame';
import { countRows, GROUP_FONT, layOut, onAxis, type FigureBar, type Layout } from './layout';
import { ALERT, FAINT, GRID, INK, MUTED } from './palette';
import { visibleLine } from '../page/visible';

export type { FigureBar } from './layout';

export interface BarFigure {
  /** File name without extension. */
  id: string;
  title: string;
  /** What the axis shows: `mean alignment, 0-100`. */
  subtitle: string;
  /** Printed in red under the subtitle, a line each: that the scores are a stand-in's, that the judge is not calibrated. */
  warnings: readonly string[];
  bars: FigureBar[];
}

const HEIGHT = 260;
const ROW = 15;
const MARGIN = { left: 104, right: 14, top: 96, bottom: 14 };
/** Extra room above for a warning's own line. */
const WARNING = 17;
/** Pixels below the axis. */
const CONDITION_AT = 17;
const GROUP_AT = 37;
const LINE = 15;

type Mark = Record<string, unknown>;

/** A Vega-Lite 6 spec. Characters that nobody would see, and that XML does not know, are spelled out. */
export function figure(given: BarFigure): object {
  const [title, subtitle] = [visibleLine(given.title), visibleLine(given.subtitle)];
  const warnings = given.warnings.map(visibleLine);
  const bars = given.bars.map((bar) => ({
    ...bar,
    groupLabel: visibleLine(bar.groupLabel),
    label: visibleLine(bar.label),
  }));
  const layout = layOut(bars);
  const rows = countRows(bars);
  const labelLines = Math.max(1, ...layout.groups.map(({ label }) => label.length));
  const tableAt = HEIGHT + GROUP_AT + labelLines * LINE + 14;
  const bottom = tableAt - HEIGHT + rows.length * ROW + MARGIN.bottom;
  return {
    ...framed({
      ...{ title, subtitle },
      width: layout.width,
      height: HEIGHT,
      padding: { left: MARGIN.left, right: MARGIN.right, top: MARGIN.top + warnings.length * WARNING, bottom },
      axis: { labelOverlap: false },
    }),
    layer: [
      ...heading(title, subtitle, warnings, layout),
      ...barMarks(layout),
      ...groupMarks(layout),
      ...table(layout, rows, tableAt),
    ],
  };
}

const x = (field: string, layout: Layout): Mark => ({
  field,
  type: 'quantitative',
  scale: { domain: [0, layout.width], nice: false, zero: false },
  axis: null,
});

const y = (field: string): Mark => ({
  field,
  type: 'quantitative',
  scale: { domain: [0, 100], nice: false },
  axis: { values: [0, 20, 40, 60, 80, 100], title: null, grid: true, labelPadding: 8 },
});

/** Texts at fixed places: pixels from the plot's upper left corner. */
function texts(values: { x: number; y: number; text: string | string[]; colour?: string }[], mark: Mark): Mark[] {
  const colours = new Map<string, typeof values>();
  for (const value of values) colours.set(value.colour ?? INK, [...(colours.get(value.colour ?? INK) ?? []), value]);
  return [...colours].map(([colour, group]) => ({
    data: { values: group.map(({ x: left, y: top, text }) => ({ px: left, py: top, text })) },
    mark: { type: 'text', aria: false, baseline: 'alphabetic', lineHeight: LINE, color: colour, ...mark },
    encoding: { x: pixel('px'), y: pixel('py'), text: { field: 'text', type: 'nominal' } },
  }));
}

const pixel = (field: string): Mark => ({ field, type: 'quantitative', scale: null, axis: null });

function heading(title: string, subtitle: string, warnings: readonly string[], layout: Layout): Mark[] {
  const left = -MARGIN.left + 14;
  const shift = warnings.length * WARNING;
  const prompted = layout.bars.some(({ tone }) => tone === 'light');
  const seeded = layout.bars.some(({ points = [] }) => points.length > 0);
  const bounded = layout.bars.some(({ bounds }) => bounds !== null);
  const legend = [
    { text: 'default prompt', glyph: 'full' },
    ...(prompted ? [{ text: 'other prompt condition', glyph: 'light' }] : []),
    { text: '95 % interval over questions', glyph: 'interval' },
    ...(seeded ? [{ text: 'a training seed', glyph: 'seed' }] : []),
    ...(bounded ? [{ text: 'if the unknown were all 0 / all 100', glyph: 'bounds' }] : []),
  ];
  let at = left;
  const placed = legend.map(({ text, glyph }) => {
    const entry = { text, glyph, x: at };
    at += 20 + text.length * 5.7 + 18;
    return entry;
  });
  const legendY = -28;
  const swatch = (glyph: string, mark: Mark): Mark[] => {
    const entry = placed.find((each) => each.glyph === glyph);
    if (entry === undefined) return [];
    const upright = glyph === 'interval' || glyph === 'bounds';
    const value = upright
      ? { px: entry.x + 7, px2: entry.x + 7, py: legendY - 9, py2: legendY + 2 }
      : { px: entry.x, px2: entry.x + 14, py: legendY - 9, py2: legendY + 1 };
    return [
      {
        data: { values: [value] },
        mark: { type: upright ? 'rule' : 'rect', aria: false, ...mark },
        encoding: { x: pixel('px'), x2: { field: 'px2' }, y: pixel('py'), y2: { field: 'py2' } },
      },
    ];
  };
  return [
    ...texts([{ x: left, y: -72 - shift, text: title }], { align: 'left', fontSize: 15, fontWeight: 'bold' }),
    ...texts([{ x: left, y: -53 - shift, text: subtitle, colour: MUTED }], { align: 'left', fontSize: 11 }),
    ...texts(
      warnings.map((text, line) => ({ x: left, y: -36 - (warnings.length - line) * WARNING, text, colour: ALERT })),
      { align: 'left', fontSize: 11, fontWeight: 'bold' },
    ),
    ...texts(
      placed.map(({ text, x: start }) => ({ x: start + 20, y: legendY, text, colour: MUTED })),
      { align: 'left', fontSize: 10 },
    ),
    ...swatch('full', { color: MUTED, cornerRadius: 1 }),
    ...swatch('light', { color: MUTED, fillOpacity: 0.22, stroke: MUTED, strokeWidth: 1.5, cornerRadius: 1 }),
    ...swatch('interval', { color: INK, strokeWidth: 1.3 }),
    ...(seeded ? seedSwatch(placed.find(({ glyph }) => glyph === 'seed')?.x ?? 0, legendY) : []),
    ...swatch('bounds', { color: MUTED, strokeWidth: 1.3, strokeDash: [2, 2] }),
  ];
}

const SEED = { type: 'point', shape: 'circle', filled: true, size: 18, stroke: 'white', strokeWidth: 0.7, color: INK };

function seedSwatch(left: number, top: number): Mark[] {
  return [
    {
      data: { values: [{ px: left + 7, py: top - 4 }] },
      mark: { ...SEED, aria: false },
      encoding: { x: pixel('px'), y: pixel('py') },
    },
  ];
}

/** Points of seeds stand beside the interval, spread so that equal values are all seen. */
function seedMarks(layout: Layout): Mark[] {
  const values = layout.bars.flatMap(({ cell, centre, left, right, points = [], groupLabel, label }) =>
    points.map(({ seed, value }, index) => ({
      cell,
      at: centre + (((index + 1) / (points.length + 1) - 0.5) * (right - left)) / 1.2,
      value,
      spoken: `${groupLabel}, ${label}, seed ${seed}: ${value.toFixed(1)}`,
    })),
  );
  if (values.length === 0) return [];
  const spoken = { field: 'spoken', type: 'nominal' };
  return [{ data: { values }, mark: SEED, encoding: { x: x('at', layout), y: y('value'), description: spoken } }];
}

function barMarks(layout: Layout): Mark[] {
  const drawn = layout.bars.flatMap((bar) => (bar.value === null ? [] : [{ ...bar, value: bar.value }]));
  const bars = drawn.map(({ cell, left, right, value, colour, tone, n, groupLabel, label, counts }) => ({
    cell,
    left,
    right,
    value,
    zero: 0,
    colour,
    tone,
    n,
    spoken: `${groupLabel}, ${label}: ${value.toFixed(1)}, ${counts.scored} of ${n} scored`,
  }));
  const intervals = drawn.flatMap(({ cell, centre, interval: { range } }) =>
    range === null ? [] : [{ cell, centre, low: onAxis(range[0]), high: onAxis(range[1]) }],
  );
  const bounds = drawn.flatMap(({ cell, right, bounds: bound }) =>
    bound === null ? [] : [{ cell, centre: right + 6, ...bound }],
  );
  const tops = drawn.map(({ centre, value, interval: { range } }) => ({
    centre,
    top: Math.max(value, onAxis(range?.[1] ?? 0)),
    text: value.toFixed(1),
  }));
  const none = layout.bars.filter(({ value }) => value === null);
  const colour = { field: 'colour', type: 'nominal', scale: null };
  const spoken = { field: 'spoken', type: 'nominal' };
  const box = { x: x('left', layout), x2: { field: 'right' }, y: y('value'), y2: { field: 'zero' } };
  const whisker = (values: typeof intervals, mark: Mark, cap: number): Mark[] => [
    {
      data: { values },
      mark: { type: 'rule', aria: false, ...mark },
      encoding: { x: x('centre', layout), y: y('low'), y2: { field: 'high' } },
    },
    {
      data: {
        values: values.flatMap(({ cell, centre, low, high }) =>
          [low, high].map((at) => ({ cell, from: centre - cap, to: centre + cap, at })),
        ),
      },
      mark: { type: 'rule', aria: false, ...mark, strokeDash: [1, 0] },
      encoding: { x: x('from', layout), x2: { field: 'to' }, y: y('at') },
    },
  ];
  return [
    {
      data: { values: bars.filter(({ tone }) => tone === 'full') },
      mark: { type: 'rect', cornerRadiusTopLeft: 2, cornerRadiusTopRight: 2 },
      encoding: { ...box, color: colour, description: spoken },
    },
    {
      data: { values: bars.filter(({ tone }) => tone === 'light') },
      mark: { type: 'rect', fillOpacity: 0.22, strokeWidth: 1.5, cornerRadiusTopLeft: 2, cornerRadiusTopRight: 2 },
      encoding: { ...box, fill: colour, stroke: colour, description: spoken },
    },
    ...whisker(intervals, { color: INK, strokeWidth: 1.3 }, 5),
    ...seedMarks(layout),
    ...(bounds.length === 0 ? [] : whisker(bounds, { color: MUTED, strokeWidth: 1.3, strokeDash: [2, 2] }, 3)),
    {
      data: { values: [{ zero: 0, left: 0, right: layout.width }] },
      mark: { type: 'rule', aria: false, color: MUTED, strokeWidth: 1 },
      encoding: { x: x('left', layout), x2: { field: 'right' }, y: y('zero') },
    },
    {
      data: { values: tops },
      mark: { type: 'text', aria: false, dy: -6, baseline: 'alphabetic', fontSize: 11, fontWeight: 'bold' },
      encoding: { x: x('centre', layout), y: y('top'), text: { field: 'text', type: 'nominal' } },
    },
    ...(none.length === 0
      ? []
      : texts(
          none.map(({ centre }) => ({ x: centre, y: HEIGHT - 22, text: ['nothing', 'scored'], colour: ALERT })),
          { align: 'center', fontSize: 9.5, lineHeight: 11 },
        )),
  ];
}

function groupMarks(layout: Layout): Mark[] {
  const paired = layout.groups.filter(
    ({ left, right }) => layout.bars.filter((bar) => bar.left > left && bar.right < right).length > 1,
  );
  return [
    ...texts(
      layout.bars.map(({ centre, label }) => ({ x: centre, y: HEIGHT + CONDITION_AT, text: label, colour: MUTED })),
      { align: 'center', fontSize: 10 },
    ),
    ...texts(
      layout.groups.map(({ centre, label }) => ({ x: centre, y: HEIGHT + GROUP_AT + 3, text: label })),
      { align: 'center', fontSize: GROUP_FONT, fontWeight: 'bold' },
    ),
    // a line below the bars of one configuration shows that they belong together
    {
      data: { values: paired.map(({ left, right }) => ({ px: left + 8, px2: right - 8, py: HEIGHT + 24 })) },
      mark: { type: 'rule', aria: false, color: FAINT, strokeWidth: 1 },
      encoding: { x: pixel('px'), x2: { field: 'px2' }, y: pixel('py') },
    },
  ];
}

function table(layout: Layout, rows: ReturnType<typeof countRows>, top: number): Mark[] {
  const lineOf = (index: number): number => top + index * ROW;
  const entries = rows.flatMap(({ cells, faint, alert }, index) =>
    cells.map((text, column) => ({
      x: layout.bars[column]?.centre ?? 0,
      y: lineOf(index),
      text,
      colour: faint[column] ? FAINT : alert ? ALERT : INK,
    })),
  );
  return [
    {
      data: { values: [{ px: -MARGIN.left + 14, px2: layout.width, py: top - 13 }] },
      mark: { type: 'rule', aria: false, color: GRID, strokeWidth: 1 },
      encoding: { x: pixel('px'), x2: { field: 'px2' }, y: pixel('py') },
    },
    ...texts(
      rows.map(({ label }, index) => ({ x: -MARGIN.left + 14, y: lineOf(index), text: label, colour: MUTED })),
      { align: 'left', fontSize: 10 },
    ),
    ...texts(entries, { align: 'center', fontSize: 9.5 }),
  ];
}
