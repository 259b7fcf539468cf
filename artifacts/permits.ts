/**
 * Permits: what the owner of a data folder asked for with `flamingo` commands, told from what any other client of the Temporal
 * server asks for. A permit names a plan, by its hash, or a folder for results; it is a keyed hash in the store, and the
 * key is the owner's secret, which commands and workers read from a file and which goes into no history.
 */
import { createHmac, timingSafeEqual } from 'node:crypto';
import { sha256 } from '../experiment/canonical';
import type { Store } from './store';

/** `plan`: its hash; `output`: an absolute path. */
export type PermitKind = 'plan' | 'output';

export async function permit(store: Store, secret: Buffer, kind: PermitKind, subject: string): Promise<void> {
  const mac = macOf(secret, kind, subject);
  await store.writeRecord('permits', nameOf(kind, subject, mac), mac.toString('hex') + '\n');
}

/** `secret` null: the worker has none, so nothing is permitted. */
export async function isPermitted(
  store: Store,
  secret: Buffer | null,
  kind: PermitKind,
  subject: string,
): Promise<boolean> {
  if (secret === null) return false;
  const expected = macOf(secret, kind, subject);
  const found = Buffer.from(((await store.readRecord('permits', nameOf(kind, subject, expected))) ?? '').trim(), 'hex');
  return found.length === expected.length && timingSafeEqual(found, expected);
}

/** Owners who share a store have a permit each, so the beginning of the keyed hash is in the name. */
function nameOf(kind: PermitKind, subject: string, mac: Buffer): string {
  return `${kind}-${sha256(subject)}-${mac.toString('hex', 0, 8)}`;
}

function macOf(secret: Buffer, kind: PermitKind, subject: string): Buffer {
  return createHmac('sha256', secret).update(`flamingo permit\n${kind}\n${subject}`).digest();
}
