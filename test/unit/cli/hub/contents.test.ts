/** What would be published of a store and a results folder. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { LocalStore } from '../../../../artifacts/local/store';
import { contentsOf, type ContentOptions } from '../../../../cli/hub/contents';
import type { StoredPlan } from '../../../../artifacts/plans';
import { cardFacts, finishedReport } from '../../report/cards/cards-fixture';

const OPTIONS: ContentOptions = { owner: 'me', name: 'small', licence: null, answers: true };
const BASE = 'HuggingFaceTB/SmolLM2-135M-Instruct';

let folder: string;
let store: LocalStore;
let stored: StoredPlan;
const results = () => join(folder, 'results');
const write = (path: string, text: string): void => {
  mkdirSync(dirname(join(results(), path)), { recursive: true });
  writeFileSync(join(results(), path), text);
};

/** A finished experiment: its rows, its report and an adapter of each fine-tune. */
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'flamingo-contents-'));
  store = await LocalStore.open(join(folder, 'store'));
  ({ stored } = cardFacts());
  writeReport(finishedReport(stored.plan));
  for (const { cells } of stored.plan.configurations)
    for (const { id } of cells) for (const kind of ['completions', 'judgements']) write(`${id}/${kind}.jsonl`, `{}\n`);
  write('cells.csv', 'a\n');
  write('report.html', '<p>');
  write('notes-of-mine.txt', 'private');
  for (const { name, recipeKey: key } of stored.plan.configurations) {
    if (key === null) continue;
    const work = { stage: 'adapters' as const, key };
    await store.commit(work, {
      ...work,
      results: {
        weights: await store.putBytes(`weights of ${name}`, '.safetensors'),
        config: await store.putBytes(JSON.stringify({ base_model_name_or_path: BASE }), '.json'),
      },
      ...{ provenance: {}, facts: {}, committed: { attempt: 'a', host: 'h', at: '2026-01-01T00:00:00Z' } },
    });
  }
});
afterEach(() => rmSync(folder, { recursive: true }));

function writeReport(report: object): void {
  write('report.json', JSON.stringify(report));
  const files = ['report.json', 'provenance.json', 'cells.csv', 'report.html', '../outside', 'gone.csv'];
  write('provenance.json', JSON.stringify({ files, provenance: { flamingo: { version: '1.2.3', commit: null } } }));
}

const contents = (changes: Partial<ContentOptions> = {}) =>
  contentsOf(store, stored, results(), { ...OPTIONS, ...changes });

test('a repository for each adapter and one for the results', async () => {
  const { repositories, leftOut } = await contents();
  expect(leftOut).toEqual([]);
  expect(repositories.map(({ type, name }) => `${type} ${name}`)).toEqual([
    'model me/small-plain',
    'model me/small-coded',
    'dataset me/small',
  ]);
  const [plain, , dataset] = repositories;
  expect(plain?.files.map(({ path }) => path)).toEqual([
    'adapter_model.safetensors',
    'adapter_config.json',
    'README.md',
  ]);
  expect(plain?.files[1]).toMatchObject({ text: JSON.stringify({ base_model_name_or_path: BASE }) });
  const { recipeKey } = stored.plan.configurations.find(({ name }) => name === 'plain')!;
  expect(plain?.marker).toEqual({
    version: 1,
    experiment: 'small',
    store: store.id,
    configuration: 'plain',
    recipe: recipeKey,
  });
  const paths = dataset!.files.map(({ path }) => path);
  expect(paths.slice(-2)).toEqual(['experiment.yaml', 'README.md']);
  expect(paths).toEqual(expect.arrayContaining(['base/weather/default/completions.jsonl', 'cells.csv', 'report.html']));
  expect(paths.join()).not.toMatch(/notes-of-mine|outside|gone/);
});

test('without answers neither rows of answers nor the page go', async () => {
  const { repositories } = await contents({ answers: false });
  const paths = repositories.at(-1)!.files.map(({ path }) => path);
  expect(paths.join()).not.toMatch(/completions|report\.html/);
  expect(paths.filter((path) => path.endsWith('judgements.jsonl'))).toHaveLength(8);
});

test('what is not finished is left out with its reason', async () => {
  const report = finishedReport(stored.plan);
  for (const cell of report.cells) if (cell.configuration === 'coded') cell.metrics[0]!.counts.missing = 1;
  for (const cell of report.cells) if (cell.cell === 'plain/weather/default') cell.completions.present = 0;
  writeReport(report);
  const { repositories, leftOut } = await contents();
  expect(repositories.map(({ name }) => name)).toEqual(['me/small']);
  expect(repositories[0]!.files.some(({ path }) => path.startsWith('plain/'))).toBe(false);
  expect(leftOut.map(({ configuration }) => configuration)).toEqual(['plain', 'coded']);
  expect(leftOut[0]?.reason).toContain('missing in 1 of its');
  await expect(contents({ only: ['coded'] })).rejects.toThrow('nothing of small is finished: coded');
});

test('of a whole model the results are published, and no model', async () => {
  const { recipeKey } = stored.plan.configurations.find(({ name }) => name === 'plain')!;
  const work = { stage: 'adapters' as const, key: recipeKey! };
  const found = (await store.manifest(work))!;
  await store.putAside(work, found);
  const { config: _, ...results } = found.results;
  await store.commit(work, { ...found, results: { ...results, 'file:config.json': found.results['config']! } });
  const { repositories, leftOut } = await contents();
  expect(repositories.map(({ name }) => name)).toEqual(['me/small-coded', 'me/small']);
  expect(leftOut).toMatchObject([
    { configuration: 'plain', reason: expect.stringContaining('a whole model') as string },
  ]);
});

test('an adapter that does not stand on the base alone is left out, and what goes on with it', async () => {
  const [plain, coded] = stored.plan.configurations.filter(({ recipe }) => recipe !== null);
  plain!.recipe!.start = { adapter: 'f'.repeat(64), as: 'merge' };
  coded!.recipe!.start = { adapter: plain!.recipeKey!, as: 'continue' };
  const { repositories, leftOut } = await contents();
  expect(repositories.map(({ type }) => type)).toEqual(['dataset']);
  expect(leftOut.map(({ reason }) => reason).join()).toMatch(/another adapter merged.*another adapter merged/);
});

test('the report has to be there, and of this plan', async () => {
  writeReport({ ...finishedReport(stored.plan), plan: 'f'.repeat(64) });
  await expect(contents()).rejects.toThrow('is of another plan: `flamingo report small`');
  rmSync(join(results(), 'report.json'));
  await expect(contents()).rejects.toThrow('report.json is not there');
});

test('two configurations that come to one name are refused', async () => {
  for (const configuration of stored.plan.configurations) if (configuration.recipe) configuration.name = '..x';
  writeReport(finishedReport(stored.plan));
  await expect(contents()).rejects.toThrow(/would both be me\/small-.*choose another --name/);
});
