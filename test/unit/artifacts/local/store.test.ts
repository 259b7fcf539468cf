import { mkdtemp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LocalStore } from '../../../../artifacts/local/store';
import { ArtifactDamaged, Busy, type Manifest, type WorkKey } from '../../../../artifacts/store';
import { sha256 } from '../../../../experiment/canonical';

const key = sha256('work');
const work: WorkKey = { stage: 'completions', group: sha256('context'), key };

function manifest(attempt: string): Manifest {
  return {
    stage: 'completions',
    key,
    results: {},
    provenance: {},
    facts: { completions: 1 },
    committed: { attempt, host: 'here', at: '2026-01-01T00:00:00Z' },
  };
}

let root: string;
let store: LocalStore;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'flamingo-store-'));
  store = await LocalStore.open(root);
});
afterEach(() => rm(root, { recursive: true, force: true }));

test('a store keeps its id, also when several processes open it at once', async () => {
  const fresh = join(root, 'fresh');
  const ids = await Promise.all(Array.from({ length: 8 }, async () => (await LocalStore.open(fresh)).id));
  expect(new Set(ids).size).toBe(1);
});

test('bytes come back, equal bytes are stored once', async () => {
  const a = await store.putBytes('hello\n', '.txt');
  const b = await store.putBytes(Buffer.from('hello\n'), '.txt');
  expect(a).toEqual(b);
  expect(a).toEqual({ uri: `blobs/58/${sha256('hello\n')}.txt`, sha256: sha256('hello\n'), bytes: 6 });
  expect((await store.read(a)).toString()).toBe('hello\n');
});

test('damaged bytes are refused, with the remedy', async () => {
  const ref = await store.putBytes('hello\n', '.txt');
  await truncate(join(root, ref.uri), 3);
  await expect(store.read(ref)).rejects.toThrow(ArtifactDamaged);
  await expect(store.read(ref)).rejects.toThrow('Delete the file');
});

test('the first committer wins, whoever comes later gets its manifest', async () => {
  const all = await Promise.all(['a', 'b', 'c', 'd'].map((attempt) => store.commit(work, manifest(attempt))));
  const winners = new Set(all.map(({ committed }) => committed.attempt));
  expect(winners.size).toBe(1);
  expect(await store.manifest(work)).toEqual(all[0]);
  expect(await store.list('completions', work.group as string)).toEqual([all[0]]);
});

test('a blob of another size is replaced, not taken for the bytes', async () => {
  const ref = await store.putBytes('hello\n', '.txt');
  await truncate(join(root, ref.uri), 3);
  expect(await store.putBytes('hello\n', '.txt')).toEqual(ref);
  expect((await store.read(ref)).toString()).toBe('hello\n');
});

describe('a manifest whose files are not all there', () => {
  const group = work.group as string;
  const commit = async (attempt: string): Promise<Manifest> => {
    const rows = await store.putBytes(`{"made by":"${attempt}"}\n`, '.jsonl');
    const provenance = await store.putBytes(`{"attempt":"${attempt}"}\n`, '.jsonl');
    return store.commit(work, { ...manifest(attempt), results: { rows }, provenance: { rows: provenance } });
  };
  const breakages: [string, (of: Manifest) => Promise<void>][] = [
    ['results are gone', ({ results }) => rm(join(root, results['rows']?.uri as string))],
    ['results have another size', ({ results }) => truncate(join(root, results['rows']?.uri as string), 3)],
    ['provenance is gone', ({ provenance }) => rm(join(root, provenance['rows']?.uri as string))],
    ['text is torn', () => truncate(join(root, 'completions', group, key, 'manifest.json'), 30)],
  ];

  test.each(breakages)('counts as absent when its %s', async (_, damage) => {
    await damage(await commit('first'));
    expect(await store.manifest(work)).toBeNull();
    expect(await store.list('completions', group)).toEqual([]);
    expect(await store.open('completions', group)).toEqual([work]);
  });

  test.each(breakages)('makes way for the next commit when its %s, and is kept aside', async (_, damage) => {
    await damage(await commit('first'));
    const again = await commit('second');
    expect(again.committed.attempt).toBe('second');
    expect(await store.manifest(work)).toEqual(again);
    expect(await store.open('completions', group)).toEqual([]);
    const names = await readdir(join(root, 'completions', group, key));
    expect(names.filter((name) => name.startsWith('broken-'))).toHaveLength(1);
  });

  test('is replaced by one manifest, also when several commit at once', async () => {
    const { results } = await commit('first');
    await rm(join(root, results['rows']?.uri as string));
    const all = await Promise.all(['a', 'b', 'c'].map(commit));
    expect(all).toContainEqual(await store.manifest(work));
  });
});

test('work that was begun and not committed is open', async () => {
  const other = { ...work, key: sha256('other') };
  await store.attemptFolder(work, 'r1-1-1');
  await store.attemptFolder(other, 'r1-2-1');
  await store.commit(work, manifest('a'));
  expect(await store.open('completions', work.group as string)).toEqual([other]);
});

test('a file of an attempt is described where it lies', async () => {
  const folder = await store.attemptFolder(work, 'r1-1-1');
  await writeFile(join(folder, 'rows.jsonl'), '{}\n');
  const ref = await store.adopt(join(folder, 'rows.jsonl'));
  expect(ref.bytes).toBe(3);
  expect(await readFile(await store.localPath(ref), 'utf8')).toBe('{}\n');
});

test.each(['../outside', '/etc/passwd', 'blobs/../../x', ''])('a URI can not leave the store: %j', async (uri) => {
  await expect(store.read({ uri, sha256: sha256(''), bytes: 0 })).rejects.toThrow('leaves the store');
});

test.each(['..', 'a/b', '.hidden', ''])('a record name is no path: %j', async (name) => {
  await expect(store.writeRecord('experiments', name, 'x')).rejects.toThrow('can not name a file');
});

describe('leases', () => {
  test('a second holder is told who is at it', async () => {
    await store.lease(work, 'demo/em (activity 1)', 60);
    await expect(store.lease(work, 'other', 60)).rejects.toThrow(Busy);
    await expect(store.lease(work, 'other', 60)).rejects.toThrow('demo/em (activity 1)');
  });

  test('the same holder takes it again, a released or expired one is free', async () => {
    const lease = await store.lease(work, 'one', 60);
    await store.lease(work, 'one', 60);
    await lease.release();
    await store.lease(work, 'two', -1);
    await store.lease(work, 'three', 60);
    await expect(store.lease(work, 'two', 60)).rejects.toThrow(Busy);
  });

  test('the lease of a process that died on this host is free at once', async () => {
    await store.lease(work, 'one', 60);
    const path = join(root, 'leases', `completions-${work.group}-${key}.json`);
    const text = await readFile(path, 'utf8');
    await writeFile(path, JSON.stringify({ ...(JSON.parse(text) as object), pid: 2 ** 22 + 1 }));
    await store.lease(work, 'two', 60);
  });

  test('a lease that someone else took over is not renewed away', async () => {
    const first = await store.lease(work, 'one', -1);
    await store.lease(work, 'two', 60);
    await first.renew();
    await first.release();
    await expect(store.lease(work, 'one', 60)).rejects.toThrow(Busy);
  });
});
