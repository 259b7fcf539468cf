/** What of a store is in use, what is not, and what is damaged. */
import fs, { mkdtempSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { recordExperiment } from '../../../artifacts/experiments';
import { LocalStore } from '../../../artifacts/local/store';
import type { Manifest, WorkKey } from '../../../artifacts/store';
import { survey, unused } from '../../../artifacts/unused';
import { verify } from '../../../artifacts/verify';
import { sha256 } from '../../../experiment/canonical';
import type { ArtifactRef } from '../../../experiment/plan';

let root: string;
let store: LocalStore;
beforeEach(async () => {
  root = mkdtempSync(join(tmpdir(), 'flamingo-store-'));
  store = await LocalStore.open(root);
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const adapters: WorkKey = { stage: 'adapters', key: sha256('recipe') };

async function commit(work: WorkKey, results: Record<string, ArtifactRef>): Promise<Manifest> {
  const committed = { attempt: 'r1-1', host: 'here', at: '2026-01-01T00:00:00Z' };
  return store.commit(work, { stage: work.stage, key: work.key, results, provenance: {}, facts: {}, committed });
}

/** A finished fine-tune with a checkpoint, and a plan with its data. */
async function filled(): Promise<{ rows: ArtifactRef; plan: ArtifactRef; weights: ArtifactRef; checkpoint: string }> {
  const workspace = await (await store.attempt(adapters, 'r1-1')).workspace();
  mkdirSync(join(workspace.path, 'checkpoints', 'step-000001'), { recursive: true });
  writeFileSync(join(workspace.path, 'checkpoints', 'step-000001', 'state.bin'), 'state');
  writeFileSync(join(workspace.path, 'weights.bin'), 'weights');
  const weights = await workspace.keep('weights.bin');
  const rows = await store.putBytes('rows\n', '.jsonl');
  const plan = await store.putBytes(JSON.stringify({ plan: { trainingRows: rows } }), '.json');
  await recordExperiment(store, 'demo', { plan, output: '/results' });
  await commit(adapters, { weights });
  return {
    rows,
    plan,
    weights,
    checkpoint: `adapters/${adapters.key}/attempts/r1-1/checkpoints/step-000001/state.bin`,
  };
}

test('what a record leads to over a plan, and what manifests name, is in use', async () => {
  const { rows, plan, weights } = await filled();
  const { purpose, committed } = await survey(store.inventory());
  expect([rows, plan].map(({ uri }) => purpose.get(uri))).toEqual(['plans and inputs', 'plans and inputs']);
  expect(purpose.get(weights.uri)).toBe('adapters');
  expect(purpose.get('store.json')).toBe('store');
  expect(purpose.get('experiments/demo')).toBe('plans and inputs');
  expect([...committed]).toEqual([`adapters/${adapters.key}`]);
});

test('not in use: blobs that nothing names, checkpoints and given adapters of finished work, half-written files; and only when they are old', async () => {
  const { checkpoint } = await filled();
  const given = `adapters/${adapters.key}/attempts/r1-1/.loads/teacher/adapter/adapter_model.safetensors`;
  mkdirSync(dirname(join(root, given)), { recursive: true });
  writeFileSync(join(root, given), 'a copy');
  const lost = await store.putBytes('of a plan that was replaced', '.json');
  writeFileSync(join(root, 'tmp', 'half'), 'h');
  const found = await survey(store.inventory());
  const day = 24 * 3600_000;
  expect(unused(found, day)).toEqual([]);
  const old = unused(found, day, Date.now() + 2 * day);
  expect(old.map(({ uri }) => uri).sort()).toEqual([checkpoint, given, lost.uri, 'tmp/half'].sort());
  await store.inventory().remove(old.map(({ uri }) => uri));
  expect((await verify(store.inventory())).damage).toEqual([]);
  expect((await survey(store.inventory())).files).toHaveLength(6);
});

test('checkpoints of work that is not finished, and its small files, stay', async () => {
  const attempt = await store.attempt(adapters, 'r1-1');
  const { path } = await attempt.workspace();
  mkdirSync(join(path, 'checkpoints'));
  writeFileSync(join(path, 'checkpoints', 'state.bin'), 'state');
  const requests = await store.putBytes('[]', '.json');
  await attempt.write('shard.json', JSON.stringify({ requests }));
  const found = await survey(store.inventory());
  expect(unused(found, 0, Date.now() + 1e9)).toEqual([]);
});

test.each(['EIO', 'ESTALE', 'EMFILE', 'EACCES'])(
  'with %s nothing is said to be unused: a manifest that can not be looked at is not gone',
  async (code) => {
    const { weights } = await filled();
    const refuse = (path: unknown): void => {
      if (String(path).includes(adapters.key)) throw Object.assign(new Error(`${code}: refused`), { code });
    };
    for (const call of ['readdir', 'stat'] as const) {
      const real = fs.promises[call] as (...args: unknown[]) => Promise<unknown>;
      const spy = jest.spyOn(fs.promises, call as 'stat').mockImplementation((async (...args: unknown[]) => {
        refuse(args[0]);
        return real(...args);
      }) as never);
      await expect(survey(store.inventory())).rejects.toThrow(code);
      spy.mockRestore();
    }
    expect((await survey(store.inventory())).purpose.get(weights.uri)).toBe('adapters');
  },
);

test('what a document leads to is in use, however large the document is', async () => {
  const rows = await store.putBytes('rows\n', '.jsonl');
  const plan = await store.putBytes(JSON.stringify({ rows, fill: 'x'.repeat((64 << 20) + 1) }), '.bulk.json');
  await recordExperiment(store, 'demo', { plan, output: '/results' });
  const found = await survey(store.inventory());
  expect(unused(found, 0, Date.now() + 1e9)).toEqual([]);
  const { read, ...rest } = store.inventory();
  const refusing = {
    ...rest,
    read: (uri: string) => (uri === plan.uri ? Promise.reject(new Error('File size is too large')) : read(uri)),
  };
  await expect(survey(refusing)).rejects.toThrow(`${plan.uri} can not be read`);
});

test('everything is read: other bytes, gone files and torn manifests are named', async () => {
  const { rows, weights } = await filled();
  const verified = await verify(store.inventory());
  expect(verified).toMatchObject({ manifests: 1, files: 3, damage: [] });
  writeFileSync(join(root, rows.uri), 'rowz\n');
  rmSync(join(root, weights.uri));
  const torn: WorkKey = { stage: 'completions', group: sha256('context'), key: sha256('shard') };
  await commit(torn, {});
  writeFileSync(join(root, 'completions', torn.group!, torn.key, 'manifest.json'), '{"stage":');
  expect((await verify(store.inventory())).damage).toEqual(
    expect.arrayContaining([
      { uri: rows.uri, problem: 'other bytes', of: null },
      { uri: weights.uri, problem: 'missing', of: `adapters/${adapters.key}/manifest.json` },
      { uri: `completions/${torn.group}/${torn.key}/manifest.json`, problem: 'unreadable', of: null },
    ]),
  );
});
