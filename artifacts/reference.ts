/**
 * References to stored files, where they come from outside: a client's request, a stored document. Whether there is such a
 * file, and whether it has that hash, the store says when it reads it.
 */
import { z } from 'zod';
import type { ArtifactRef } from '../experiment/plan';

/** What was given for a reference is none; nothing that is tried again changes that. */
export class InvalidReference extends Error {
  override name = 'InvalidReference';
}

/** A path inside the store, as the store itself writes them: no part of it is empty, `.` or `..`. */
const uri = z.string().regex(/^(?!\.{1,2}(?:\/|$))[^/\\\0]+(?:\/(?!\.{1,2}(?:\/|$))[^/\\\0]+)*$/);

export const artifactRef = z.looseObject({
  uri,
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
  bytes: z.int().nonnegative(),
});

/** The reference, if it is one. Throws `InvalidReference`; `what` it should lead to is for the message. */
export function checkedReference(value: unknown, what: string): ArtifactRef {
  if (artifactRef.safeParse(value).success) return value as ArtifactRef;
  const shown = JSON.stringify(value) ?? String(value);
  throw new InvalidReference(
    `the reference to ${what} is none: ${shown.length > 200 ? `${shown.slice(0, 200)}…` : shown}; expected ` +
      '{"uri": a path inside the store, "sha256": 64 hexadecimal digits, "bytes": a whole number}',
  );
}
