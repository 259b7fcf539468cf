/** What lies in a store in object storage. */
import { readContent } from '../hash-file';
import type { Inventory } from '../inventory';
import { ArtifactMissing } from '../store';
import { checkedUri, named } from './address';
import type { Objects } from './objects';
import { bytesOf, damaged, uploadBytes } from './transfer';

export function s3Inventory(objects: Objects): Inventory {
  return {
    files: async function* () {
      for await (const { key, bytes, written } of objects.list(''))
        yield { uri: key, bytes, written: written?.getTime() ?? Date.now() };
    },
    read: async (uri) => (await objects.get(checkedUri(uri)))?.bytes ?? null,
    hash: async (uri) => {
      try {
        return await readContent(bytesOf(objects, checkedUri(uri)));
      } catch (error) {
        if (error instanceof ArtifactMissing) return null;
        throw error;
      }
    },
    open: (uri) => bytesOf(objects, checkedUri(uri)),
    put: (uri, bytes, content) => {
      const key = checkedUri(uri);
      return uploadBytes(objects, key, bytes, content, (found) =>
        damaged(`what was to become ${named(objects.address, key)}`, found, content),
      );
    },
    remove: (uris) => objects.remove(uris.map(checkedUri)),
  };
}
