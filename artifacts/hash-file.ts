/** The SHA-256 of a file of any size. */
import { createHash } from 'node:crypto';
import type { Sha256 } from '../experiment/canonical';
import { openRegular } from './regular-file';

/** Throws `NotARegularFile` for what has no end or would be waited for. */
export async function hashFile(path: string): Promise<Sha256> {
  const hash = createHash('sha256');
  const file = await openRegular(path);
  for await (const chunk of file.createReadStream({ highWaterMark: 1 << 20 })) hash.update(chunk as Buffer);
  return hash.digest('hex');
}
