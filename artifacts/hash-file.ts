/** The SHA-256 of bytes of any number: of a file, or as they come. */
import { createHash } from 'node:crypto';
import type { Sha256 } from '../experiment/canonical';
import type { ArtifactRef } from '../experiment/plan';
import { openRegular } from './regular-file';

/** What tells contents apart. */
export type Content = Pick<ArtifactRef, 'sha256' | 'bytes'>;

/** Throws `NotARegularFile` for what has no end or would be waited for. */
export async function hashFile(path: string): Promise<Sha256> {
  const file = await openRegular(path);
  return (await readContent(file.createReadStream({ highWaterMark: 1 << 20 }) as AsyncIterable<Buffer>)).sha256;
}

/** Reads to the end. */
export async function readContent(bytes: AsyncIterable<Uint8Array>): Promise<Content> {
  const hash = createHash('sha256');
  let length = 0;
  for await (const chunk of bytes) {
    hash.update(chunk);
    length += chunk.length;
  }
  return { sha256: hash.digest('hex'), bytes: length };
}
