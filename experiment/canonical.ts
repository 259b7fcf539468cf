/**
 * Identity: canonical JSON and the SHA-256 of it. Every key in Flamingo is made here and nowhere else.
 *
 * What is hashed: recipes, generation contexts and plans in expand/expand.ts, configurations in expand/configuration-key.ts,
 * instruments in expand/instruments.ts, questions and measurements in expand/questions.ts and expand/pairs.ts, shards in
 * shards.ts, and the ids of rows in rows.ts.
 *
 * Canonical JSON: object keys sorted by UTF-16 code unit, no white space, `undefined` members left out, strings made
 * well formed first (a lone surrogate has no UTF-8 form, so two different texts could share a hash). Numbers must be
 * finite. Equal values give equal bytes on every platform.
 */
import { hash } from 'node:crypto';

/** Lower-case hexadecimal SHA-256, 64 characters. */
export type Sha256 = string;

/** Stands for a value whose canonical JSON is known: a large part that many values share is written once. */
export class CanonicalText {
  constructor(readonly json: string) {}
}

export function canonicalJson(value: unknown): string {
  switch (typeof value) {
    case 'string':
      return JSON.stringify(value.toWellFormed());
    case 'number':
      if (!Number.isFinite(value)) throw new TypeError(`canonical JSON has no ${value}`);
      return JSON.stringify(value);
    case 'boolean':
      return String(value);
    case 'object': {
      if (value === null) return 'null';
      if (value instanceof CanonicalText) return value.json;
      if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
      // a loop: planning and report make several keys a judgement
      let members = '';
      for (const name of Object.keys(value).sort()) {
        const member = (value as Record<string, unknown>)[name];
        if (member === undefined) continue;
        members += `${members === '' ? '' : ','}${canonicalJson(name)}:${canonicalJson(member)}`;
      }
      return `{${members}}`;
    }
    default:
      throw new TypeError(`canonical JSON has no ${typeof value}`);
  }
}

export function sha256(bytes: string | Uint8Array): Sha256 {
  return hash('sha256', bytes);
}

/** The key of a value: SHA-256 of its canonical JSON. */
export function keyOf(value: unknown): Sha256 {
  return sha256(canonicalJson(value));
}
