/** Adapters, and whole models in their place, through the store: committed, handed out, and put aside where a file is damaged. */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Attempt, Manifest, Store, WorkKey, Workspace } from '../../../artifacts/store';
import { sha256 } from '../../../experiment/canonical';
import { adapterFolder, MODEL_FILES } from '../../../gpu-activities/adapter-folder';
import { copyModelForProgram } from '../../../gpu-activities/command/adapter-copy';
import { commitAdapters } from '../../../gpu-activities/commit-adapters';
import { intactAdapter } from '../../../artifacts/rows';
import { STORAGES, type Storage } from '../../support/stores';

const KEY = 'ab'.repeat(32);
const WORK: WorkKey = { stage: 'adapters', key: KEY };
const MODEL = { 'config.json': '{"a": 1}', 'model.safetensors': 'all weights' };

let storage: Storage;
let store: Store;
let attempt: Attempt;
let workspace: Workspace;
let folder: string;

describe.each(STORAGES)('in the %s store', (_, make) => {
  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'adapter-folder-'));
    storage = make();
    store = await storage.open();
    attempt = await store.attempt(WORK, 'r1-1');
    workspace = await attempt.workspace();
  });
  afterEach(() => {
    storage.remove();
    rmSync(folder, { recursive: true });
  });

  function written(files: Record<string, string>, list = hashesOf(files)): { path: string; sha256: string } {
    const path = join(workspace.path, 'adapter');
    mkdirSync(path, { recursive: true });
    for (const [name, text] of Object.entries({ ...files, [MODEL_FILES]: list, 'README.md': 'card' }))
      writeFileSync(join(path, name), text);
    for (const name of ['log', 'speed']) writeFileSync(join(workspace.path, `${name}.jsonl`), '{"step":1}\n');
    return { path, sha256: sha256(list) };
  }

  function commit(adapter: { path: string; sha256: string }): Promise<Manifest> {
    const [log, speed] = ['log', 'speed'].map((name) => join(workspace.path, `${name}.jsonl`)) as [string, string];
    return commitAdapters(store, WORK, {
      ...{ attempt, workspace, earlier: [], lacking: [], standing: null, watched: null, at: '2026-01-01T00:00:00Z' },
      committed: { event: 'committed', id: 1, adapter, log, speed, steps: 3, seconds: 1 },
      ready: { event: 'ready', pid: 1, device: 'cpu', versions: {} },
      trainedOn: { merged: [], loaded: [] },
    });
  }

  test('a whole model is committed with every file, and is handed out in one folder', async () => {
    await commit(written(MODEL));
    const found = await adapterFolder(store, { id: 'own' }, KEY);
    expect(found).toMatchObject({ whole: true, sha256: sha256(hashesOf(MODEL)) });
    for (const [name, text] of Object.entries(MODEL)) expect(readFileSync(join(found!.path, name), 'utf8')).toBe(text);
    expect(await intactAdapter(store, KEY)).not.toBeNull();
  });

  test('one whose file is not the one that the trainer hashed is not committed', async () => {
    const wrong = written(MODEL, hashesOf({ ...MODEL, 'model.safetensors': 'other weights' }));
    await expect(commit(wrong)).rejects.toThrow(/model\.safetensors is not the file/);
    expect(await store.manifest(WORK)).toBeNull();
  });

  test('one with a damaged file is made anew', async () => {
    const { results } = await commit(written(MODEL));
    await storage.tamper(results['file:model.safetensors']!);
    await expect(adapterFolder(store, { id: 'own' }, KEY)).rejects.toMatchObject({ type: 'DamagedArtifact' });
    expect(await store.manifest(WORK)).toBeNull();
  });

  test('a program gets a copy of it with the base’s tokenizer', async () => {
    await commit(written(MODEL));
    const { path } = (await adapterFolder(store, { id: 'own' }, KEY))!;
    const base = join(folder, 'base');
    mkdirSync(base);
    const others = { 'config.json': '{"other": 1}', 'tokenizer.json': '{}', 'model-1.safetensors': 'no' };
    for (const [name, text] of Object.entries(others)) writeFileSync(join(base, name), text);
    const to = await copyModelForProgram(path, join(folder, 'given'), base);
    const names = readdirSync(to);
    expect(names).toEqual(expect.arrayContaining(['config.json', 'model.safetensors', 'tokenizer.json']));
    expect(names).not.toContain('model-1.safetensors');
    expect(readFileSync(join(to, 'config.json'), 'utf8')).toBe(MODEL['config.json']);
  });
});

function hashesOf(files: Record<string, string>): string {
  return JSON.stringify(Object.fromEntries(Object.entries(files).map(([name, text]) => [name, sha256(text)])));
}
