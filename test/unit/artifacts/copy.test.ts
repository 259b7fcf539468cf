/** Copies between folders, on file systems with and without hard links. */
import fs, { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LocalStore } from '../../../artifacts/local/store';
import { copySuite, type Copyable } from './copy-suite';

const roots: string[] = [];

async function folder(): Promise<Copyable> {
  const root = mkdtempSync(join(tmpdir(), 'flamingo-store-'));
  roots.push(root);
  const store = await LocalStore.open(root);
  return { store, fileOf: (uri) => join(root, uri) };
}

afterEach(() => {
  jest.restoreAllMocks();
  for (const root of roots.splice(0)) rmSync(root, { recursive: true, force: true });
});

copySuite('between folders', folder, folder);
copySuite('between folders without hard links', folder, () => {
  jest.spyOn(fs, 'linkSync').mockImplementation(() => {
    throw Object.assign(new Error('EPERM: operation not permitted, link'), { code: 'EPERM' });
  });
  return folder();
});
