/** The store in object storage when its server is busy, the network breaks, answers get lost and clocks are wrong. */
import { randomBytes } from 'node:crypto';
import { utimesSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { S3Store } from '../../artifacts/s3/store';
import { ArtifactDamaged, Busy, type Manifest, StoreUnavailable, type WorkKey } from '../../artifacts/store';
import { sha256 } from '../../experiment/canonical';
import type { FaultProxy, Request } from '../support/fault-proxy';
import { ObjectStorage, SharedPlace } from '../support/s3-machines';

let objects: ObjectStorage;
let proxy: FaultProxy;
let place: SharedPlace;

beforeAll(async () => {
  objects = await ObjectStorage.start();
  proxy = objects.proxy;
});
afterAll(() => objects.stop());
beforeEach(() => (place = new SharedPlace(objects.server)));
afterEach(() => {
  jest.restoreAllMocks();
  proxy.faults = () => null;
  place.remove();
});

const open = (): Promise<S3Store> => place.open();
const work: WorkKey = { stage: 'completions', group: sha256('context'), key: sha256('work') };
const manifest = (attempt: string): Manifest => ({
  stage: work.stage,
  key: work.key,
  results: {},
  provenance: {},
  facts: {},
  committed: { attempt, host: 'here', at: '2026-01-01T00:00:00Z' },
});
const isPut = ({ method }: Request): boolean => method === 'PUT';
const isConditional = ({ method, headers }: Request): boolean =>
  method === 'PUT' && (headers['if-none-match'] !== undefined || headers['if-match'] !== undefined);

describe('answers that get lost', () => {
  test('a commit whose answer was lost is recognised as ours', async () => {
    const store = await open();
    proxy.once('lost', isConditional);
    expect((await store.commit(work, manifest('mine'))).committed.attempt).toBe('mine');
    expect((await store.commit(work, manifest('late'))).committed.attempt).toBe('mine');
  });

  test('one whose request was lost, and which somebody else overtook, is not ours', async () => {
    const store = await open();
    const other = await open();
    const overtaken: Promise<unknown>[] = [];
    proxy.faults = (request) => {
      if (!isConditional(request) || overtaken.length > 0) return null;
      overtaken.push(other.commit(work, manifest('other')));
      return 'reset';
    };
    const stands = await store.commit(work, manifest('mine'));
    await Promise.all(overtaken);
    expect(await store.manifest(work)).toEqual(stands);
    expect((await other.commit(work, manifest('other'))).committed.attempt).toBe(stands.committed.attempt);
  });

  test('a small file, a record and a log are written once', async () => {
    const store = await open();
    const attempt = await store.attempt(work, 'r1-1');
    proxy.once('lost', isConditional);
    expect(await attempt.create('turn-1.json', '{}\n')).toBe(true);
    expect(await attempt.create('turn-1.json', '{}\n')).toBe(false);
    for (const line of ['1', '2', '3']) {
      proxy.once('lost', isConditional);
      await store.appendRecord('spending', 'demo', line);
    }
    expect(await store.readRecord('spending', 'demo')).toBe('1\n2\n3\n');
    proxy.once('lost', isConditional);
    const log = await attempt.openLog('judge.jsonl');
    proxy.once('lost', isConditional);
    log.append('one');
    await sleep(300);
    log.append('two');
    await log.close();
    expect(await attempt.readLog('judge.jsonl')).toEqual(['one', 'two']);
  });
});

describe('a busy server and a bad network', () => {
  test('every third request fails, and nothing is noticed', async () => {
    const store = await open();
    let count = 0;
    const faults = [
      { status: 503, code: 'SlowDown' },
      'reset',
      { status: 500, code: 'InternalError' },
      'lost',
    ] as const;
    proxy.faults = () => (++count % 3 === 0 ? faults[(count / 3) % faults.length]! : null);
    const rows = await store.putBytes('rows\n', '.jsonl');
    const all = await Promise.all(
      ['a', 'b', 'c'].map((name) => store.commit(work, { ...manifest(name), results: { rows } })),
    );
    expect(new Set(all.map(({ committed }) => committed.attempt)).size).toBe(1);
    expect(await store.manifests('completions', work.group!)).toEqual([all[0]]);
    expect((await store.read(rows)).toString()).toBe('rows\n');
    const attempt = await store.attempt(work, 'r1-1');
    const log = await attempt.openLog('log');
    for (let i = 0; i < 5; i++) {
      log.append(String(i));
      await sleep(60);
    }
    await log.close();
    expect(await attempt.readLog('log')).toEqual(['0', '1', '2', '3', '4']);
  });

  test('a file goes up in parts and comes down in pieces, whatever breaks off', async () => {
    const store = await open();
    const bytes = randomBytes(20 << 20);
    const workspace = await (await store.attempt(work, 'r1-1')).workspace();
    await writeFile(join(workspace.path, 'weights.bin'), bytes);
    const isPart = ({ path }: Request): boolean => path.includes('partNumber');
    proxy.once('reset', isPart);
    proxy.once('lost', isPart);
    proxy.once('lost', ({ method, path }) => method === 'POST' && path.includes('uploadId'));
    const ref = await workspace.keep('weights.bin');
    expect(ref).toMatchObject({ sha256: sha256(bytes), bytes: bytes.length });
    expect(proxy.requests.filter(isPart).length).toBeGreaterThanOrEqual(3);

    const isGet = ({ method, path }: Request): boolean => method === 'GET' && path.includes(ref.uri);
    proxy.once('cut', isGet);
    proxy.once('cut', isGet);
    const elsewhere = await open();
    expect((await readFile(await elsewhere.checkOut(ref))).equals(bytes)).toBe(true);
    const ranges = proxy.requests.filter(isGet).map(({ headers }) => headers.range);
    expect(ranges).toEqual([undefined, expect.stringMatching(/^bytes=\d+-$/), expect.stringMatching(/^bytes=\d+-$/)]);
    // it is there now, and is not fetched again
    await elsewhere.checkOut(ref);
    expect(proxy.requests.filter(isGet)).toHaveLength(3);
    proxy.once('cut', isGet);
    expect((await store.read(ref)).equals(bytes)).toBe(true);
  });

  test('lines of a log are kept while the server is away, and written when it is back', async () => {
    const store = await open();
    const attempt = await store.attempt(work, 'r1-1');
    const log = await attempt.openLog('log', { room: 1 });
    proxy.faults = (request) => (isPut(request) ? { status: 503, code: 'ServiceUnavailable' } : null);
    log.append('one');
    const aborted = new AbortController();
    const waiting = log.writable(aborted.signal);
    aborted.abort(new Error('enough'));
    await expect(waiting).rejects.toThrow('enough');
    const again = log.writable();
    proxy.faults = () => null;
    log.append('two');
    await again;
    await log.close();
    expect(await attempt.readLog('log')).toEqual(['one', 'two']);
  });

  test('work that meets an outage is told so after some tries, and can be done again', async () => {
    const store = await open();
    proxy.faults = ({ path }) =>
      path.includes('spending') ? { status: 503, code: 'ServiceUnavailable' } : { status: 500, code: 'InternalError' };
    const told = await Promise.allSettled([store.readRecord('spending', 'demo'), store.manifest(work), open()]);
    for (const each of told) expect(each).toMatchObject({ reason: expect.any(StoreUnavailable) });
    proxy.faults = () => null;
    expect(await store.manifest(work)).toBeNull();
  });

  test('bytes that are others when they are read again are damaged', async () => {
    const store = await open();
    const ref = await store.putBytes('hello\n', '.txt');
    await expect(store.read({ ...ref, sha256: sha256('other') })).rejects.toThrow(ArtifactDamaged);
  });

  test('a server that knows no conditions is refused', async () => {
    proxy.faults = (request) => (isConditional(request) ? 'pretended' : null);
    await expect(open()).rejects.toThrow('does not honour conditional puts');
  });
});

describe('clocks that differ', () => {
  test('a host whose clock is hours ahead neither steals a living lease nor loses its own', async () => {
    const [here, ahead] = [await open(), await open()];
    await here.lease(work, 'here', 60);
    const now = Date.now.bind(Date);
    const clock = jest.spyOn(Date, 'now').mockImplementation(() => now() + 3 * 3600_000);
    await expect(ahead.lease(work, 'ahead', 60)).rejects.toThrow(Busy);
    clock.mockRestore();
    await expect(ahead.lease(work, 'ahead', 60)).rejects.toThrow('here (process');
  });

  test('a lease that nobody renews is over, by the server and by watching it', async () => {
    const [here, other, watcher] = [await open(), await open(), await open()];
    const file = place.fileOf(`leases/${work.stage}-${work.group}-${work.key}.json`);
    /** The server says that it was written so long ago. */
    const age = (seconds: number): void => utimesSync(file, new Date(), new Date(Date.now() - seconds * 1000));
    const lease = await here.lease(work, 'here', 60);
    age(59);
    await lease.renew();
    await expect(other.lease(work, 'other', 60)).rejects.toThrow(Busy);
    age(59);
    await expect(other.lease(work, 'other', 60)).rejects.toThrow(Busy);
    age(64);
    await other.lease(work, 'other', 60);
    // by a clock of one's own, when the server's says nothing
    await expect(watcher.lease(work, 'watcher', 60)).rejects.toThrow(Busy);
    const now = performance.now.bind(performance);
    jest.spyOn(performance, 'now').mockImplementation(() => now() + 61_000);
    await watcher.lease(work, 'watcher', 60);
  });
});
