/** What every implementation of the store keeps to. A new one passes this before anything else uses it. */
import { existsSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { isAbsolute, join } from 'node:path';
import {
  ArtifactDamaged,
  ArtifactMissing,
  Busy,
  LogUnwritable,
  type Manifest,
  type Store,
  type WorkKey,
} from '../../../artifacts/store';
import { sha256 } from '../../../experiment/canonical';
import type { Storage } from '../../support/stores';

const key = sha256('work');
const group = sha256('context');
const work: WorkKey = { stage: 'completions', group, key };
const other: WorkKey = { ...work, key: sha256('other') };

function manifest(attempt: string, of = work): Manifest {
  return {
    stage: of.stage,
    key: of.key,
    results: {},
    provenance: {},
    facts: { completions: 1 },
    committed: { attempt, host: 'here', at: '2026-01-01T00:00:00Z' },
  };
}

const NO_NAMES = ['..', 'a/b', '.hidden', ''];

export function storeSuite(name: string, make: () => Storage): void {
  describe(`the ${name} store`, () => {
    let storage: Storage;
    let store: Store;
    beforeEach(async () => {
      storage = make();
      store = await storage.open();
    });
    afterEach(() => storage.remove());

    test('keeps its id, also when several processes open it at once', async () => {
      const ids = await Promise.all(Array.from({ length: 8 }, async () => (await storage.open()).id));
      expect(new Set([store.id, ...ids]).size).toBe(1);
    });

    describe('artifacts', () => {
      test('bytes come back, in every process; equal bytes are stored once', async () => {
        const a = await store.putBytes('hello\n', '.txt');
        const b = await store.putBytes(Buffer.from('hello\n'), '.txt');
        expect(a).toEqual(b);
        expect(a).toMatchObject({ sha256: sha256('hello\n'), bytes: 6 });
        expect((await store.read(a)).toString()).toBe('hello\n');
        expect((await (await storage.open()).read(a)).toString()).toBe('hello\n');
      });

      test('damaged bytes are refused, and replaced when they are put again', async () => {
        const ref = await store.putBytes('hello\n', '.txt');
        await storage.cut(ref);
        await expect(store.read(ref)).rejects.toThrow(ArtifactDamaged);
        expect(await store.putBytes('hello\n', '.txt')).toEqual(ref);
        expect((await store.read(ref)).toString()).toBe('hello\n');
      });

      test('bytes that became others are refused wherever they are used, and replaced when they are put again', async () => {
        const [ref, second] = [await store.putBytes('hello\n', '.txt'), await store.putBytes('world\n', '.txt')];
        expect(await readFile(await store.checkOut(ref), 'utf8')).toBe('hello\n');
        await storage.tamper(ref);
        await expect(store.read(ref)).rejects.toThrow(ArtifactDamaged);
        await expect(store.checkOut(ref)).rejects.toThrow(ArtifactDamaged);
        await expect(store.checkOutFolder({ second, first: ref })).rejects.toThrow(ArtifactDamaged);
        expect(await store.putBytes('hello\n', '.txt')).toEqual(ref);
        expect((await store.read(ref)).toString()).toBe('hello\n');
      });

      test('lost bytes are an error, and come back when they are put again', async () => {
        const ref = await store.putBytes('hello\n', '.txt');
        await storage.lose(ref);
        await expect(store.read(ref)).rejects.toThrow(ArtifactMissing);
        await expect(store.checkOut(ref)).rejects.toThrow(ArtifactMissing);
        await store.putBytes('hello\n', '.txt');
        expect((await store.read(ref)).toString()).toBe('hello\n');
      });

      test.each(['../outside', '/etc/passwd', 'blobs/../../x', ''])(
        'a URI can not leave the store: %j',
        async (uri) => {
          const ref = { uri, sha256: sha256(''), bytes: 0 };
          await expect(store.read(ref)).rejects.toThrow('leaves the store');
          await expect(store.checkOut(ref)).rejects.toThrow('leaves the store');
          await expect(store.checkOutFolder({ file: ref })).rejects.toThrow('leaves the store');
        },
      );

      test('a working copy is a file with the bytes', async () => {
        const path = await store.checkOut(await store.putBytes('hello\n', '.txt'));
        expect(isAbsolute(path)).toBe(true);
        expect(await readFile(path, 'utf8')).toBe('hello\n');
      });

      test('working copies lie together under their names, however often they are asked for', async () => {
        const files = {
          'weights.bin': await store.putBytes('w', '.bin'),
          'config.json': await store.putBytes('{}', '.json'),
        };
        for (let times = 0; times < 2; times++) {
          const folder = await store.checkOutFolder(files);
          expect(await readFile(join(folder, 'weights.bin'), 'utf8')).toBe('w');
          expect(await readFile(join(folder, 'config.json'), 'utf8')).toBe('{}');
        }
      });

      test.each(NO_NAMES)('a name in such a folder is no path: %j', async (path) => {
        const ref = await store.putBytes('hello\n', '.txt');
        await expect(store.checkOutFolder({ [path]: ref })).rejects.toThrow('can not name a file');
      });
    });

    describe('manifests', () => {
      test('the first committer wins, whoever comes later gets its manifest', async () => {
        const stores = [store, store, await storage.open(), await storage.open()];
        const all = await Promise.all(stores.map((each, index) => each.commit(work, manifest(`a${index}`))));
        expect(new Set(all.map(({ committed }) => committed.attempt)).size).toBe(1);
        expect(await store.manifest(work)).toEqual(all[0]);
        expect(await store.manifests('completions', group)).toEqual([all[0]]);
      });

      test('none where nothing was committed', async () => {
        expect(await store.manifest(work)).toBeNull();
        expect(await store.survey('completions', group)).toEqual({ committed: [], open: [] });
      });

      test('work without a group has one, too', async () => {
        const adapter: WorkKey = { stage: 'adapters', key };
        const committed = await store.commit(adapter, manifest('a', adapter));
        expect(await store.manifest(adapter)).toEqual(committed);
        expect(await store.manifest({ ...adapter, key: other.key })).toBeNull();
      });

      test('a group is in the order of its keys, and knows its own only', async () => {
        const works = ['one', 'two', 'three', 'four'].map((each): WorkKey => ({ ...work, key: sha256(each) }));
        for (const each of works) await store.commit(each, manifest('a', each));
        await store.commit({ ...work, group: 'elsewhere' }, manifest('a'));
        const keys = (await store.manifests('completions', group)).map((each) => each.key);
        expect(keys).toEqual(works.map((each) => each.key).sort());
      });

      const commit = async (attempt: string): Promise<Manifest> => {
        const rows = await store.putBytes(`{"made by":"${attempt}"}\n`, '.jsonl');
        const provenance = await store.putBytes(`{"attempt":"${attempt}"}\n`, '.jsonl');
        return store.commit(work, { ...manifest(attempt), results: { rows }, provenance: { rows: provenance } });
      };
      const breakages: [string, (of: Manifest) => Promise<void>][] = [
        ['results are gone', ({ results }) => storage.lose(results['rows']!)],
        ['results have another size', ({ results }) => storage.cut(results['rows']!)],
        ['provenance is gone', ({ provenance }) => storage.lose(provenance['rows']!)],
        ['text is torn', () => storage.cutManifest(work)],
        ['shape is another', () => storage.misshape(work)],
      ];

      test.each(breakages)('one counts as absent when its %s', async (_, damage) => {
        await damage(await commit('first'));
        expect(await store.manifest(work)).toBeNull();
        expect(await store.manifests('completions', group)).toEqual([]);
        expect(await store.openWork('completions', group)).toEqual([work]);
      });

      test.each(breakages)('one makes way for the next commit when its %s', async (_, damage) => {
        await damage(await commit('first'));
        const again = await commit('second');
        expect(again.committed.attempt).toBe('second');
        expect(await store.manifest(work)).toEqual(again);
        expect(await store.openWork('completions', group)).toEqual([]);
      });

      test('one that is put aside makes its work open again, and of several who do so one is told', async () => {
        const found = await commit('first');
        const stores = [store, store, await storage.open()];
        const told = await Promise.all(stores.map((each) => each.putAside(work, found)));
        expect(told.filter((each) => each)).toHaveLength(1);
        expect(await store.manifest(work)).toBeNull();
        expect(await store.openWork('completions', group)).toEqual([work]);
        expect(await store.putAside(work, found)).toBe(false);
        const again = await commit('second');
        expect(await store.manifest(work)).toEqual(again);
      });

      test('another one than was found damaged is left where it stands', async () => {
        const found = await commit('first');
        await store.putAside(work, found);
        const again = await commit('second');
        expect(await store.putAside(work, found)).toBe(false);
        expect(await store.manifest(work)).toEqual(again);
        expect(await store.putAside(other, found)).toBe(false);
      });

      test('a broken one is replaced by one, also when several commit at once', async () => {
        const { results } = await commit('first');
        await storage.lose(results['rows']!);
        const all = await Promise.all(['a', 'b', 'c'].map(commit));
        expect(all).toContainEqual(await store.manifest(work));
      });
    });

    describe('attempts', () => {
      test('are there once begun, oldest first, also when they never wrote anything', async () => {
        expect(await store.attempts(work)).toEqual([]);
        for (const attempt of ['r2-1-1', 'r1-1-1', 'r1-1-2']) await store.attempt(work, attempt);
        await store.attempt(work, 'r1-1-1'); // begun again
        const names = (await (await storage.open()).attempts(work)).map((attempt) => attempt.name);
        expect(names).toEqual(['r2-1-1', 'r1-1-1', 'r1-1-2']);
        expect((await store.attempts(work))[0]?.work).toEqual(work);
        expect(await store.attempts(other)).toEqual([]);
      });

      test('make their work open until it is committed', async () => {
        await store.attempt(work, 'r1-1-1');
        await store.attempt(other, 'r1-2-1');
        await store.commit(work, manifest('a'));
        expect(await store.openWork('completions', group)).toEqual([other]);
        const { committed, open } = await store.survey('completions', group);
        expect([committed.length, open]).toEqual([1, [other]]);
      });

      test.each([...NO_NAMES, 'batches', 'turns'])('a name is no path and no shared place: %j', async (attempt) => {
        await expect(store.attempt(work, attempt)).rejects.toThrow(/can not/);
        expect(await store.attempts(work)).toEqual([]);
      });
    });

    describe('small files', () => {
      const places = {
        'of an attempt': (of: Store) => of.attempt(work, 'r1-1-1'),
        'that attempts share': (of: Store) => Promise.resolve(of.shared(work, 'batches')),
      };

      describe.each(Object.entries(places))('%s', (_, at) => {
        test('are seen by every process', async () => {
          const files = await at(store);
          expect([await files.read('a.json'), await files.list()]).toEqual([null, []]);
          await files.write('b.json', '{"b":1}\n');
          expect(await files.create('a.json', '{"a":"ä\u202e"}\n')).toBe(true);
          const elsewhere = await at(await storage.open());
          expect(await elsewhere.list()).toEqual(['a.json', 'b.json']);
          expect(await elsewhere.read('a.json')).toBe('{"a":"ä\u202e"}\n');
          await elsewhere.write('b.json', '{}\n');
          expect(await files.read('b.json')).toBe('{}\n');
        });

        test('one is created once, whoever comes first', async () => {
          const all = await Promise.all([at(store), at(store), at(await storage.open()), at(await storage.open())]);
          const made = await Promise.all(all.map((files, index) => files.create('turn-1.json', `${index}\n`)));
          expect(made.filter((each) => each)).toHaveLength(1);
          expect(await all[0].read('turn-1.json')).toBe(`${made.indexOf(true)}\n`);
          expect(await all[0].create('turn-1.json', 'late\n')).toBe(false);
          expect(await all[1].read('turn-1.json')).toBe(`${made.indexOf(true)}\n`);
        });

        test.each(NO_NAMES)('a name is no path: %j', async (path) => {
          const files = await at(store);
          await expect(files.create(path, 'x')).rejects.toThrow('can not name a file');
          await expect(files.write(path, 'x')).rejects.toThrow('can not name a file');
          await expect(files.read(path)).rejects.toThrow('can not name a file');
        });
      });

      test('shared ones make their work open, are no attempt, and reading begins nothing', async () => {
        const shared = store.shared(work, 'batches');
        await shared.list();
        await shared.read('submission-1.json');
        expect(await store.openWork('completions', group)).toEqual([]);
        await shared.create('submission-1.json', '{}\n');
        expect(await store.openWork('completions', group)).toEqual([work]);
        expect(await store.attempts(work)).toEqual([]);
        expect(await store.shared(work, 'turns').list()).toEqual([]);
        expect(await store.shared(other, 'batches').list()).toEqual([]);
      });
    });

    describe('logs', () => {
      test('lines are there for everybody once the log is closed, and are listed', async () => {
        const attempt = await store.attempt(work, 'r1-1-1');
        expect(await attempt.readLog('judge-1.jsonl')).toEqual([]);
        const log = await attempt.openLog('judge-1.jsonl');
        log.append('{"one":"ä"}');
        log.append('');
        log.append('two');
        await log.close();
        await log.close();
        const [elsewhere] = await (await storage.open()).attempts(work);
        expect(await elsewhere!.list()).toEqual(['judge-1.jsonl']);
        expect(await elsewhere!.readLog('judge-1.jsonl')).toEqual(['{"one":"ä"}', '', 'two']);
      });

      test('half a last line is left out', async () => {
        const attempt = await store.attempt(work, 'r1-1-1');
        const log = await attempt.openLog('log');
        log.append('whole');
        await log.close();
        await storage.tear(attempt, 'log', 'ha');
        expect(await attempt.readLog('log')).toEqual(['whole']);
      });

      test('there is one of a name, and one writer', async () => {
        const attempt = await store.attempt(work, 'r1-1-1');
        await (await attempt.openLog('log')).close();
        await expect(attempt.openLog('log')).rejects.toThrow(LogUnwritable);
        const again = await (await storage.open()).attempt(work, 'r1-1-1');
        await expect(again.openLog('log')).rejects.toThrow(LogUnwritable);
        await (await (await store.attempt(work, 'r1-1-2')).openLog('log')).close();
      });

      test('a log that is closed takes no further line', async () => {
        const attempt = await store.attempt(work, 'r1-1-1');
        const log = await attempt.openLog('log');
        log.append('one');
        await log.close();
        expect(() => log.append('two')).toThrow(LogUnwritable);
        expect(() => log.append('three')).toThrow(LogUnwritable);
        await expect(log.writable()).rejects.toThrow(LogUnwritable);
        expect(await attempt.readLog('log')).toEqual(['one']);
      });

      describe('in a full store', () => {
        afterEach(() => storage.empty());
        const text = (of: number): string => 'x'.repeat(of);

        test('take what is in flight, and are proven writable only when there is space again', async () => {
          const attempt = await store.attempt(work, 'r1-1-1');
          const log = await attempt.openLog('log', { room: 1_000 });
          await log.writable();
          expect(log.trouble).toBeNull();
          storage.fill();
          const lines = Array.from({ length: 200 }, (_, index) => `${index} ${text(90)}`);
          for (const line of lines) log.append(line);
          let proven = false;
          const waiting = log.writable().then(() => (proven = true));
          await new Promise((resolve) => setTimeout(resolve, 50));
          expect([proven, log.trouble]).toEqual([false, expect.stringContaining('log')]);
          storage.empty();
          await waiting;
          expect(log.trouble).toBeNull();
          await log.close();
          expect(await attempt.readLog('log')).toEqual(lines);
        });

        test('are begun all the same, and wait', async () => {
          const attempt = await store.attempt(work, 'r1-1-1');
          storage.fill();
          const log = await attempt.openLog('log');
          log.append('one');
          const waiting = log.writable();
          const ended = new AbortController();
          const aborted = expect(log.writable(ended.signal)).rejects.toThrow('enough');
          ended.abort(new Error('enough'));
          await aborted;
          storage.empty();
          await waiting;
          await log.close();
          expect(await attempt.readLog('log')).toEqual(['one']);
        });
      });

      test.each(NO_NAMES)('a name is no path: %j', async (path) => {
        const attempt = await store.attempt(work, 'r1-1-1');
        await expect(attempt.openLog(path)).rejects.toThrow('can not name a file');
        await expect(attempt.readLog(path)).rejects.toThrow('can not name a file');
      });
    });

    describe('working copies of attempts', () => {
      test('a file that is kept is an artifact for everybody, wherever it lay', async () => {
        const workspace = await (await store.attempt(work, 'r1-1-1')).workspace();
        expect(isAbsolute(workspace.path)).toBe(true);
        await mkdir(join(workspace.path, 'adapter'));
        await writeFile(join(workspace.path, 'adapter', 'weights.bin'), 'weights');
        await writeFile(join(workspace.path, 'log.jsonl'), '{}\n');
        const relative = await workspace.keep('log.jsonl');
        const absolute = await workspace.keep(join(workspace.path, 'adapter', 'weights.bin'));
        expect(relative).toMatchObject({ sha256: sha256('{}\n'), bytes: 3 });
        const elsewhere = await storage.open();
        expect((await elsewhere.read(relative)).toString()).toBe('{}\n');
        expect((await elsewhere.read(absolute)).toString()).toBe('weights');
        expect(await readFile(await elsewhere.checkOut(absolute), 'utf8')).toBe('weights');
        const later = await (await store.attempt(work, 'r1-1-2')).workspace();
        expect(await later.keep(join(workspace.path, 'log.jsonl'))).toMatchObject({ sha256: relative.sha256 });
      });

      test('files that were kept from one folder are handed out in one folder', async () => {
        const workspace = await (await store.attempt(work, 'r1-1-1')).workspace();
        await writeFile(join(workspace.path, 'weights.bin'), 'w');
        await writeFile(join(workspace.path, 'config.json'), '{}');
        const files = {
          'weights.bin': await workspace.keep('weights.bin'),
          'config.json': await workspace.keep('config.json'),
        };
        const folder = await (await storage.open()).checkOutFolder(files);
        expect(await readFile(join(folder, 'weights.bin'), 'utf8')).toBe('w');
        expect(await readFile(join(folder, 'config.json'), 'utf8')).toBe('{}');
      });

      test('what was synced is there on other machines', async () => {
        const workspace = await (await store.attempt(work, 'r1-1-1')).workspace();
        const step = join(workspace.path, 'checkpoints', 'step-000001');
        await mkdir(step, { recursive: true });
        await writeFile(join(step, 'state.bin'), 'state');
        await Promise.all([workspace.sync(), workspace.sync()]);
        const [earlier] = await (await storage.open()).attempts(work);
        const copy = await earlier!.workspace();
        expect(await readFile(join(copy.path, 'checkpoints', 'step-000001', 'state.bin'), 'utf8')).toBe('state');
      });

      test('the same attempt, begun again, finds its own', async () => {
        const workspace = await (await store.attempt(work, 'r1-1-1')).workspace();
        await writeFile(join(workspace.path, 'half'), 'h');
        const again = await (await store.attempt(work, 'r1-1-1')).workspace();
        expect(existsSync(join(again.path, 'half'))).toBe(true);
      });
    });

    describe('records', () => {
      test('are read as they were written or appended last', async () => {
        expect(await store.readRecord('spending', 'demo')).toBeNull();
        await store.appendRecord('spending', 'demo', '1');
        await (await storage.open()).appendRecord('spending', 'demo', '2\n');
        expect(await store.readRecord('spending', 'demo')).toBe('1\n2\n');
        await store.writeRecord('experiments', 'demo', 'one');
        await store.writeRecord('experiments', 'demo', 'two');
        expect(await (await storage.open()).readRecord('experiments', 'demo')).toBe('two');
        expect(await store.readRecord('spending', 'demo')).toBe('1\n2\n');
      });

      test('a line that is appended after half a one stands by itself', async () => {
        await store.writeRecord('spending', 'demo', '{"usd":1}\n{"us');
        await store.appendRecord('spending', 'demo', '{"usd":2}');
        expect(await store.readRecord('spending', 'demo')).toBe('{"usd":1}\n{"us\n{"usd":2}\n');
      });

      test.each(NO_NAMES)('a name is no path: %j', async (record) => {
        await expect(store.writeRecord('experiments', record, 'x')).rejects.toThrow('can not name a file');
        await expect(store.readRecord('experiments', record)).rejects.toThrow('can not name a file');
        await expect(store.appendRecord('experiments', record, 'x')).rejects.toThrow('can not name a file');
      });
    });

    describe('leases', () => {
      test('a second holder is told who is at it', async () => {
        await store.lease(work, 'demo/em (activity 1)', 60);
        await expect(store.lease(work, 'other', 60)).rejects.toThrow(Busy);
        await expect((await storage.open()).lease(work, 'other', 60)).rejects.toThrow('demo/em (activity 1)');
        await store.lease(other, 'other', 60);
      });

      test('the same holder takes it again, a released or expired one is free', async () => {
        const lease = await store.lease(work, 'one', 60);
        await store.lease(work, 'one', 60);
        await lease.release();
        await store.lease(work, 'two', -1);
        await store.lease(work, 'three', 60);
        await expect(store.lease(work, 'two', 60)).rejects.toThrow(Busy);
      });

      test('of several who come to an expired one, one gets it', async () => {
        await store.lease(work, 'gone', -1);
        const stores = [store, await storage.open(), await storage.open()];
        const told = await Promise.allSettled(stores.map((each, index) => each.lease(work, `comer ${index}`, 60)));
        expect(told.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
      });

      test('a lease that someone else took over is not renewed away', async () => {
        const first = await store.lease(work, 'one', -1);
        await store.lease(work, 'two', 60);
        await first.renew();
        await first.release();
        await expect(store.lease(work, 'one', 60)).rejects.toThrow(Busy);
      });
    });
  });
}
