/**
 * Where a file that the experiment file names comes from: a path beside it, or a URL with the pin of its bytes.
 */
import type { FileSource } from '../spec';

export function fileSource(input: {
  path?: string | undefined;
  url?: string | undefined;
  sha256?: string | undefined;
}): FileSource {
  if (input.path !== undefined) return { kind: 'path', path: input.path };
  return { kind: 'url', url: input.url as string, sha256: input.sha256 ?? null };
}
