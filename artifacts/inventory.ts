/**
 * What lies in a store, file by file: for counting, verifying and clearing up. Everything else goes through `Store`.
 */
import type { ArtifactRef } from '../experiment/plan';

export interface StoredFile {
  /** As references have it. */
  uri: string;
  bytes: number;
  /** When it was written last, ms since 1970. */
  written: number;
}

export interface Inventory {
  files(): AsyncIterable<StoredFile>;
  /** Null when it is gone. */
  read(uri: string): Promise<Buffer | null>;
  /** Read as a stream. Null when it is gone. */
  hash(uri: string): Promise<Pick<ArtifactRef, 'sha256' | 'bytes'> | null>;
  remove(uris: readonly string[]): Promise<void>;
}

/** References in any stored text. May find more than there are, never fewer: what is written down somewhere is in use. */
export function referencesIn(text: string): string[] {
  return [...text.matchAll(/"uri"\s*:\s*"((?:[^"\\]|\\.)+)"/g)].map(([, uri]) => JSON.parse(`"${uri}"`) as string);
}

/** What a manifest or another document refers to, with hash and size. */
export function fullReferencesIn(value: unknown): ArtifactRef[] {
  if (typeof value !== 'object' || value === null) return [];
  const { uri, sha256, bytes } = value as Partial<ArtifactRef>;
  if (typeof uri === 'string' && typeof sha256 === 'string' && typeof bytes === 'number')
    return [{ uri, sha256, bytes }];
  return Object.values(value).flatMap(fullReferencesIn);
}
