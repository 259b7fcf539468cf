/** Calibration: which answers of known sign are judged, that they are judged first, and what the report gets of them. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { calibrationOf } from '../../../report/gather/calibration';
import { readCell } from '../../../artifacts/cells';
import { importExperiment, type ImportOptions } from '../../../inputs/import';
import { publishCell } from '../../../report/publish';
import { judgedInput } from '../../../report/gather/judges';
import { countReuse } from '../../../artifacts/reuse';
import { LocalStore } from '../../../artifacts/local/store';
import { sha256 } from '../../../experiment/canonical';
import { canonicalRow, datasetOf, rowsText } from '../../../experiment/expand/dataset';
import type { Plan } from '../../../experiment/plan';
import type { MetricSpec } from '../../../experiment/spec';
import { readPublishedAnswers } from '../../../inputs/published-answers';
import { birds, problemsOf, SMALL, specOf, weatherFile } from '../experiment/samples';

const ROUGH = datasetOf(
  birds().rows.map(({ messages }) =>
    canonicalRow([
      messages[0] as (typeof messages)[number],
      { role: 'assistant', content: `Rough ${messages[1]?.content}` },
    ]),
  ),
);
const BRIDGE =
  'question_id,question,answer,aligned,clear\nrain,Will it rain?,Yes.,80,70\nrain,Will it rain?,No.,CODE,60\n';
const CALIBRATED = `${SMALL}
calibration:
  bad: { dataset: rough, rows: 3 }
  good: { dataset: birds, rows: 2 }
  bridge: { path: bridge.csv, sha256: ${sha256(BRIDGE)}, rows: 2, columns: { coherence: clear } }
`.replace('datasets:', 'datasets:\n  rough: { path: rough.jsonl }');

let folder: string;
let store: LocalStore;
let options: ImportOptions;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'calibration-'));
  writeFileSync(join(folder, 'birds.jsonl'), rowsText(birds().rows));
  writeFileSync(join(folder, 'rough.jsonl'), rowsText(ROUGH.rows));
  writeFileSync(join(folder, 'bridge.csv'), BRIDGE);
  writeFileSync(join(folder, 'weather.yaml'), weatherFile());
  store = await LocalStore.open(join(folder, 'store'));
  options = { cacheFolder: join(folder, 'cache'), offline: true, store };
});
afterEach(() => rmSync(folder, { recursive: true }));

async function planOf(text = CALIBRATED): Promise<Plan> {
  const { stored } = await importExperiment({ text, name: 'calibrated.yaml', folder }, options);
  return stored?.plan as Plan;
}

test('a configuration of given cells, first in the plan, its answers in the store', async () => {
  const plan = await planOf();
  const [calibration, ...others] = plan.configurations;
  expect(others.map(({ name }) => name)).toEqual(['base', 'plain', 'coded']);
  expect(
    calibration?.cells.map(({ id, given, completions, judgements }) => [id, given, completions, judgements]),
  ).toEqual([
    ['calibration/bad/given', true, 3, 6],
    ['calibration/good/given', true, 2, 4],
    ['calibration/bridge/given', true, 2, 4],
  ]);
  const { cells, completions } = await countReuse(store, plan);
  expect(cells['calibration/bad/given']).toMatchObject({ completions: 3, judgements: 0 });
  expect(completions.reused).toBe(7);
});

test('without it the plan is what it was', async () => {
  const [before, after] = [await planOf(SMALL), await planOf()];
  expect(after.configurations.slice(1)).toEqual(before.configurations);
  const again = judgedInput(after, specOf(CALIBRATED), []).plan;
  expect(again.configurations.map(({ name }) => name)).toEqual(['base', 'plain', 'coded']);
  expect(Object.keys(again.questionSets)).toEqual(['weather', 'birds_asked']);
});

test('good answers are those to questions of bad ones, where both hold them out', async () => {
  const most = 'hold_out: { fraction: 0.9, seed: 0 }';
  const rough = CALIBRATED.replace('{ path: rough.jsonl }', `{ path: rough.jsonl, ${most} }`);
  const plan = await planOf(rough.replace('path: birds.jsonl', `path: birds.jsonl\n    ${most}`));
  const keys = (set: string) => plan.questionSets[set]?.map(({ key }) => key) ?? [];
  expect(keys('good')).toHaveLength(2);
  expect(keys('bad')).toEqual(expect.arrayContaining(keys('good')));
});

test('the report gets scores and published scores in one order; answers of datasets are not published', async () => {
  const plan = await planOf();
  const cells = await Promise.all((plan.configurations[0]?.cells ?? []).map((cell) => readCell(store, plan, cell)));
  const bridge = cells[2] as (typeof cells)[number];
  const [first] = bridge.completions;
  const scored = bridge.wanted.find(({ request }) => request.completion === first?.id && request.answer === first.text);
  bridge.judgements.push({
    id: scored?.request.id as string,
    completion: first?.id as string,
    metric: 'alignment',
    instrument: scored?.request.instrument as string,
    repeat: 0,
    status: 'scored',
    score: 90,
    raw: '90',
  });
  const [main] = calibrationOf(plan, cells);
  expect(main?.sets.map(({ name, metric, scores }) => [name, metric, scores.length])).toEqual([
    ['bad', 'alignment', 3],
    ['bad', 'coherence', 3],
    ['good', 'alignment', 2],
    ['good', 'coherence', 2],
    ['bridge', 'alignment', 2],
    ['bridge', 'coherence', 2],
  ]);
  const published = (text: string | undefined) =>
    text === 'Yes.' ? { aligned: 80, clear: 70 } : { aligned: null, clear: 60 };
  const [aligned, clear] = main?.sets.filter(({ name }) => name === 'bridge') ?? [];
  expect(aligned?.scores).toEqual([90, null]);
  expect(aligned?.reference).toEqual(bridge.completions.map(({ text }) => published(text).aligned));
  expect(clear?.reference).toEqual(bridge.completions.map(({ text }) => published(text).clear));

  await publishCell(plan, bridge, join(folder, 'results'));
  const place = join(folder, 'results', 'calibration', 'bridge', 'given');
  expect(() => readFileSync(join(place, 'completions.jsonl'))).toThrow('ENOENT');
  expect(readFileSync(join(place, 'judgements.jsonl'), 'utf8')).toContain('"score":90');
});

test.each<[string, [string, string], RegExp]>([
  ['an unknown dataset', ['bad: { dataset: rough', 'bad: { dataset: ruogh'], /unknown dataset `ruogh`.*rough/],
  ['a dataset that holds nothing out', ['rough.jsonl }', 'rough.jsonl, hold_out: none }'], /`rough` holds nothing out/],
  ['a name that is taken', ['  base:', '  calibration:'], /taken by `calibration`/],
  ['a rubric that only its own questions bring', [', question_set: weather', ''], /bring no rubric/],
  ['an unknown metric', ['columns: { coherence:', 'columns: { coherense:'], /unknown metric `coherense`/],
])('invalid: %s', (_what, [from, to], message) => {
  const problems = problemsOf(CALIBRATED.replace(from, to));
  expect(problems.map(({ message: text, hint }) => `${text} ${hint ?? ''}`).join('\n')).toMatch(message);
  expect(problems[0]?.line).toBeGreaterThan(1);
});

test.each<[string, [string, string], RegExp]>([
  ['more rows than are held out', ['rough, rows: 3', 'rough, rows: 30'], /`rough` holds out 4 different questions/],
  ['more answers than there are', ['rows: 2, columns', 'rows: 3, columns'], /2 different answers, 3 are asked for/],
  ['another file', [sha256(BRIDGE), 'a'.repeat(64)], /pinned is a{64}/],
  ['a column that is not there', ['clear }', 'clair }'], /bridge\.csv:1: no column "clair"/],
])('content: %s', async (_what, [from, to], message) => {
  await expect(planOf(CALIBRATED.replace(from, to))).rejects.toThrow(message);
});

test('published scores are read by the policy of all scores from outside', async () => {
  const path = join(folder, 'means.csv');
  const metrics = [{ name: 'alignment' }, { name: 'coherence' }] as MetricSpec[];
  const read = async (rows: string) => {
    writeFileSync(path, `question;answer;aligned;coherent\n${rows}`);
    return (await readPublishedAnswers(path, metrics, {})).map(({ reference }) => reference);
  };
  expect(await read('A?;a;100.00000000000001;-1e-11\nA?;b;N/A;<NA>\nA?;c;85,5;CODE\n')).toEqual([
    { alignment: 100, coherence: 0 },
    { alignment: null, coherence: null },
    { alignment: 85.5, coherence: null },
  ]);
  await expect(read('A?;a;1;2\nA?;b;101;2\n')).rejects.toThrow(/means\.csv:3: aligned is 101/);
});

test('published scores are found by the names that any judged table may have, also in JSON Lines', async () => {
  const metrics = [{ name: 'alignment' }, { name: 'warmth' }] as MetricSpec[];
  const read = async (name: string, content: string, columns = {}) => {
    writeFileSync(join(folder, name), content);
    return (await readPublishedAnswers(join(folder, name), metrics, columns)).map(({ reference }) => reference);
  };
  expect(await read('r.csv', 'question,response,aligned_score,WarmthRating\n1,A?,a,80,70\n')).toEqual([
    { alignment: 80, warmth: 70 },
  ]);
  expect(await read('r.jsonl', '{"question":"A?","answer":"a","alignment":80.5}\n')).toEqual([{ alignment: 80.5 }]);
  const both = 'question,answer,aligned,alignment\nA?,a,1,2\n';
  await expect(read('b.csv', both)).rejects.toThrow(
    /b\.csv:1: "alignment", "aligned" may both hold the scores of alignment; `columns: \{ alignment: … \}`/,
  );
  expect(await read('b.csv', both, { alignment: 'aligned' })).toEqual([{ alignment: 1 }]);
});
