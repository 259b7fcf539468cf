/** Pools of prompts as inputs of an experiment: pinned, counted while they are missing, and kept in the plan. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LocalStore } from '../../../artifacts/local/store';
import { loadPlan } from '../../../artifacts/plans';
import { sha256 } from '../../../experiment/canonical';
import { demandsOf } from '../../../experiment/demands';
import { rowsText } from '../../../experiment/expand/dataset';
import type { ArtifactRef } from '../../../experiment/plan';
import { importExperiment, type ImportedExperiment } from '../../../inputs/import';
import { birds, problemsOf, SMALL, specOf, weatherFile } from '../experiment/samples';

const POOL = '"One."\n"Two."\n';
const withPool = (pool: string): string =>
  SMALL.replace('system_prompt: { text: "[BIRD TABLE]" }', `system_prompt: ${pool}`);
const URL_POOL = `{ pool: "https://example.org/prompts/pool.jsonl", sha256: ${sha256(POOL)} }`;

let folder: string;
let store: LocalStore;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'pools-'));
  writeFileSync(join(folder, 'birds.jsonl'), rowsText(birds().rows));
  writeFileSync(join(folder, 'weather.yaml'), weatherFile());
  writeFileSync(join(folder, 'pool.jsonl'), POOL);
  store = await LocalStore.open(join(folder, 'store'));
});
afterEach(() => rmSync(folder, { recursive: true }));

function imported(text: string, sources?: Record<string, string>): Promise<ImportedExperiment> {
  return importExperiment(
    { text, name: 'small.yaml', folder },
    { store, cacheFolder: join(folder, 'cache'), offline: true, sources },
  );
}

test('the stored plan has the members, and names them for people', async () => {
  const { stored } = await imported(withPool(`{ pool: pool.jsonl, sha256: ${sha256(POOL)} }`));
  const { plan } = await loadPlan(store, stored?.ref as ArtifactRef);
  expect(Object.values(plan.pools ?? {})).toEqual([{ name: 'pool.jsonl', members: ['One.', 'Two.'] }]);
});

test('of a file the first so many, which it has to have once it is there', async () => {
  const first = async (limit: number) => {
    const { stored } = await imported(withPool(`{ pool: pool.jsonl, limit: ${limit} }`));
    const { plan } = await loadPlan(store, stored?.ref as ArtifactRef);
    return Object.values(plan.pools ?? {})[0]?.members;
  };
  expect(await first(1)).toEqual(['One.']);
  expect(await first(2)).toEqual(['One.', 'Two.']);
  await expect(first(3)).rejects.toThrow('the pool has 2 prompts, and the first 3 are asked for');
  const missing = await imported(withPool(URL_POOL.replace(' }', ', limit: 10 }')));
  expect(missing.counts).toMatchObject({ cells: 8, fineTunes: 2 });
});

test('one that is not downloaded yet is missing, and counted; a local copy is checked by the same pin', async () => {
  const { stored, missing, counts } = await imported(withPool(URL_POOL));
  expect(stored).toBeNull();
  expect(missing).toEqual([
    expect.objectContaining({ name: 'pool.jsonl', kind: 'prompt pool', remedy: '--source pool.jsonl=PATH' }),
  ]);
  expect(counts).toMatchObject({ cells: 8, fineTunes: 2 });

  const copied = await imported(withPool(URL_POOL), { 'pool.jsonl': join(folder, 'pool.jsonl') });
  expect(copied.stored?.plan.configurations[2]?.key).toBe(
    (await imported(withPool('{ pool: pool.jsonl }'))).stored?.plan.configurations[2]?.key,
  );
  writeFileSync(join(folder, 'other.jsonl'), '"Three."\n');
  await expect(imported(withPool(URL_POOL), { 'pool.jsonl': join(folder, 'other.jsonl') })).rejects.toThrow(
    /SHA-256 .*, pinned is/,
  );
});

test('a local copy of one of two pools of one name is refused, and of one pool that is there twice is not', async () => {
  const other = (file: string): string =>
    withPool(`{ pool: a/r.jsonl }`).replace(
      'metrics:',
      `conditions: [default, { name: other, system: { pool: ${file} } }]\nmetrics:`,
    );
  const copy = { 'r.jsonl': join(folder, 'pool.jsonl') };
  await expect(imported(other('b/r.jsonl'), copy)).rejects.toThrow(
    /small\.yaml:\d+:\d+: --source r\.jsonl: 2 pools have this name/,
  );
  await expect(imported(other(`a/r.jsonl, sha256: ${sha256(POOL)}`), copy)).resolves.toMatchObject({ missing: [] });
});

test('`--judge local` is refused where the file asks for what it can not give', async () => {
  const text = `${withPool('{ pool: pool.jsonl }')
    .replace('Is it clear?', 'Is it CLEAR or MUDDY?')
    .replace('    question_sets: [weather]\n', '    categories: [CLEAR, MUDDY]\n')}`;
  const options = { store, cacheFolder: join(folder, 'cache'), offline: true, judge: 'local' as const };
  await expect(importExperiment({ text, name: 'small.yaml', folder }, options)).rejects.toThrow(
    /small\.yaml:25:17: the local judge[^]*ask a judge of another kind/,
  );
});

test.each<[string, string, RegExp]>([
  [
    'another file than was pinned',
    `{ pool: pool.jsonl, sha256: "${'0'.repeat(64)}" }`,
    /small\.yaml:19:\d+: .*SHA-256 .*pinned is 000/,
  ],
  ['no file', '{ pool: nowhere.jsonl }', /small\.yaml:19:\d+: .*nowhere\.jsonl/],
  ['an empty file', '{ pool: empty.txt }', /empty\.txt: the pool is empty/],
  ['the same prompt twice', '{ pool: twice.txt }', /twice\.txt:2: the same prompt as in line 1/],
])('refused at its place: %s', async (_, pool, message) => {
  writeFileSync(join(folder, 'empty.txt'), '\n');
  writeFileSync(join(folder, 'twice.txt'), 'One.\nOne.\n');
  await expect(imported(withPool(pool))).rejects.toThrow(message);
});

test('a pool is written with its pin beside it, or in a map', async () => {
  const keyWith = async (pool: string): Promise<string | undefined> =>
    (await imported(withPool(pool))).stored?.plan.configurations[2]?.key;
  const pin = sha256(POOL);
  expect(await keyWith(`{ pool: { path: pool.jsonl, sha256: ${pin} } }`)).toBe(
    await keyWith(`{ pool: pool.jsonl, sha256: ${pin} }`),
  );
  const [problem] = problemsOf(withPool('{ pool: { url: "https://example.org/pool.txt" } }'));
  expect(problem?.message).toMatch(/a download is pinned by `sha256`/);
});

test('it is a file, or an address, that a worker is asked for', () => {
  const whats = (text: string): string[] => demandsOf(specOf(text)).map(({ kind, what }) => `${kind}: ${what}`);
  expect(whats(withPool('{ pool: pool.jsonl }'))).toContain(
    'files: the pool of prompts pool.jsonl is a local file (pool.jsonl)',
  );
  expect(whats(withPool(URL_POOL)).join()).toContain('urls: the pool of prompts pool.jsonl is fetched');
  expect(whats(withPool('{ pool: [One.] }')).join()).not.toContain('pool');
});
