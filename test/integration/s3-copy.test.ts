/** Copies into object storage, out of it and within it, on a real S3 server. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LocalStore } from '../../artifacts/local/store';
import { ObjectStorage, SharedPlace } from '../support/s3-machines';
import { copySuite, type Copyable } from '../unit/artifacts/copy-suite';

let objects: ObjectStorage;
const roots: string[] = [];
const places: SharedPlace[] = [];
beforeAll(async () => {
  objects = await ObjectStorage.start();
});
afterEach(() => {
  jest.restoreAllMocks();
  for (const root of roots.splice(0)) rmSync(root, { recursive: true, force: true });
  for (const place of places.splice(0)) place.remove();
});
afterAll(() => objects.stop());

async function folder(): Promise<Copyable> {
  const root = mkdtempSync(join(tmpdir(), 'flamingo-store-'));
  roots.push(root);
  return { store: await LocalStore.open(root), fileOf: (uri) => join(root, uri) };
}

async function s3(): Promise<Copyable> {
  const place = new SharedPlace(objects.server);
  places.push(place);
  return { store: await place.open(), fileOf: (uri) => place.fileOf(uri) };
}

copySuite('from a folder to object storage', folder, s3);
copySuite('from object storage to a folder', s3, folder);
copySuite('from one place in object storage to another', s3, s3);
