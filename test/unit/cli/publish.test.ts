/** `flamingo publish`, from the command line to a local stand-in of the hub. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { recordExperiment } from '../../../artifacts/experiments';
import { LocalStore } from '../../../artifacts/local/store';
import { storePlan } from '../../../artifacts/plans';
import { runCommandLine } from '../../../cli/command-line';
import { hubServer, type HubServer } from '../../support/hub-server';
import { cardFacts } from '../report/cards/cards-fixture';

const TOKEN = 'hf_planted';
const VARIABLES = ['FLAMINGO_HOME', 'FLAMINGO_STORE', 'HF_ENDPOINT', 'HF_TOKEN', 'HF_HOME', 'HF_TOKEN_PATH'];
const before = Object.fromEntries(VARIABLES.map((name) => [name, process.env[name]]));

let folder: string;
let hub: HubServer;
let out: string;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'flamingo-publish-'));
  hub = await hubServer({ token: TOKEN, owners: ['me'] });
  for (const name of VARIABLES) delete process.env[name];
  Object.assign(process.env, { FLAMINGO_HOME: join(folder, 'home'), HF_ENDPOINT: hub.url, HF_HOME: folder });
  out = '';
  for (const stream of [process.stdout, process.stderr])
    jest.spyOn(stream, 'write').mockImplementation((text) => ((out += stripVTControlCharacters(String(text))), true));
  await finishedExperiment();
});
afterEach(async () => {
  jest.restoreAllMocks();
  process.exitCode = undefined;
  for (const name of VARIABLES) {
    if (before[name] === undefined) delete process.env[name];
    else process.env[name] = before[name];
  }
  await hub.close();
  rmSync(folder, { recursive: true });
});

/** `small` with its rows, its report and two adapters. */
async function finishedExperiment(): Promise<void> {
  const store = await LocalStore.open(join(folder, 'home', 'store'));
  const { stored, report } = cardFacts();
  const output = join(folder, 'results');
  const write = (path: string, text: string): void => {
    mkdirSync(dirname(join(output, path)), { recursive: true });
    writeFileSync(join(output, path), text);
  };
  for (const { id } of stored.plan.configurations.flatMap(({ cells }) => cells))
    for (const kind of ['completions', 'judgements']) write(`${id}/${kind}.jsonl`, `{"cell":"${id}"}\n`);
  write('report.html', '<p>');
  write('report.json', JSON.stringify(report));
  const flamingo = { version: '1.2.3', commit: null };
  write('provenance.json', JSON.stringify({ files: ['report.json', 'report.html'], provenance: { flamingo } }));
  for (const { recipeKey: key } of stored.plan.configurations) {
    if (key === null) continue;
    const work = { stage: 'adapters' as const, key };
    const weights = await store.putBytes(`weights of ${key}`, '.safetensors');
    const config = await store.putBytes('{"base_model_name_or_path":"a/b"}', '.json');
    const committed = { attempt: 'a', host: 'h', at: '2026-01-01T00:00:00Z' };
    await store.commit(work, { ...work, results: { weights, config }, provenance: {}, facts: {}, committed });
  }
  await recordExperiment(store, 'small', { plan: await storePlan(store, stored), output });
}

const publish = (...words: string[]) => runCommandLine(['publish', 'small', '--hub', 'me', ...words]);
/** The JSON that was printed. */
const printed = () => JSON.parse(out.slice(out.indexOf('\n{\n') + 1 || out.indexOf('{'))) as { done: boolean };

test('without --yes it says what it would send, needs no token and asks nobody', async () => {
  await publish();
  expect(process.exitCode).toBeUndefined();
  expect(out).toContain('me/small-coded  private model, 3 files');
  expect(out).toContain('me/small  private dataset');
  expect(out).toContain('Nothing was sent');
  expect(hub.requests).toEqual([]);
});

test('with --yes everything arrives as it is, private, and once', async () => {
  process.env['HF_TOKEN'] = TOKEN;
  await publish('--yes');
  expect(process.exitCode).toBeUndefined();
  expect([...hub.repositories.keys()]).toEqual(['models/me/small-plain', 'models/me/small-coded', 'datasets/me/small']);
  const dataset = hub.repositories.get('datasets/me/small')!;
  expect([...hub.repositories.values()].every((each) => each.private)).toBe(true);
  for (const [path, bytes] of dataset.files) {
    if (['README.md', 'experiment.yaml', 'flamingo.json', 'flamingo-files.json'].includes(path)) continue;
    expect(bytes.equals(readFileSync(join(folder, 'results', path)))).toBe(true);
  }
  expect(dataset.files.has('coded/weather/training/completions.jsonl')).toBe(true);
  expect(out).not.toContain(TOKEN);
  out = '';
  await publish('--yes', '--json');
  expect(printed()).toMatchObject({
    done: true,
    visibility: 'private',
    repositories: [{ sent: [] }, { sent: [] }, { sent: [] }],
  });
});

test('a dry run with a token shows what of an earlier call would be removed, and removes nothing', async () => {
  process.env['HF_TOKEN'] = TOKEN;
  await publish('--yes');
  out = '';
  await publish('--only', 'coded');
  expect(out).toContain('removed, of an earlier call: plain/weather/default/completions.jsonl');
  expect(out).toContain('Nothing was sent');
  const dataset = hub.repositories.get('datasets/me/small')!;
  expect(dataset.files.has('plain/weather/default/completions.jsonl')).toBe(true);
  out = '';
  await publish('--only', 'coded', '--yes', '--json');
  expect(printed()).toMatchObject({
    repositories: [
      { removed: [] },
      { removed: expect.arrayContaining(['plain/weather/default/completions.jsonl']) as unknown },
    ],
  });
  expect([...dataset.files.keys()].some((path) => path.startsWith('plain/'))).toBe(false);
  hub.fail(/GET .*tree/, 500, 9);
  out = '';
  await publish('--only', 'coded');
  expect(process.exitCode).toBeUndefined();
  expect(out).toContain('could not be looked up');
  expect(out).toContain('me/small  private dataset');
}, 30_000);

test('for everybody it goes without the models’ answers, unless they are asked for', async () => {
  process.env['HF_TOKEN'] = TOKEN;
  await publish('--public', '--only', 'coded', '--yes');
  const dataset = hub.repositories.get('datasets/me/small')!;
  expect(dataset.private).toBe(false);
  expect([...dataset.files.keys()].join()).not.toMatch(/completions|report\.html|plain\//);
  await publish('--public', '--only', 'coded', '--include', 'answers', '--yes');
  expect(hub.repositories.get('datasets/me/small')!.files.has('report.html')).toBe(true);
});

test.each([
  [['--only', 'codet'], 'did you mean `coded`?'],
  [['--include', 'answers'], 'goes with --public'],
  [['--yes'], 'no token of the hub'],
  [['--hub', 'a/b'], 'the name of a user'],
])('%j is refused before anything is sent', async (words, message) => {
  await publish(...words);
  expect(process.exitCode).toBe(2);
  expect(out).toContain(message);
  expect(hub.requests).toEqual([]);
});

test('a token that is not accepted ends it, and is not repeated', async () => {
  process.env['HF_TOKEN'] = 'hf_stolen';
  await publish('--yes');
  expect(process.exitCode).toBe(2);
  expect(out).toContain('settings/tokens');
  expect(out).not.toContain('hf_stolen');
  expect(hub.repositories.size).toBe(0);
});

test('answers that were sent before, and are not to be public, end it', async () => {
  process.env['HF_TOKEN'] = TOKEN;
  await publish('--yes');
  for (const each of hub.repositories.values()) each.private = false; // as a person does on the hub
  await publish('--public', '--yes');
  expect(process.exitCode).toBe(2);
  expect(out).toMatch(/me\/small holds what the models answered.*completions\.jsonl.*--include answers/);
  process.exitCode = undefined;
  await publish('--public', '--include', 'answers', '--yes');
  expect(process.exitCode).toBeUndefined();
});
