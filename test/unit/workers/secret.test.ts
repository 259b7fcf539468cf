import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isPermitted } from '../../../artifacts/permits';
import { allowedByEnvironment, clientRules, permitRun, readSecret } from '../../../workers/secret';
import { STORAGES } from '../../support/stores';

const [[, make]] = STORAGES as [[string, (typeof STORAGES)[number][1]]];
const storage = make();
const before = { ...process.env };
let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'secret-'));
  process.env = { ...before, FLAMINGO_HOME: folder };
  delete process.env['FLAMINGO_SECRET_FILE'];
});
afterEach(() => {
  process.env = { ...before };
  rmSync(folder, { recursive: true });
});
afterAll(() => storage.remove());

const run = { ref: { sha256: 'ab'.repeat(32) }, output: '/results/a' };

test('the first command makes the secret for its owner alone, and later ones keep it', async () => {
  const store = await storage.open();
  const rules = clientRules();
  expect(rules.secret()).toBeNull();
  await permitRun(store, run);
  const file = join(folder, 'run', 'secret');
  expect(statSync(file).mode & 0o777).toBe(0o600);
  const made = readFileSync(file);
  expect(made).toHaveLength(32);
  await permitRun(store, { ...run, output: '/results/b' });
  expect(readFileSync(file)).toEqual(made);
  expect(readdirSync(join(folder, 'run'))).toEqual(['secret']);
  for (const output of ['/results/a', '/results/b'])
    expect(await isPermitted(store, rules.secret(), 'output', output)).toBe(true);
  expect(await isPermitted(store, rules.secret(), 'plan', run.ref.sha256)).toBe(true);
});

test('workers elsewhere share it by a file', async () => {
  const store = await storage.open();
  process.env['FLAMINGO_SECRET_FILE'] = join(folder, 'shared');
  await permitRun(store, run);
  process.env['FLAMINGO_HOME'] = join(folder, 'elsewhere');
  expect(await isPermitted(store, readSecret(), 'plan', run.ref.sha256)).toBe(true);
});

test('one that others can read, or that is none, is refused', () => {
  const file = join(folder, 'secret');
  process.env['FLAMINGO_SECRET_FILE'] = file;
  writeFileSync(file, Buffer.alloc(32, 7), { mode: 0o600 });
  expect(readSecret()).toEqual(Buffer.alloc(32, 7));
  chmodSync(file, 0o640);
  expect(() => readSecret()).toThrow(/can be read by others/);
  chmodSync(file, 0o600);
  writeFileSync(file, 'short');
  expect(() => readSecret()).toThrow(/no secret of 32 bytes/);
});

test('what other clients are allowed is said in words', () => {
  const allowed = (words: string): string[] => [...allowedByEnvironment({ FLAMINGO_ALLOW_CLIENTS: words })];
  expect(allowedByEnvironment({})).toEqual(new Set());
  expect(allowed(' files, urls,commands,')).toEqual(['files', 'urls', 'commands']);
  expect(allowed('private-urls')).toEqual(['urls', 'private-urls']);
  expect(() => allowed('files,url')).toThrow(
    'FLAMINGO_ALLOW_CLIENTS=files,url: expected some of files, urls, private-urls, commands',
  );
});

test.each([
  ['FLAMINGO_ALLOW_COMMANDS', 'FLAMINGO_ALLOW_CLIENTS=commands'],
  ['FLAMINGO_ALLOW_PRIVATE_URLS', 'FLAMINGO_ALLOW_CLIENTS=private-urls'],
])('%s, which is no longer read, is refused with what replaced it', (name, instead) => {
  expect(() => allowedByEnvironment({ [name]: '1' })).toThrow(instead);
  expect(allowedByEnvironment({ [name]: '0' })).toEqual(new Set());
});
