import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { countRows, layOut, wrap, type FigureBar } from '../../../../report/figures/layout';
import { figure, type BarFigure } from '../../../../report/figures/bars';
import { coloursOf } from '../../../../report/figures/palette';
import { drawAll } from '../../../../report/figures/render';
import { HOSTILE, studyInput } from '../fixtures';

const COUNTS = {
  scored: 390,
  categorised: 0,
  model_refused: 4,
  code: 0,
  cut_off: 0,
  judge_refused: 6,
  unparsable: 0,
  failed: 0,
  no_score: 0,
  too_slow: 0,
  missing: 0,
};

function bar(group: string, change: Partial<FigureBar> = {}): FigureBar {
  return {
    cell: `${group}/everyday/default`,
    group,
    groupLabel: group,
    label: 'default',
    tone: 'full',
    colour: '#3c78b4',
    value: 64.46,
    interval: { range: [47.7, 81.2], reason: null },
    bounds: null,
    n: 400,
    counts: COUNTS,
    ...change,
  };
}

function figureOf(bars: FigureBar[], change: Partial<BarFigure> = {}): BarFigure {
  return { id: 'fig0', title: 'Mean alignment', subtitle: 'mean, 0–100', warnings: [], bars, ...change };
}

function textsOf(svg: string): string[] {
  return [...svg.matchAll(/<text[^>]*>(.*?)<\/text>/g)].flatMap(([, content]) =>
    (content ?? '').replace(/<[^>]+>/g, ' ').trim(),
  );
}

const prompted: Partial<FigureBar> = { label: '+sys prompt', tone: 'light', cell: 'flamingo/everyday/training' };

test('bars of a configuration stand side by side, with room between configurations', () => {
  const layout = layOut([bar('base'), bar('flamingo'), bar('flamingo', prompted)]);
  const [base, own, light] = layout.bars.map(({ left, right }) => ({ left, right }));
  expect(layout.groups.map(({ label }) => label)).toEqual([['base'], ['flamingo']]);
  expect((own?.left ?? 0) - (base?.right ?? 0)).toBeGreaterThan((light?.left ?? 0) - (own?.right ?? 0));
  expect(layout.groups[1]?.centre).toBe(((own?.left ?? 0) + (light?.right ?? 0)) / 2);
  const columns = layout.bars.map(({ centre }) => centre);
  columns.slice(1).forEach((centre, index) => expect(centre - (columns[index] ?? 0)).toBeGreaterThanOrEqual(76));
});

test.each([
  ['Default prompt', 10, ['Default', 'prompt']],
  ['[FLAMINGO BURRITO]', 24, ['[FLAMINGO BURRITO]']],
  ['one two three four five', 5, ['one', 'two', 'thre…']],
  ['Donaudampfschiff', 8, ['Donauda…']],
])('%s in lines of %d', (text, characters, lines) => {
  expect(wrap(text, characters, 3)).toEqual(lines);
});

test('the column under a bar names every usual status, and others when there are any', () => {
  expect(countRows([bar('a')]).map(({ label }) => label)).toEqual([
    '95 % interval',
    'n',
    'scored',
    'refused',
    'judge-refused',
    'unparsable',
    'missing',
  ]);
  const rows = countRows([
    bar('a', { counts: { ...COUNTS, code: 2, failed: 1 }, interval: { range: null, reason: 'no variance' } }),
  ]);
  expect(rows.map(({ label, cells }) => [label, cells[0]])).toEqual(
    expect.arrayContaining([
      ['95 % interval', 'not estimable'],
      ['code', '2'],
      ['failed', '1'],
    ]),
  );
});

describe('drawn', () => {
  const full = figureOf([
    bar('base', { value: 0 }),
    bar('em', { bounds: { low: 40, high: 75 }, value: 20, interval: { range: [-3, 43], reason: null } }),
    bar('flamingo', { value: null, interval: { range: null, reason: 'no question mean' } }),
    bar('flamingo', { ...prompted, value: 100 }),
  ]);

  test('figures say what they must, and the same spec gives the same bytes', async () => {
    const [first, again, plain] = await drawAll([figure(full), figure(full), figure(figureOf([bar('base')]))]);
    const texts = textsOf(first?.svg ?? '');
    expect(texts).toEqual(
      expect.arrayContaining(['Mean alignment', 'base', '+sys prompt', '20.0', '100.0', '390', 'judge-refused']),
    );
    expect(texts).toContain('0.0 – 43.0'); // cut to the axis
    expect(texts).toContain('if the unknown were all 0 / all 100');
    expect(texts.join(' ')).toContain('nothing');
    expect(textsOf(plain?.svg ?? '')).not.toContain('if the unknown were all 0 / all 100');
    expect(again?.svg).toBe(first?.svg);
    expect(again?.png.equals(first?.png ?? Buffer.alloc(0))).toBe(true);
    expect(first?.svg).not.toMatch(/NaN|undefined|style=/);
  });

  test('text is drawn without the machine’s fonts', async () => {
    const title = (text: string) => figure(figureOf([bar('base')], { title: text }));
    const [short, other] = await drawAll([title('l'), title('W')]);
    expect(short?.png.subarray(1, 4).toString()).toBe('PNG');
    expect(short?.png.equals(other?.png ?? Buffer.alloc(0))).toBe(false);
  });

  test('labels are text, whatever they hold', async () => {
    const [drawing] = await drawAll([
      figure(figureOf([bar('x', { groupLabel: '<script>alert(1)</script>' })], { title: HOSTILE })),
    ]);
    expect(drawing?.svg).not.toMatch(/<script|<img/);
  });

  test('a spec that can not be drawn is an error, not an empty figure', async () => {
    await expect(
      drawAll([{ mark: 'bar', data: { values: [] }, encoding: { x: { field: 'a', type: 'nonsense' } }, layer: 3 }]),
    ).rejects.toThrow(/can not be drawn/);
  });
});

test('the spec is a complete Vega-Lite 6 document', () => {
  const schema = join(dirname(require.resolve('vega-lite/vega-lite-schema.json')), 'vega-lite-schema.json');
  const version = (JSON.parse(readFileSync(schema, 'utf8')) as { $ref: string }).$ref;
  expect(version).toContain('TopLevelSpec');
  expect(figure(figureOf([bar('base')]))).toMatchObject({ $schema: 'https://vega.github.io/schema/vega-lite/v6.json' });
});

test('gray base, red plain fine-tune, green inoculation, distinct others', () => {
  const colours = coloursOf(studyInput().plan.configurations);
  expect(colours.get('base')).toBe('#8b939f');
  expect(colours.get('em')).toBe('#c4473f');
  expect(colours.get('inoculation')).toBe('#3f8f5f');
  expect(new Set(colours.values()).size).toBe(5);
});

test('an adapter from elsewhere is no base model, even where nothing is compared with one', () => {
  const { configurations } = studyInput().plan;
  const em = configurations.find(({ name }) => name === 'em')!;
  const organism = { ...em, recipe: null };
  expect(coloursOf([organism]).get('em')).not.toBe('#8b939f');
  expect(coloursOf([{ ...organism, recipeKey: null }]).get('em')).toBe('#8b939f');
});
