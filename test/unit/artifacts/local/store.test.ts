/** What is the local store's own: where things lie on disk, and what happens to files there. */
import { appendFile, mkdir, mkdtemp, readdir, readFile, rename, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LocalStore } from '../../../../artifacts/local/store';
import {
  ArtifactMissing,
  type Attempt,
  Busy,
  type Manifest,
  StoreAbsent,
  StoreUnavailable,
  type WorkKey,
} from '../../../../artifacts/store';
import { sha256 } from '../../../../experiment/canonical';
import type { ArtifactRef } from '../../../../experiment/plan';

const key = sha256('work');
const work: WorkKey = { stage: 'completions', group: sha256('context'), key };

let root: string;
let store: LocalStore;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'flamingo-store-'));
  store = await LocalStore.open(root);
});
afterEach(() => rm(root, { recursive: true, force: true }));

const inWork = (...path: string[]) => join(root, 'completions', work.group as string, key, ...path);

test('a store gets one id, also when several processes make it at once', async () => {
  const fresh = join(root, 'fresh');
  const ids = await Promise.all(Array.from({ length: 8 }, async () => (await LocalStore.open(fresh)).id));
  expect(new Set(ids).size).toBe(1);
});

test('a store of another format is refused', async () => {
  await writeFile(join(root, 'store.json'), JSON.stringify({ format: 2, id: 'x' }));
  await expect(LocalStore.open(root)).rejects.toThrow('store format 2 is not known');
});

test('a store that was restored without its empty folders takes files, and one that is only read is left as it is', async () => {
  await rm(join(root, 'tmp'), { recursive: true });
  await LocalStore.open(root, { make: false, onlyRead: true });
  expect(await readdir(root)).toEqual(['store.json']);
  const restored = await LocalStore.open(root, { make: false });
  const ref = await restored.putBytes('hello\n', '.txt');
  expect((await restored.read(ref)).toString()).toBe('hello\n');
});

test('no store is made where none is to be', async () => {
  const fresh = join(root, 'fresh');
  for (const opening of [{ make: false }, { onlyRead: true }])
    await expect(LocalStore.open(fresh, opening)).rejects.toThrow(StoreAbsent);
  await mkdir(fresh);
  await expect(LocalStore.open(fresh, { make: false })).rejects.toThrow(StoreAbsent);
  expect(await readdir(fresh)).toEqual([]);
});

test('bytes lie under their hash', async () => {
  const ref = await store.putBytes('hello\n', '.txt');
  expect(ref).toEqual({ uri: `blobs/58/${sha256('hello\n')}.txt`, sha256: sha256('hello\n'), bytes: 6 });
  expect(await readFile(join(root, ref.uri), 'utf8')).toBe('hello\n');
});

test('damaged bytes are refused, with the remedy', async () => {
  const ref = await store.putBytes('hello\n', '.txt');
  await truncate(join(root, ref.uri), 3);
  await expect(store.read(ref)).rejects.toThrow('Run the experiment again');
});

test('a manifest that makes way is kept aside', async () => {
  const commit = async (attempt: string): Promise<Manifest> =>
    store.commit(work, {
      stage: 'completions',
      key,
      results: { rows: await store.putBytes(attempt, '.jsonl') },
      provenance: {},
      facts: {},
      committed: { attempt, host: 'here', at: '2026-01-01T00:00:00Z' },
    });
  const { results } = await commit('first');
  await rm(join(root, results['rows']!.uri));
  await commit('second');
  const aside = (await readdir(inWork())).filter((name) => name.startsWith('broken-'));
  expect(aside).toHaveLength(1);
  expect(JSON.parse(await readFile(inWork(aside[0]!), 'utf8'))).toMatchObject({ committed: { attempt: 'first' } });
});

test('small files, logs and shared files lie in folders of the work', async () => {
  const attempt = await store.attempt(work, 'r1-1-1');
  await attempt.write('ended.json', '{}\n');
  const log = await attempt.openLog('judge-r1-1-1.jsonl');
  log.append('{"a":1}');
  // the kernel has the line before the log is closed: a killed process closes nothing
  const path = inWork('attempts', 'r1-1-1', 'judge-r1-1-1.jsonl');
  expect((await readFile(path, 'utf8')).startsWith('{"a":1}\n')).toBe(true);
  await log.writable();
  expect((await stat(path)).blocks * 512).toBeGreaterThan(65_536); // room that is taken, and readers pass over
  expect(await attempt.readLog('judge-r1-1-1.jsonl')).toEqual(['{"a":1}']);
  await log.close();
  expect(await readFile(path, 'utf8')).toBe('{"a":1}\n');
  await store.shared(work, 'batches').create('submission-1.json', '{}\n');
  expect(await readdir(inWork('attempts'))).toEqual(['batches', 'r1-1-1']);
  expect(await readdir(inWork('attempts', 'r1-1-1'))).toEqual(['ended.json', 'judge-r1-1-1.jsonl']);
  expect(await readFile(inWork('attempts', 'batches', 'submission-1.json'), 'utf8')).toBe('{}\n');
  expect(await readdir(join(root, 'tmp'))).toEqual([]);
});

test('an attempt’s working copy is its folder, and what it keeps is described where it lies', async () => {
  const workspace = await (await store.attempt(work, 'r1-1-1')).workspace();
  expect(workspace.path).toBe(inWork('attempts', 'r1-1-1'));
  await writeFile(join(workspace.path, 'rows.jsonl'), '{}\n');
  const ref = await workspace.keep('rows.jsonl');
  expect(ref).toEqual({
    uri: `completions/${work.group}/${key}/attempts/r1-1-1/rows.jsonl`,
    sha256: sha256('{}\n'),
    bytes: 3,
  });
  expect(await store.checkOut(ref)).toBe(join(workspace.path, 'rows.jsonl'));
  expect(await store.checkOutFolder({ 'rows.jsonl': ref })).toBe(workspace.path);
  await expect(workspace.keep('/etc/hostname')).rejects.toThrow('leaves the store');
});

test('files that lie apart are put together by links, which follow a file that is replaced', async () => {
  const ref = await store.putBytes('weights', '.bin');
  const folder = await store.checkOutFolder({ 'weights.bin': ref, 'config.json': await store.putBytes('{}', '.json') });
  await truncate(join(root, ref.uri), 1);
  await store.putBytes('weights', '.bin');
  expect(await readFile(join(folder, 'weights.bin'), 'utf8')).toBe('weights');
});

test('attempts are in the order in which they were begun, also within one tick of the clock', async () => {
  const names = Array.from({ length: 20 }, (_, number) => `r1-${99 - number}`);
  for (const name of names) await store.attempt(work, name);
  await store.attempt(work, 'r1-90'); // begun again
  await writeFile(inWork('attempts', 'r1-99', 'late'), '');
  expect((await store.attempts(work)).map(({ name }) => name)).toEqual(names);
  expect((await readdir(inWork())).sort()).toEqual(['attempts', 'begun.txt']);
});

test('work that its first attempt does has no file of names', async () => {
  await store.attempt(work, 'z');
  await store.attempt(work, 'z');
  expect(await readdir(inWork())).toEqual(['attempts']);
  await store.attempt(work, 'a');
  expect(await readFile(inWork('begun.txt'), 'utf8')).toBe('a\n');
  expect((await store.attempts(work)).map(({ name }) => name)).toEqual(['z', 'a']);
});

test('attempts of a store that kept no order come first, by their birth', async () => {
  for (const name of ['z', 'y']) {
    await mkdir(inWork('attempts', name), { recursive: true });
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  for (const name of ['y', 'x', 'a']) await store.attempt(work, name);
  expect((await store.attempts(work)).map(({ name }) => name)).toEqual(['z', 'y', 'x', 'a']);
});

test('a name that was cut short by a crash stands in no other’s way', async () => {
  await store.attempt(work, 'b');
  await appendFile(inWork('begun.txt'), 'c');
  for (const name of ['cc', 'a']) await store.attempt(work, name);
  expect((await store.attempts(work)).map(({ name }) => name)).toEqual(['b', 'cc', 'a']);
});

describe('a store that is away for a moment, as a mount may be', () => {
  let ref: ArtifactRef;
  let attempt: Attempt;
  let away: () => Promise<void>;
  beforeEach(async () => {
    ref = await store.putBytes('hello\n', '.txt');
    attempt = await store.attempt(work, 'r1-1-1');
    await attempt.write('ended.json', '{}\n');
    const committed = { attempt: 'r1-1-1', host: 'here', at: '2026-01-01T00:00:00Z' };
    await store.commit(work, { stage: work.stage, key, results: { ref }, provenance: {}, facts: {}, committed });
    await store.writeRecord('spending', 'demo', '{"usd":1}\n');
    away = async () => {
      await rename(root, `${root}-away`);
      await mkdir(root); // the mount's own, empty folder
    };
  });
  afterEach(() => rm(`${root}-away`, { recursive: true, force: true }));

  const missing: WorkKey = { ...work, key: sha256('other') };
  test.each<[string, () => Promise<unknown>]>([
    ['reading a file', () => store.read(ref)],
    ['a working copy', () => store.checkOut(ref)],
    ['a folder of working copies', () => store.checkOutFolder({ 'a.txt': ref })],
    ['a manifest', () => store.manifest(work)],
    ['a group', () => store.survey('completions', work.group as string)],
    ['what is open', () => store.openWork('completions', work.group as string)],
    ['attempts', () => store.attempts(work)],
    ['a small file', () => attempt.read('ended.json')],
    ['small files', () => attempt.list()],
    ['a record', () => store.readRecord('spending', 'demo')],
    ['what lies in it', async () => (await store.inventory().files()[Symbol.asyncIterator]().next()).value as unknown],
    ['one thing in it', () => store.inventory().read(ref.uri)],
    ['its hash', () => store.inventory().hash(ref.uri)],
    ['storing bytes', () => store.putBytes('hello\n', '.txt')],
    ['beginning an attempt', () => store.attempt(missing, 'r1-1-1')],
    ['a line of a record', () => store.appendRecord('spending', 'demo', '{"usd":1}')],
    ['replacing a record', () => store.writeRecord('spending', 'demo', '{}')],
    ['creating a small file', () => store.shared(work, 'turns').create('a.json', '{}')],
    ['a lease', () => store.lease(work, 'me', 10)],
    [
      'keeping what a program wrote',
      async () => (await attempt.workspace()).keep(inWork('attempts', 'r1-1-1', 'ended.json')),
    ],
  ])('%s waits for it instead of finding nothing', async (_, use) => {
    await away();
    await expect(use()).rejects.toThrow(StoreUnavailable);
    expect(await readdir(root)).toEqual([]); // and nothing is written where it should be
    await rm(root, { recursive: true });
    await expect(use()).rejects.toThrow(StoreUnavailable);
    await rename(`${root}-away`, root);
    expect((await store.read(ref)).toString()).toBe('hello\n');
    expect(await store.manifest(work)).not.toBeNull();
  });

  test('what is gone from a store that is there is damage', async () => {
    await rm(join(root, ref.uri));
    await expect(store.read(ref)).rejects.toThrow(ArtifactMissing);
    await expect(store.checkOut(ref)).rejects.toThrow(ArtifactMissing);
    expect(await store.manifest(work)).toBeNull();
  });
});

test('a log that can not be written says where it lies', async () => {
  const attempt = await store.attempt(work, 'r1-1-1');
  await mkdir(inWork('attempts', 'r1-1-1', 'log'));
  await expect(attempt.openLog('log')).rejects.toThrow(inWork('attempts', 'r1-1-1', 'log'));
});

test('the lease of a process that died on this host is free at once', async () => {
  await store.lease(work, 'one', 60);
  await expect(store.lease(work, 'two', 60)).rejects.toThrow(Busy);
  const path = join(root, 'leases', `completions-${work.group}-${key}.json`);
  const text = await readFile(path, 'utf8');
  await writeFile(path, JSON.stringify({ ...(JSON.parse(text) as object), pid: 2 ** 22 + 1 }));
  await store.lease(work, 'two', 60);
});

test('a torn lease counts as none', async () => {
  await store.lease(work, 'one', 60);
  const path = join(root, 'leases', `completions-${work.group}-${key}.json`);
  await truncate(path, 10);
  await store.lease(work, 'two', 60);
  expect((await stat(path)).size).toBeGreaterThan(10);
});
