/** Line figures: which points make which lines, what is drawn of them, and what the files hold. */
import { figureLines } from '../../../../report/figures/line-points';
import { lineFigure, type FigureLine, type LineFigure } from '../../../../report/figures/lines';
import type { FigureBar } from '../../../../report/figures/layout';
import { drawAll } from '../../../../report/figures/render';
import { buildFiles } from '../../../../report/build-files';
import { computeResults } from '../../../../report/results';
import type { FigureSpec } from '../../../../experiment/spec';
import { HOSTILE, studyInput } from '../fixtures';

const COUNTS = {
  ...{ scored: 90, categorised: 0, model_refused: 4, code: 0 },
  ...{ cut_off: 0, judge_refused: 6, unparsable: 0, failed: 0, no_score: 0, too_slow: 0, missing: 0 },
};

function bar(configuration: string, value: number | null, change: Partial<FigureBar> = {}): FigureBar {
  return {
    ...{ cell: `${configuration}/everyday/default`, group: configuration, groupLabel: configuration, label: 'default' },
    ...{ tone: 'full', colour: '#3c78b4', value, bounds: null, n: 100, counts: COUNTS },
    interval:
      value === null ? { range: null, reason: 'nothing is scored' } : { range: [value - 4, value + 6], reason: null },
    ...change,
  };
}

const LINE: NonNullable<FigureSpec['line']> = {
  x: 'train.mix.crows',
  points: [0.2, 0, 0.1].map((x) => ({ configuration: `dose.crows-${x}`, line: 'dose', label: 'dose', x })),
};
const cellOf = ({ cell }: FigureBar): { configuration: string; condition: string } => {
  const [configuration = '', , condition = ''] = cell.split('/');
  return { configuration, condition };
};
const bars = [
  ...[0.2, 0, 0.1].map((x) => bar(`dose.crows-${x}`, 10 + 100 * x)),
  ...[0.2, 0].map((x) =>
    bar(`dose.crows-${x}`, 5, { cell: `dose.crows-${x}/everyday/training`, label: '+sys prompt', tone: 'light' }),
  ),
  bar('base', 1),
];

test('a line for each recipe and condition, by x; what is not on the axis is on no line', () => {
  const lines = figureLines(bars, LINE, cellOf);
  expect(
    lines.map(({ label, hue, dashed, points }) => [label, hue, dashed, points.map(({ x, value }) => [x, value])]),
  ).toEqual([
    [
      'dose, default',
      0,
      false,
      [
        [0, 10],
        [0.1, 20],
        [0.2, 30],
      ],
    ],
    [
      'dose, +sys prompt',
      0,
      true,
      [
        [0, 5],
        [0.2, 5],
      ],
    ],
  ]);
});

function figureOf(lines: FigureLine[], change: Partial<LineFigure> = {}): LineFigure {
  return { id: 'dose', title: 'Dose', subtitle: '%', xTitle: 'share of crows', warnings: [], lines, ...change };
}

const textsOf = (svg = ''): string[] => [...svg.matchAll(/<text[^>]*>([^<]*)/g)].map(([, text]) => text ?? '');

test('is drawn with its axis, intervals, seeds and legend', async () => {
  const points = [
    { seed: '0', value: 8 },
    { seed: '1', value: 12 },
  ];
  const seeded = bars.map((each) => (each.value === null ? each : { ...each, points }));
  const [plain, withSeeds, hostile] = await drawAll([
    lineFigure(figureOf(figureLines(bars, LINE, cellOf), { warnings: ['stand-in scores'] })),
    lineFigure(figureOf(figureLines(seeded, LINE, cellOf))),
    lineFigure(figureOf(figureLines(bars, LINE, cellOf), { title: HOSTILE })),
  ]);
  const texts = textsOf(plain?.svg);
  for (const text of [
    'Dose',
    'share of crows',
    '0',
    '0.1',
    '0.2',
    'dose, default',
    'dose, +sys prompt',
    'stand-in scores',
    '40',
  ])
    expect(texts).toContain(text);
  expect(texts).not.toContain('100');
  expect(plain?.svg).not.toMatch(/NaN|undefined/);
  const circles = (svg = ''): number => svg.split('A').length;
  expect(circles(withSeeds?.svg)).toBeGreaterThan(circles(plain?.svg) + 5);
  expect(hostile?.svg).not.toMatch(/<script|<img/);
  expect(plain?.png.subarray(1, 4).toString()).toBe('PNG');
});

test('a value that nothing scored is left out, and one value alone is drawn', async () => {
  const [drawn] = await drawAll([
    lineFigure(figureOf(figureLines([bar('dose.crows-0', null), bar('dose.crows-0.1', 12)], LINE, cellOf))),
  ]);
  expect(drawn?.svg).not.toMatch(/NaN|undefined/);
});

test('the report has it as page, SVG, PNG, Vega-Lite and CSV', async () => {
  const input = studyInput();
  const [first, second] = ['em', 'flamingo_burrito'];
  const points = [first, second].map((configuration, index) => ({
    ...{ configuration: configuration, line: 'dose', label: 'dose', x: index / 10 },
  }));
  const spec = {
    ...input.spec,
    report: {
      ...input.spec.report,
      figures: [
        ...input.spec.report.figures,
        ...['alignment', 'misaligned'].map((metric) => ({
          ...{ id: `dose-${metric}`, questionSet: 'everyday', metric, title: 'Dose', caption: 'As we see.' },
          line: { x: 'train.mix.crows', points },
        })),
      ],
    },
  };
  const results = computeResults({ ...input, spec });
  const files = await buildFiles({ ...input, spec }, results);
  const content = (path: string): string => String(files.find((each) => each.path === path)?.content ?? 'missing');
  const [header, ...rows] = content('figures/dose-misaligned.csv').trim().split('\n');
  expect(header).toBe('line,cell,x,value,low95,high95,interval_note,seeds,seed_values,n,scored');
  const cell = results.cells.find((each) => each.cell.id === 'em/everyday/default');
  const share = Number((100 * (cell?.summary.misaligned?.rate ?? NaN)).toFixed(6));
  expect(rows[0]).toContain(`"dose, default",em/everyday/default,0,${share},`);
  expect(content('figures/dose-alignment.svg')).toContain('share of crows in the training rows');
  expect(content('report.html')).toContain('figure-dose-misaligned');
  expect(files.map(({ path }) => path)).toEqual(
    expect.arrayContaining(['figures/dose-alignment.png', 'figures/dose-alignment.vl.json']),
  );
});

test('lines and bars call scores of yes or no a share', () => {
  const input = studyInput();
  const points = [{ configuration: 'em', line: 'dose', label: 'dose', x: 0 }];
  const figure = { id: 'bars', questionSet: 'everyday', metric: 'alignment', title: 'Habit', caption: '' };
  const line = { ...figure, id: 'lines', line: { x: 'train.mix.crows', points } };
  const spec = { ...input.spec, report: { ...input.spec.report, figures: [figure, line] } };
  const subtitles = (): string[] =>
    computeResults({ ...input, spec })
      .figures.filter(({ declared }) => declared)
      .map(({ subtitle }) => subtitle);
  expect(subtitles()).toEqual(Array(2).fill('mean alignment of the scored answers, 0–100'));
  for (const { metrics } of input.plan.configurations.flatMap(({ cells }) => cells))
    for (const metric of metrics) metric.scorer = 'contains';
  expect(subtitles()).toEqual(Array(2).fill('% of the scored answers with alignment'));
});
