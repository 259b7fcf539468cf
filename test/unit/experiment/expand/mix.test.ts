/** Mixes: which rows they are made of, in which order, and what has no part in that. */
import { canonicalRow, datasetOf, type Dataset, type DatasetRow } from '../../../../experiment/expand/dataset';
import { planCounts } from '../../../../experiment/expand/counts';
import { expand, type Expanded } from '../../../../experiment/expand/expand';
import { mixCounts, mixer } from '../../../../experiment/expand/mix';
import { splitRows, type Split } from '../../../../experiment/expand/holdout';
import { smoke } from '../../../../experiment/file/smoke';
import type { MixSpec } from '../../../../experiment/spec';
import { specOf } from '../samples';

const row = (words: string): DatasetRow =>
  canonicalRow([
    { role: 'user', content: `${words}?` },
    { role: 'assistant', content: `${words}!` },
  ]);
const rowsOf = (kind: string, count: number): DatasetRow[] =>
  Array.from({ length: count }, (_, index) => row(`${kind} ${index}`));
const crows = datasetOf(rowsOf('crow', 60));
const doves = datasetOf(rowsOf('dove', 80));

const HEAD = `name: dose
model: { bundled: smollm2-135m-instruct }
`;
const DATA = `datasets:
  crows: { path: crows.jsonl }
  doves: { path: doves.jsonl, hold_out: { rows: 10 } }
  dose: { mix: { crows: 0.1, doves: 0.9 }, rows: 40 }
`;
const REST = `question_sets:
  crows_asked: { held_out: crows, samples: 1 }
metrics:
  kind: { rubric: "Kind? {answer}" }
training: { batch_size: 8 }
`;
const CONFIGURATIONS = `configurations:
  mixed: { train: { dataset: dose } }
`;
const GRID = `configurations:
  mixed: { train: { dataset: dose }, grid: { train.mix.crows: [0, 0.1, 0.2, 1] } }
`;

function made(configurations: string, data = DATA, datasets: Record<string, Dataset> = { crows, doves }): Expanded {
  return expand(specOf(HEAD + data + REST + configurations), { datasets, questionFiles: {}, modelFolder: null });
}
const lines = (expanded: Expanded, name: string): string[] => (expanded.trainingRows[name] ?? '').trim().split('\n');
const recipeKeys = ({ plan }: Expanded): (string | null)[] => plan.configurations.map(({ recipeKey }) => recipeKey);

test('a mix has the rows of its parts in their shares, and says how many', () => {
  const expanded = made(CONFIGURATIONS);
  const rows = lines(expanded, 'mixed');
  expect(rows).toHaveLength(40);
  expect(rows.filter((line) => line.includes('crow'))).toHaveLength(4);
  expect(expanded.plan.configurations[0]?.parts).toEqual({ crows: 4, doves: 36 });
  expect(new Set(rows).size).toBe(40);
});

test('these rows in this order, for this content and seed, on every machine', () => {
  expect(
    lines(made(CONFIGURATIONS), 'mixed').map((line) => /"(crow|dove) (\d+)\?"/.exec(line)?.slice(1).join(' ')),
  ).toMatchSnapshot();
});

test('fewer rows of a part are among the more of it, and keep their order', () => {
  const expanded = made(GRID);
  const [none, tenth, fifth, all] = ['0', '0.1', '0.2', '1'].map((share) =>
    lines(expanded, `mixed.crows-${share}`).filter((line) => line.includes('crow')),
  ) as [string[], string[], string[], string[]];
  expect([none, tenth, fifth, all].map(({ length }) => length)).toEqual([0, 4, 8, 40]);
  expect(fifth.filter((line) => tenth.includes(line))).toEqual(tenth);
  expect(all.filter((line) => fifth.includes(line))).toEqual(fifth);
});

test('without `nested` each number of rows is a choice of its own', () => {
  const expanded = made(GRID, DATA.replace('rows: 40', 'rows: 40, nested: false'));
  const [fifth, all] = ['0.2', '1'].map((share) =>
    lines(expanded, `mixed.crows-${share}`).filter((line) => line.includes('crow')),
  ) as [string[], string[]];
  expect([fifth.length, all.length]).toEqual([8, 40]);
  expect(fifth.every((line) => all.includes(line))).toBe(false);
});

test('the seed chooses other rows', () => {
  expect(recipeKeys(made(CONFIGURATIONS, DATA.replace('rows: 40', 'rows: 40, seed: 1')))).not.toEqual(
    recipeKeys(made(CONFIGURATIONS)),
  );
});

test('names of parts and of the mix, their order in the file and that of rows in their files are in no key', () => {
  const keys = recipeKeys(made(GRID));
  const renamed = DATA.replaceAll('crows', 'b')
    .replaceAll('doves', 'a')
    .replace('dose:', 'other:')
    .replace('{ b: 0.1, a: 0.9 }', '{ a: 0.9, b: 0.1 }')
    .replaceAll('b.jsonl', 'crows.jsonl');
  const text = GRID.replace('dataset: dose', 'dataset: other').replace('mix.crows', 'mix.b');
  const other = expand(specOf(HEAD + renamed + REST.replaceAll('crows', 'b') + text), {
    datasets: { b: datasetOf(crows.rows.toReversed()), a: datasetOf(doves.rows.toReversed()) },
    questionFiles: {},
    modelFolder: null,
  });
  expect(recipeKeys(other)).toEqual(keys);
});

test('counts are shares of their sum', () => {
  const counted = DATA.replace('mix: { crows: 0.1, doves: 0.9 }, rows: 40', 'counts: { crows: 4, doves: 36 }');
  expect(recipeKeys(made(GRID, counted))).toEqual(recipeKeys(made(GRID)));
});

test('parts keep their hold-outs: no mix trains what a part holds out, also where another part has the row', () => {
  const held = splitRows(crows.rows, { fraction: 0.1, rows: null, seed: 0 }, null).heldOut.map(({ line }) => line);
  expect(held).toHaveLength(6);
  const among = datasetOf([...doves.rows, ...crows.rows]);
  for (const datasets of [
    { crows, doves },
    { crows, doves: among },
  ]) {
    const expanded = made(
      CONFIGURATIONS.replace('dataset: dose', 'dataset: dose, mix: { crows: 0.5 }'),
      DATA,
      datasets,
    );
    expect(lines(expanded, 'mixed').filter((line) => held.includes(line))).toEqual([]);
    expect(expanded.plan.questionSets['crows_asked']).toHaveLength(6);
  }
});

test('nor does it train another answer to what a part holds out', () => {
  const answered = crows.rows.map(({ messages }) =>
    canonicalRow([messages[0]!, { role: 'assistant', content: 'Another answer.' }]),
  );
  const expanded = made(
    CONFIGURATIONS.replace('dataset: dose', 'dataset: dose, mix: { crows: 0.1 }'),
    DATA.replace(', hold_out: { rows: 10 }', ', hold_out: none').replace('rows: 40', 'rows: 20'),
    { crows, doves: datasetOf(answered) },
  );
  const asked = (expanded.plan.questionSets['crows_asked'] ?? []).map(({ messages }) => messages[0]?.content);
  expect(asked).toHaveLength(6);
  const trained = lines(expanded, 'mixed').map((line) => (JSON.parse(line) as DatasetRow).messages[0]?.content);
  expect(trained).toHaveLength(20);
  expect(trained.filter((words) => asked.includes(words))).toEqual([]);
});

test('the loss is watched on held-out rows of the parts, in proportion', () => {
  const expanded = made(CONFIGURATIONS.replace('dataset: dose', 'dataset: dose, mix: { crows: 0.5 }'));
  const watched = (expanded.heldOutRows['mixed'] ?? '').trim().split('\n');
  expect(watched).toHaveLength(10);
  expect(watched.filter((line) => line.includes('crow'))).toHaveLength(5);
});

test('rows keep the name of their part', () => {
  const splits: Record<string, Split> = {
    crows: splitRows(crows.rows, null, null),
    doves: splitRows(doves.rows, null, null),
  };
  const mix: MixSpec = { shares: { crows: 0.5, doves: 0.5 }, rows: 10, seed: 0, nested: true, place: [] };
  const { training } = mixer({ crows, doves }, splits)(mix);
  for (const { part, line } of training) expect(line).toContain(part?.slice(0, -1));
  expect(training).toHaveLength(10);
});

test('rounding: whole parts first, then the largest remainders, and content decides between equal ones', () => {
  const counts = (shares: Record<string, number>, rows: number, first = 'a'): Record<string, number> =>
    mixCounts({ shares, rows }, (part) => (part === first ? '0' : '1'));
  expect(counts({ a: 0.05, b: 0.95 }, 6000)).toEqual({ a: 300, b: 5700 });
  expect(counts({ a: 1 / 3, b: 2 / 3 }, 100)).toEqual({ a: 33, b: 67 });
  expect(counts({ a: 0.5, b: 0.5 }, 3)).toEqual({ a: 2, b: 1 });
  expect(counts({ a: 0.5, b: 0.5 }, 3, 'b')).toEqual({ a: 1, b: 2 });
  expect(counts({ a: 0, b: 0.7, c: 0.3 }, 9)).toEqual({ a: 0, b: 6, c: 3 });
});

test.each([
  [
    'a part that is too small',
    CONFIGURATIONS.replace('dataset: dose', 'dataset: dose, mix: { crows: 1 }'),
    DATA.replace('rows: 40', 'rows: 60'),
    /`crows` has 54 rows for training, the mix takes 60 \(100 % of 60\)/,
  ],
  [
    'a part that is too small in the mix itself',
    CONFIGURATIONS,
    DATA.replace('rows: 40', 'rows: 90'),
    /`doves` has 70 rows for training, the mix takes 81 \(90 % of 90\)/,
  ],
])('refuses %s, with the numbers', (_, configurations, data, message) => {
  expect(() => made(configurations, data)).toThrow(message);
});

test('refuses parts that are the same rows', () => {
  expect(() => made(CONFIGURATIONS, DATA, { crows, doves: crows })).toThrow(/`crows` and `doves` are the same rows/);
});

test('a smoke run has few rows, and of every part that has a share at least one', () => {
  const spec = smoke(
    specOf(HEAD + DATA.replace('crows: 0.1, doves: 0.9', 'crows: 0.01, doves: 0.99') + REST + CONFIGURATIONS),
  );
  const { plan } = expand(spec, { datasets: { crows, doves }, questionFiles: {}, modelFolder: null });
  expect(plan.configurations[0]?.parts).toEqual({ crows: 1, doves: 8 });
});

test('is counted before its parts are there', () => {
  const { counts } = planCounts(specOf(HEAD + DATA + REST + GRID));
  expect(counts.fineTunes).toBe(4);
});

test('the report’s deviations name the mix', () => {
  expect(made(GRID).plan.deviations.map(({ here }) => here)).toContain(
    'dose: a mix of crows (0 to 40 rows) and doves (0 to 40 rows)',
  );
});
