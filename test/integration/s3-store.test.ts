/** The store in object storage, held to the suite of every store, on a real S3 server; and what only such a store does. */
import { readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import type { Manifest, WorkKey } from '../../artifacts/store';
import { survey, unused } from '../../artifacts/unused';
import { verify } from '../../artifacts/verify';
import { sha256 } from '../../experiment/canonical';
import { ObjectStorage, SharedPlace } from '../support/s3-machines';
import { tampered, type Storage } from '../support/stores';
import { storeSuite } from '../unit/artifacts/store-suite';
import { workspaceSuite } from './s3-workspace-suite';

let objects: ObjectStorage;
beforeAll(async () => {
  objects = await ObjectStorage.start();
});
afterAll(() => objects.stop());

function s3Storage(): Storage {
  const place = new SharedPlace(objects.server);
  const fileOf = (uri: string): string => place.fileOf(uri);
  const manifestOf = ({ stage, group, key }: WorkKey): string =>
    fileOf([stage, group, key, 'manifest.json'].filter(Boolean).join('/'));
  return {
    open: () => place.open(),
    lose: ({ uri }) => Promise.resolve(rmSync(fileOf(uri))),
    cut: ({ uri, bytes }) => Promise.resolve(truncateSync(fileOf(uri), Math.floor(bytes / 2))),
    tamper: ({ uri }) => Promise.resolve(tamper(fileOf(uri))),
    cutManifest: (work) => Promise.resolve(truncateSync(manifestOf(work), 30)),
    misshape: (work) => Promise.resolve(writeFileSync(manifestOf(work), '{"stage":"adapters"}\n')),
    tear: ({ work: { stage, group, key }, name }, log, rest) => {
      const folder = [stage, group, key, 'attempts', name, 'logs', log].filter(Boolean).join('/');
      return Promise.resolve(writeFileSync(fileOf(`${folder}/00000009`), rest));
    },
    // as MinIO says it
    fill: () => {
      objects.proxy.faults = ({ method }) => (method === 'PUT' ? { status: 507, code: 'XMinioStorageFull' } : null);
    },
    empty: () => {
      objects.proxy.faults = () => null;
    },
    remove: () => place.remove(),
  };
}

/** Another object, as a client of the server would put it. */
function tamper(file: string): void {
  const bytes = tampered(readFileSync(file));
  rmSync(file);
  writeFileSync(file, bytes);
}

storeSuite('S3', s3Storage);
workspaceSuite(() => objects);

test('what lies there is counted, verified and cleared up', async () => {
  const storage = new SharedPlace(objects.server);
  const store = await storage.open();
  const rows = await store.putBytes('rows\n', '.jsonl');
  const lost = await store.putBytes('of a plan that was replaced', '.json');
  const work: WorkKey = { stage: 'completions', group: sha256('context'), key: sha256('work') };
  const committed = { attempt: 'r1-1', host: 'here', at: '2026-01-01T00:00:00Z' };
  const manifest: Manifest = {
    stage: 'completions',
    key: work.key,
    results: { rows },
    provenance: {},
    facts: {},
    committed,
  };
  await store.commit(work, manifest);
  const found = await survey(store.inventory());
  expect(found.purpose.get(rows.uri)).toBe('completions');
  expect(unused(found, 24 * 3600_000)).toEqual([]);
  const old = unused(found, 24 * 3600_000, Date.now() + 48 * 3600_000).map(({ uri }) => uri);
  expect(old).toEqual([lost.uri]);
  await store.inventory().remove(old);
  expect(await verify(store.inventory())).toMatchObject({ files: 1, manifests: 1, damage: [] });
  tamper(storage.fileOf(rows.uri));
  const of = `completions/${work.group}/${work.key}/manifest.json`;
  expect((await verify(store.inventory())).damage).toEqual([{ uri: rows.uri, problem: 'other bytes', of }]);
  // put aside it is open, and of several that do so one is told
  const aside = await Promise.all([1, 2, 3].map(() => store.putAside(work, manifest)));
  expect(aside.filter((each) => each)).toHaveLength(1);
  expect(await store.openWork('completions', work.group as string)).toEqual([work]);
  expect(await store.putAside(work, manifest)).toBe(false);
  await store.putBytes('rows\n', '.jsonl');
  expect((await store.commit(work, manifest)).committed).toEqual(committed);
  storage.remove();
});
