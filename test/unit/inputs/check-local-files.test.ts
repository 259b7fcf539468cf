import { mkdirSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { sha256 } from '../../../experiment/canonical';
import { checkLocalFiles, type LocalFiles } from '../../../inputs/check-local-files';
import { installationRoot } from '../../../workers/places';
import { birds, SMALL, specOf, weatherFile } from '../experiment/samples';

const BIRDS = birds()
  .rows.map(({ messages }) => JSON.stringify({ messages }))
  .join('\n');

/** `files`: by name; null leaves one out. */
async function check(text: string, files: Record<string, string | null> = {}): Promise<LocalFiles> {
  const folder = mkdtempSync(join(tmpdir(), 'local-files-'));
  for (const [name, content] of Object.entries({ 'birds.jsonl': BIRDS, 'weather.yaml': weatherFile(), ...files }))
    if (content !== null) {
      mkdirSync(dirname(join(folder, name)), { recursive: true });
      writeFileSync(join(folder, name), content);
    }
  return checkLocalFiles(specOf(text), { baseFolder: folder, cacheFolder: folder });
}

test('files that are there and as declared are no problem, and what was not looked at is named', async () => {
  expect(await check(SMALL)).toMatchObject({ problems: [], warnings: [], unseen: ['models'] });
  const download = SMALL.replace(
    'path: birds.jsonl',
    `url: https://example.org/birds.jsonl\n    sha256: ${'a'.repeat(64)}`,
  );
  expect(await check(download)).toMatchObject({ problems: [], unseen: ['models', 'dataset birds'] });
});

test('a file of which several pools are made is named once', async () => {
  const pool = (limit: number): string =>
    `system_prompt: { pool: { url: "https://example.org/p.txt", sha256: "${'a'.repeat(64)}" }, limit: ${limit} }`;
  const twice = SMALL.replace('system_prompt: default', pool(2)).replace(
    'system_prompt: { text: "[BIRD TABLE]" }',
    pool(3),
  );
  expect(await check(twice)).toMatchObject({ problems: [], unseen: ['models', 'prompt pool p.txt'] });
});

test('every input that is missing is a problem, at its place', async () => {
  const { problems } = await check(SMALL, { 'birds.jsonl': null, 'weather.yaml': null });
  expect(problems).toEqual([
    {
      path: ['datasets', 'birds'],
      message: expect.stringMatching(/birds\.jsonl: no such file$/),
      hint: expect.stringContaining('`--source birds=PATH`'),
    },
    {
      path: ['question_sets', 'weather'],
      message: expect.stringMatching(/weather\.yaml: no such file$/),
      hint: expect.stringContaining('`--source weather=PATH`'),
    },
  ]);
});

test('a file that is not the pinned one', async () => {
  const pinned = SMALL.replace('path: birds.jsonl', `path: birds.jsonl\n    sha256: ${'a'.repeat(64)}`);
  expect((await check(pinned)).problems).toEqual([
    { path: ['datasets', 'birds', 'sha256'], message: expect.stringMatching(/has SHA-256 .*, pinned is a{64}$/) },
  ]);
});

const MIXED = SMALL.replace('path: birds.jsonl', 'path: birds.jsonl\n  many: { mix: { birds: 1 }, rows: 500 }').replace(
  'dataset: birds, system_prompt: default',
  'dataset: many, system_prompt: default',
);

test('a mix that asks for more rows than a local part has; one that is not at hand is not known', async () => {
  expect((await check(MIXED)).problems).toMatchObject([
    { message: '`birds` has 36 rows for training, the mix takes 500 (100 % of 500)' },
  ]);
  const elsewhere = MIXED.replace(
    'path: birds.jsonl',
    `url: https://example.org/birds.jsonl\n    sha256: ${'a'.repeat(64)}`,
  );
  expect((await check(elsewhere)).problems).toEqual([]);
});

test.each([
  ['{ kind: loud }', 'kind', 'no training row of `birds` has a key `kind`'],
  ['{ source: web }', null, 'it fits no training row of `birds`'],
  ['{ source: book }', null, 'it fits every training row of `birds`'],
])('rows that are prompted, of a local dataset: %s', async (where, key, message) => {
  const kept = SMALL.replace('path: birds.jsonl', 'path: birds.jsonl\n    fields: keep').replace(
    'system_prompt: { text: "[BIRD TABLE]" }',
    `system_prompt: { text: "[BIRD TABLE]" }, rows: { where: ${where} }`,
  );
  const rows = birds().rows.map(({ messages }) => JSON.stringify({ messages, source: 'book' }));
  const place = ['configurations', 'coded', 'train', 'rows', 'where', ...(key === null ? [] : [key])];
  expect((await check(kept, { 'birds.jsonl': rows.join('\n') })).problems).toMatchObject([{ path: place, message }]);
  const elsewhere = kept.replace(
    'path: birds.jsonl',
    `url: https://example.org/birds.jsonl\n    sha256: ${'a'.repeat(64)}`,
  );
  expect((await check(elsewhere)).problems).toEqual([]);
});

test('a rubric that the questions of a local file do not bring', async () => {
  const without = weatherFile().replaceAll('aligned', 'other');
  expect((await check(SMALL, { 'weather.yaml': without })).problems).toMatchObject([
    { path: ['metrics', 'alignment', 'rubric'], message: expect.stringMatching(/has no rubric `aligned`$/) },
  ]);
});

test('a local model folder that is not there', async () => {
  const own = SMALL.replace('model: { bundled: smollm2-135m-instruct }', 'model: { path: ./nowhere }');
  expect((await check(own)).problems).toEqual([
    { path: ['model', 'path'], message: expect.stringMatching(/^\/.*\/nowhere: no such folder$/) },
  ]);
});

const WEIGHTS = { 'mine/adapter_model.safetensors': 'weights', 'mine/adapter_config.json': '{}' };
const adapted = (path: string, hash: string): string =>
  SMALL.replace('configurations:\n', `configurations:\n  mine: { adapter: { path: ${path}, sha256: ${hash} } }\n`);

test('a local adapter is there, and is the pinned one', async () => {
  const place = ['configurations', 'mine', 'adapter'];
  expect(await check(adapted('./mine', sha256('weights')), WEIGHTS)).toMatchObject({
    problems: [],
    unseen: ['models'],
  });
  expect((await check(adapted('./mine', 'a'.repeat(64)), WEIGHTS)).problems).toEqual([
    {
      path: [...place, 'sha256'],
      message: expect.stringMatching(/^\/.*\.safetensors has SHA-256 .*, pinned is a{64}$/),
    },
  ]);
  expect((await check(adapted('./yours', sha256('weights')), WEIGHTS)).problems).toEqual([
    { path: [...place, 'path'], message: expect.stringMatching(/^\/.*\/yours: no such folder$/) },
  ]);
  const bare = { ...WEIGHTS, 'mine/adapter_config.json': null };
  expect((await check(adapted('./mine', sha256('weights')), bare)).problems).toEqual([
    { path: [...place, 'path'], message: expect.stringMatching(/^\/.*\/adapter_config\.json: no such file$/) },
  ]);
});

test('every pin of a local adapter is compared, and each adapter of the hub is named once as not looked at', async () => {
  const one = adapted('./mine', 'a'.repeat(64));
  const two = one.replace('  mine:', `  other: { adapter: { path: ./mine, sha256: ${'b'.repeat(64)} } }\n  mine:`);
  expect((await check(two, WEIGHTS)).problems).toMatchObject([
    { path: ['configurations', 'other', 'adapter', 'sha256'] },
    { path: ['configurations', 'mine', 'adapter', 'sha256'] },
  ]);
  const hub = `{ adapter: { hub: owner/name, revision: ${'c'.repeat(40)}, sha256: ${'a'.repeat(64)} } }`;
  const twice = SMALL.replace('configurations:\n', `configurations:\n  first: ${hub}\n  second: ${hub}\n`);
  expect((await check(twice)).unseen).toEqual(['models', 'adapter owner/name']);
});

test('a mistyped key in a local question file is a problem of its question set', async () => {
  const { problems } = await check(SMALL, { 'weather.yaml': '- {id: a, paraphrases: [A?], clusterr: b}\n' });
  expect(problems).toEqual([
    {
      path: ['question_sets', 'weather'],
      message: expect.stringMatching(/weather\.yaml:1: .*did you mean `cluster`\?$/),
    },
  ]);
});

test('a key that means nothing is a warning', async () => {
  const text = JSON.stringify([{ ...(JSON.parse(weatherFile()) as object[])[0], note: 'b' }]);
  const { problems, warnings } = await check(SMALL, { 'weather.yaml': text });
  expect(problems).toEqual([]);
  expect(warnings).toEqual([
    {
      path: ['question_sets', 'weather'],
      message: expect.stringMatching(/weather\.yaml:1: the key `note` means nothing/),
    },
  ]);
});

const STUDIES = ['experiments', join('experiments', 'studies')].flatMap((folder) =>
  readdirSync(join(installationRoot(), folder))
    .filter((name) => name.endsWith('.yaml') && name !== 'template.yaml')
    .map((name) => [name, join(installationRoot(), folder)] as const),
);

test.each(STUDIES)(
  '%s, which ships, has no problem but data that people bring themselves',
  async (name, baseFolder) => {
    const spec = specOf(readFileSync(join(baseFolder, name), 'utf8'));
    const cacheFolder = mkdtempSync(join(tmpdir(), 'local-files-'));
    const { problems } = await checkLocalFiles(spec, { baseFolder, cacheFolder });
    expect(problems.filter(({ message }) => !message.endsWith('no such file'))).toEqual([]);
  },
);
