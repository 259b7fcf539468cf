/**
 * Reads stored JSON: documents and rows, whose bytes the store has held against their hash. What is not of the shape that
 * it should have is refused with the file's name.
 */
import type { z } from 'zod';
import type { ArtifactRef } from '../experiment/plan';
import { ArtifactDamaged, MADE_ANEW, type SmallFiles, type Store } from './store';

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
  throw notThat(file, what, wrong(error), error);
}

/** A small file of that shape; null where there is none of that name. Throws `ArtifactDamaged`. */
export async function readSmallFile<T>(
  files: SmallFiles,
  name: string,
  shape: z.ZodType,
  what: string,
): Promise<T | null> {
  const text = await files.read(name);
  return text === null ? null : checkedDocument<T>(text, shape, files.place(name), what);
}

/**
 * Rows of a file that grew line by line, of that shape. A crash may tear what was written last, and the next line begins
 * anew after it; so a line that can not be read is counted and passed over, and half a last one is nothing yet.
 */
export function appendedRows<T>(text: string | null, shape: z.ZodType): { rows: T[]; damagedLines: number } {
  const lines = (text ?? '')
    .split('\n')
    .slice(0, -1)
    .filter((line) => line !== '');
  const rows = lines.map((line) => documentOrNull<T>(line, shape)).filter((row) => row !== null);
  return { rows, damagedLines: lines.length - rows.length };
}

/** For what is as good as absent when it can not be read. Null where `text` is, where it is no JSON or of another shape. */
export function documentOrNull<T>(text: string | null, shape: z.ZodType): T | null {
  try {
    const value: unknown = text === null ? null : JSON.parse(text);
    return shape.safeParse(value).success ? (value as T) : null;
  } catch {
    return null;
  }
}

/** Rows of JSON Lines, each an object. Throws `ArtifactDamaged` with the line. */
export function checkedRows<T>(text: string, file: string): T[] {
  return text.split('\n').flatMap((line, index) => {
    if (line === '') return [];
    const place = `${file}:${index + 1}`;
    let row: unknown;
    try {
      row = JSON.parse(line);
    } catch (error) {
      throw notThat(place, 'row', 'it is not JSON', error);
    }
    if (typeof row !== 'object' || row === null || Array.isArray(row)) {
      throw notThat(place, 'row', 'it is no object', undefined);
    }
    return [row as T];
  });
}

function wrong({ issues: [issue] }: z.ZodError): string {
  const place = issue === undefined || issue.path.length === 0 ? 'it' : `its \`${issue.path.join('.')}\``;
  return `${place} is not what it should be`;
}

function notThat(file: string, what: string, why: string, cause: unknown): ArtifactDamaged {
  return new ArtifactDamaged(`${file} in the store is no ${what}: ${why}. ${MADE_ANEW}`, { cause });
}
