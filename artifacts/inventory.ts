/**
 * What lies in a store, file by file: for counting, verifying, copying and clearing up. Everything else goes through `Store`.
 */
import type { ArtifactRef } from '../experiment/plan';
import type { Content } from './hash-file';

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
  hash(uri: string): Promise<Content | null>;
  /** The bytes as they are read. Throws `ArtifactMissing` when it is gone. */
  open(uri: string): AsyncIterable<Uint8Array>;
  /**
   * Puts a file of any size there, whole or not at all, and holds what was put against its hash. Throws `ArtifactDamaged`
   * when the bytes are not `content`, and then nothing has changed.
   */
  put(uri: string, bytes: AsyncIterable<Uint8Array>, content: Content): Promise<void>;
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
