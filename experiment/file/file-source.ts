/**
 * Where a file that the experiment file names comes from: a path beside it, or a URL, with the pin of its bytes.
 */
import type { FileSource } from '../spec';

export function fileSource(input: {
  path?: string | undefined;
  url?: string | undefined;
  sha256?: string | undefined;
}): FileSource {
  const { path, url, sha256 } = input;
  if (path !== undefined) return { kind: 'path', path, ...(sha256 === undefined ? {} : { sha256 }) };
  return { kind: 'url', url: url as string, sha256: sha256 ?? null };
}
