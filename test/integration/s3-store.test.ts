/** The store in object storage, held to the suite of every store, on a real S3 server. */
import { randomUUID } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { S3Store } from '../../artifacts/s3/store';
import type { Manifest, WorkKey } from '../../artifacts/store';
import { survey, unused } from '../../artifacts/unused';
import { verify } from '../../artifacts/verify';
import { sha256 } from '../../experiment/canonical';
import { S3Server } from '../support/s3-server';
import { tampered, type Storage } from '../support/stores';
import { storeSuite } from '../unit/artifacts/store-suite';

let server: S3Server;
beforeAll(async () => {
  server = await S3Server.start();
  Object.assign(process.env, server.environment());
});
afterAll(() => server.stop());

function s3Storage(): Storage {
  const prefix = randomUUID();
  const machines = mkdtempSync(join(tmpdir(), 'flamingo-machines-'));
  const stores: S3Store[] = [];
  const fileOf = (uri: string): string => server.fileOf(`${prefix}/${uri}`);
  const manifestOf = ({ stage, group, key }: { stage: string; group?: string; key: string }): string =>
    fileOf([stage, group, key, 'manifest.json'].filter(Boolean).join('/'));
  return {
    open: async () => {
      const machine = join(machines, String(stores.length));
      const store = await S3Store.open({
        address: `s3://${server.bucket}/${prefix}`,
        pathStyle: true,
        workingCopies: join(machine, 'copies'),
        cache: { folder: join(machine, 'cache'), maxBytes: 1e9 },
      });
      stores.push(store);
      return store;
    },
    lose: ({ uri }) => Promise.resolve(rmSync(fileOf(uri))),
    cut: ({ uri, bytes }) => Promise.resolve(truncateSync(fileOf(uri), Math.floor(bytes / 2))),
    // another object, as a client of the server would put it
    tamper: ({ uri }) => {
      const bytes = tampered(readFileSync(fileOf(uri)));
      rmSync(fileOf(uri));
      return Promise.resolve(writeFileSync(fileOf(uri), bytes));
    },
    cutManifest: (work) => Promise.resolve(truncateSync(manifestOf(work), 30)),
    misshape: (work) => Promise.resolve(writeFileSync(manifestOf(work), '{"stage":"adapters"}\n')),
    tear: ({ work: { stage, group, key }, name }, log, rest) => {
      const folder = [stage, group, key, 'attempts', name, 'logs', log].filter(Boolean).join('/');
      return Promise.resolve(writeFileSync(fileOf(`${folder}/00000009`), rest));
    },
    remove: () => {
      for (const store of stores) store.close();
      rmSync(machines, { recursive: true, force: true });
    },
  };
}

storeSuite('S3', s3Storage);

test('what lies there is counted, verified and cleared up', async () => {
  const storage = s3Storage();
  const store = (await storage.open()) as S3Store;
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
  await storage.tamper(rows);
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
