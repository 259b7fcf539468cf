/** What is the local store's own: where things lie on disk, and what happens to files there. */
import { mkdir, mkdtemp, readdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LocalStore } from '../../../../artifacts/local/store';
import { Busy, type Manifest, type WorkKey } from '../../../../artifacts/store';
import { sha256 } from '../../../../experiment/canonical';

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

test('bytes lie under their hash', async () => {
  const ref = await store.putBytes('hello\n', '.txt');
  expect(ref).toEqual({ uri: `blobs/58/${sha256('hello\n')}.txt`, sha256: sha256('hello\n'), bytes: 6 });
  expect(await readFile(join(root, ref.uri), 'utf8')).toBe('hello\n');
});

test('damaged bytes are refused, with the remedy', async () => {
  const ref = await store.putBytes('hello\n', '.txt');
  await truncate(join(root, ref.uri), 3);
  await expect(store.read(ref)).rejects.toThrow('Delete the file');
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

test('attempts are in the order of their birth, not of their last change', async () => {
  await store.attempt(work, 'b');
  await new Promise((resolve) => setTimeout(resolve, 20));
  await store.attempt(work, 'a');
  await writeFile(inWork('attempts', 'b', 'late'), '');
  expect((await store.attempts(work)).map(({ name }) => name)).toEqual(['b', 'a']);
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
