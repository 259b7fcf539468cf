import { mkdirSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { importExperiment, type ImportedExperiment, type ImportOptions } from '../../../inputs/import';
import { LocalStore } from '../../../artifacts/local/store';
import { loadPlan } from '../../../artifacts/plans';
import { sha256 } from '../../../experiment/canonical';
import type { ArtifactRef } from '../../../experiment/plan';
import { rowsText } from '../../../experiment/expand/dataset';
import { questionsHash } from '../../../experiment/expand/questions';
import { safetensors } from '../../support/safetensors';
import { birds, SMALL, weather, weatherFile } from '../experiment/samples';

const ROWS = rowsText(birds().rows);
const QUESTIONS = weatherFile();

let folder: string;
let store: LocalStore;
let options: ImportOptions;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'import-'));
  writeFileSync(join(folder, 'birds.jsonl'), ROWS);
  writeFileSync(join(folder, 'weather.yaml'), QUESTIONS);
  store = await LocalStore.open(join(folder, 'store'));
  options = { store, cacheFolder: join(folder, 'cache'), offline: true };
});

function imported(text = SMALL, more: Partial<ImportOptions> = {}): Promise<ImportedExperiment> {
  return importExperiment({ text, name: 'small.yaml', folder }, { ...options, ...more });
}

async function keyOfPlan(text = SMALL): Promise<string | undefined> {
  return (await imported(text)).stored?.plan.key;
}

test('plans from local files and puts the training rows into the store, once', async () => {
  const { stored, counts, missing } = await imported();
  const plan = stored?.plan;
  expect(missing).toEqual([]);
  expect(counts).toMatchObject({ configurations: 3, cells: 8, fineTunes: 2 });
  const [base, plain, coded] = plan?.configurations ?? [];
  expect(base?.trainingRows).toBeNull();
  expect(coded?.trainingRows).toEqual(plain?.trainingRows);
  expect(plain?.trainingRows?.sha256).toBe(plain?.recipe?.rows);
  expect(base?.heldOutRows).toBeNull();
  expect(coded?.heldOutRows).toEqual(plain?.heldOutRows);
  expect((await store.read(plain?.heldOutRows as ArtifactRef)).toString().trimEnd().split('\n')).toHaveLength(4);
  expect(
    (await store.read(plain?.trainingRows as NonNullable<typeof base>['trainingRows'] & object)).toString().split('\n'),
  ).toHaveLength(37);
});

test('the pin of a local file is held against its bytes, and is part of no key', async () => {
  const pinned = (dataset: string, questions: string): string =>
    SMALL.replace('path: birds.jsonl', `path: birds.jsonl\n    sha256: "${dataset}"`).replace(
      'path: weather.yaml',
      `path: weather.yaml\n    sha256: "${questions}"`,
    );
  const [rows, questions, other] = [sha256(ROWS), sha256(QUESTIONS), '0'.repeat(64)];
  expect(await keyOfPlan(pinned(rows, questions))).toBe(await keyOfPlan());
  await expect(imported(pinned(other, questions))).rejects.toThrow(
    /^small\.yaml:\d+:13: .*birds\.jsonl has SHA-256 [0-9a-f]{64}, pinned is 0{64}/,
  );
  await expect(imported(pinned(rows, other))).rejects.toThrow(/weather\.yaml has SHA-256 .*, pinned is 0{64}/);
  // another client learns nothing of what lies here
  await expect(imported(pinned(other, questions), { confine: true })).rejects.toThrow(
    /birds\.jsonl is other bytes, pinned is 0{64}/,
  );
  await expect(imported(pinned(rows, questions).replace('birds.jsonl', 'no.jsonl'))).rejects.toThrow(
    /no\.jsonl: no such file/,
  );
  const copy = join(folder, 'copy.jsonl');
  writeFileSync(copy, `${ROWS}\n`);
  await expect(imported(pinned(rows, questions), { sources: { birds: copy } })).rejects.toThrow(/copy\.jsonl has SHA/);
});

test('the judge that takes the place of the file’s is the one that must tell the probabilities of words', async () => {
  const worded = SMALL.replace(
    /metrics:[^]*$/,
    'metrics:\n  m: { rubric: "YES or NO? {question} {answer}", words: { YES: 100, NO: 0 } }\n',
  );
  const further = `${worded}judges: { other: { model: claude-haiku-5-5 } }\n`;
  for (const text of [worded, `${worded}judge: { kind: stand-in }\n`, further]) {
    await expect(imported(text)).rejects.toThrow(
      /`m` is the probability of words, and `judge` is read by what it writes/,
    );
    const { stored, spec } = await imported(text, { judge: 'local' });
    expect(spec.judge.kind).toBe('local');
    expect(Object.values(stored?.plan.instruments ?? {})).toMatchObject([
      { judge: 'local', words: { YES: 100, NO: 0 } },
    ]);
  }
  // one that the file names, or that comes instead, must be able to all the same
  const local = `${worded}judge: { kind: local, bundled: smollm2-135m-instruct }\n`;
  await expect(imported(worded, { judge: 'claude' })).rejects.toThrow(/small\.yaml:\d+:\d+: `m` is the probability/);
  await expect(imported(local, { judge: 'stand-in' })).rejects.toThrow(/small\.yaml:\d+:\d+: `m` is the probability/);
});

test('where a file lies is no part of any key', async () => {
  mkdirSync(join(folder, 'elsewhere'));
  writeFileSync(join(folder, 'elsewhere', 'b.jsonl'), ROWS);
  const here = await keyOfPlan();
  expect(here).toMatch(/^[0-9a-f]{64}$/);
  expect(await keyOfPlan(SMALL.replace('birds.jsonl', 'elsewhere/b.jsonl'))).toBe(here);
});

test.each<[string, string, string, RegExp, string]>([
  ['a missing file', 'birds.jsonl', 'brids.jsonl', /brids\.jsonl: no such file/, 'birds'],
  ['an empty dataset', 'birds.jsonl', 'empty.jsonl', /empty\.jsonl: the dataset is empty/, 'birds'],
  ['a broken line', 'birds.jsonl', 'broken.jsonl', /broken\.jsonl:41: not JSON/, 'birds'],
  ['a file without questions', 'weather.yaml', 'empty.jsonl', /empty\.jsonl: no questions/, 'weather'],
])('%s is refused with its name and its place', async (_, before, after, message, place) => {
  writeFileSync(join(folder, 'empty.jsonl'), '');
  writeFileSync(join(folder, 'broken.jsonl'), `${ROWS}{"messages"`);
  const text = SMALL.replace(before, after);
  const failure: unknown = await imported(text).catch((error: unknown) => error);
  expect(failure).toMatchObject({ name: 'InvalidFile', message: expect.stringMatching(message) as string });
  const line = text.split('\n').findIndex((each) => each.trim() === `${place}:`) + 1;
  expect((failure as Error).message).toMatch(new RegExp(`^small\\.yaml:${line}:\\d+: `));
});

test('a missing file has a remedy, which another client could not use', async () => {
  const text = SMALL.replace('birds.jsonl', 'brids.jsonl');
  const remedy = /= help: the head of the experiment file may say .* `--source birds=PATH`/;
  await expect(imported(text)).rejects.toThrow(remedy);
  await expect(imported(text, { confine: true })).rejects.not.toThrow(remedy);
});

test('paths of a file that came from elsewhere stay in its folder', async () => {
  const text = SMALL.replace('birds.jsonl', '../birds.jsonl');
  await expect(imported(text, { confine: true })).rejects.toThrow(/lies outside the folder of experiments/);
  await expect(imported(SMALL, { confine: true })).resolves.toMatchObject({ missing: [] });
});

test('the hash of an adapter that is not the pinned one is told, but not to another client', async () => {
  mkdirSync(join(folder, 'mine'));
  writeFileSync(join(folder, 'mine', 'adapter_model.safetensors'), 'weights');
  const text = SMALL.replace(
    'configurations:\n',
    `configurations:\n  mine: { adapter: { path: ./mine, sha256: "${'0'.repeat(64)}" } }\n`,
  );
  await expect(imported(text)).rejects.toThrow(
    /\/mine\/adapter_model\.safetensors has SHA-256 [0-9a-f]{64}, pinned is 0/,
  );
  await expect(imported(text, { confine: true })).rejects.toThrow(
    /\/mine\/adapter_model\.safetensors is other bytes, pinned is 0/,
  );
});

test('a local model folder is known by its content', async () => {
  const model = join(folder, 'model');
  mkdirSync(model);
  writeFileSync(join(model, 'config.json'), '{}');
  const text = SMALL.replace('{ bundled: smollm2-135m-instruct }', '{ path: model }');
  await expect(imported(text)).rejects.toThrow(/no \.safetensors weights/);
  writeFileSync(join(model, 'model.safetensors'), safetensors('weights'));
  const { stored: first } = await imported(text);
  expect((await loadPlan(store, first?.ref as ArtifactRef)).modelFolder).toBe(model);
  writeFileSync(join(model, 'README.md'), 'words do not count');
  expect(await keyOfPlan(text)).toBe(first?.plan.key);
  writeFileSync(join(model, 'model.safetensors'), safetensors('other weights'));
  expect(await keyOfPlan(text)).not.toBe(first?.plan.key);
});

describe('published content', () => {
  let server: Server;
  let url: string;
  let served: Record<string, string>;

  beforeEach(async () => {
    served = { '/birds.jsonl': ROWS, '/weather.yaml': QUESTIONS };
    server = createServer((request, response) => response.end(served[request.url ?? '']));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterEach(() => server.close());

  const published = (): string =>
    SMALL.replace('path: birds.jsonl', `url: ${url}/birds.jsonl\n    sha256: ${sha256(ROWS)}\n    rows: 40`).replace(
      'path: weather.yaml',
      `url: ${url}/weather.yaml\n    content_sha256: ${questionsHash(weather())}\n    questions: 3`,
    );

  test('is counted offline, downloaded when asked, and there afterwards', async () => {
    const text = published();
    const before = await imported(text);
    expect(before).toMatchObject({
      stored: null,
      missing: [
        { name: 'birds', kind: 'dataset' },
        { name: 'weather', kind: 'question set' },
      ],
    });
    const online = await imported(text, { offline: false });
    expect(online.counts).toEqual(before.counts);
    const after = await imported(text);
    expect(after.stored?.plan.key).toBe(online.stored?.plan.key);
    expect(online.stored?.plan.key).toBeDefined();
    const local = await imported();
    expect(after.stored?.plan.configurations).toEqual(local.stored?.plan.configurations);
  });

  test('--source takes a local copy, by file or folder, and the same pin decides', async () => {
    const text = published();
    const sources = { birds: join(folder, 'birds.jsonl'), weather: folder };
    expect((await imported(text, { sources })).missing).toEqual([]);
    writeFileSync(join(folder, 'birds.jsonl'), `${ROWS}\n`);
    await expect(imported(text, { sources })).rejects.toThrow(/birds\.jsonl has SHA-256 .*, pinned is/);
    await expect(imported(text, { sources: { brids: folder } })).rejects.toThrow(/did you mean `birds`/);
  });

  test('other questions under the same address are refused, and not kept', async () => {
    const good = served['/weather.yaml'] as string;
    served['/weather.yaml'] = good.replace('rain?', 'hail?');
    const text = published();
    await expect(imported(text, { offline: false })).rejects.toThrow(/the questions of `weather` have SHA-256/);
    served['/weather.yaml'] = good;
    expect((await imported(text, { offline: false })).missing).toEqual([]);
  });

  test('a server that is gone: the address, the reason and the remedy', async () => {
    const text = published().replaceAll(url, 'http://127.0.0.1:1');
    const failure: unknown = await imported(text, { offline: false, signal: AbortSignal.timeout(300) }).catch(
      (error: unknown) => error,
    );
    expect((failure as Error).message).toMatch(/127\.0\.0\.1:1\/birds\.jsonl[^]*--source birds=PATH/);
    expect(readdirSync(join(folder, 'cache', 'downloads'))).toEqual([]);
  });
});

test('the demo plans from the clone alone', async () => {
  const base = join(__dirname, '..', '..', '..', 'experiments');
  const text = readFileSync(join(base, 'demo.yaml'), 'utf8');
  const { stored, missing } = await importExperiment({ text, name: 'demo.yaml', folder: base }, options);
  const plan = stored?.plan;
  expect(missing).toEqual([]);
  expect(plan?.questionSets['in_domain']).toHaveLength(16);
  expect(plan?.configurations[1]?.recipe?.rowCount).toBe(40);
  expect(Object.values(plan?.instruments ?? {}).map(({ rubric }) => rubric)).toEqual([
    expect.stringContaining('[stand-in: contains "flamingo" -> 5 else 95]'),
    expect.stringContaining('[stand-in: contains " " -> 90 else 10]'),
  ]);
});
