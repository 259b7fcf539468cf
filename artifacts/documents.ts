/**
 * Reads stored JSON: documents and rows, whose bytes the store has held against their hash. What is not of the shape that
 * it should have is refused with the file's name.
 */
import type { z } from 'zod';
import type { ArtifactRef } from '../experiment/plan';
import { ArtifactDamaged, type Store } from './store';

/** `what` the document is, for the error. Throws `ArtifactDamaged`. What is returned is as it was stored. */
export async function readDocument<T>(store: Store, ref: ArtifactRef, shape: z.ZodType, what: string): Promise<T> {
  const text = (await store.read(ref)).toString('utf8');
  return checkedDocument<T>(text, shape, ref.uri, what);
}

/** `file` is named in the error. Throws `ArtifactDamaged`. */
export function checkedDocument<T>(text: string, shape: z.ZodType, file: string, what: string): T {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw notThat(file, what, 'it is not JSON', error);
  }
  const { success, error } = shape.safeParse(value);
  if (success) return value as T;
  const [issue] = error.issues;
  const place = issue === undefined || issue.path.length === 0 ? 'it' : `its \`${issue.path.join('.')}\``;
  throw notThat(file, what, `${place} is not what it should be`, error);
}

/** Rows of JSON Lines, each an object. Throws `ArtifactDamaged` with the line. */
export function checkedRows<T>(text: string, file: string): T[] {
  return text.split('\n').flatMap((line, index) => {
    if (line === '') return [];
    let row: unknown;
    try {
      row = JSON.parse(line);
    } catch (error) {
      throw notThat(`${file}:${index + 1}`, 'row', 'it is not JSON', error);
    }
    if (typeof row !== 'object' || row === null || Array.isArray(row)) {
      throw notThat(`${file}:${index + 1}`, 'row', 'it is no object');
    }
    return [row as T];
  });
}

function notThat(file: string, what: string, why: string, cause?: unknown): ArtifactDamaged {
  return new ArtifactDamaged(
    `${file} in the store is no ${what}: ${why}. Delete the file and run the experiment again: what it belongs to is made anew.`,
    { cause },
  );
}
