/** What lies in a store in object storage. */
import { createHash } from 'node:crypto';
import type { Readable } from 'node:stream';
import { GetObjectCommand } from '@aws-sdk/client-s3';
import type { Inventory } from '../inventory';
import { checkedUri } from './address';
import { brokenOff, isAbsent } from './errors';
import type { Objects } from './objects';

export function s3Inventory(objects: Objects): Inventory {
  return {
    files: async function* () {
      for await (const { key, bytes, written } of objects.list(''))
        yield { uri: key, bytes, written: written?.getTime() ?? Date.now() };
    },
    read: async (uri) => (await objects.get(checkedUri(uri)))?.bytes ?? null,
    hash: (uri) =>
      objects.againIfTorn(uri, async () => {
        try {
          const { Body, ContentLength } = await objects.client.send(new GetObjectCommand(objects.at(checkedUri(uri))));
          const hash = createHash('sha256');
          let bytes = 0;
          for await (const chunk of Body as Readable) {
            hash.update(chunk as Buffer);
            bytes += (chunk as Buffer).length;
          }
          if (ContentLength !== undefined && bytes !== ContentLength) throw brokenOff('the body broke off');
          return { sha256: hash.digest('hex'), bytes };
        } catch (error) {
          if (isAbsent(error)) return null;
          throw error;
        }
      }),
    remove: (uris) => objects.remove(uris.map(checkedUri)),
  };
}
