/**
 * Told from what the system says: trouble of the store itself, which nobody's work is at fault for. Some of it ends by itself
 * or is ended by somebody (space is made, a mount comes back), however long that takes; some of it is mostly a mistake.
 */
import { StoreUnavailable } from './store';

/** Full, read-only, failing, gone for the moment, or this process is short of descriptors or memory. */
const MENDS = new Set([
  'ENOSPC',
  'EDQUOT',
  'EROFS',
  'EIO',
  'ENXIO',
  'ENODEV',
  'ESTALE',
  'ENOTCONN',
  'EHOSTDOWN',
  'EREMOTEIO',
  'EBUSY',
  'ENOLCK',
  'EMFILE',
  'ENFILE',
  'ENOMEM',
]);

/** `waits`: it is worth waiting for without a limit. */
export interface Unavailable {
  reason: string;
  waits: boolean;
  /** It was the store that said so; else it may as well be a disk of this machine's own. */
  isStores: boolean;
}

/** Null for anything that is no trouble of the store: a bug, damage, a lost race. Looks into the causes of an error. */
export function unavailable(error: unknown): Unavailable | null {
  for (let each = error, depth = 0; each instanceof Error && depth < 5; each = each.cause, depth++) {
    const { code } = each as NodeJS.ErrnoException;
    if (each instanceof StoreUnavailable) return { reason: each.message, waits: true, isStores: true };
    if (code !== undefined && MENDS.has(code)) return { reason: each.message, waits: true, isStores: false };
    if (code === 'EACCES' || code === 'EPERM') return { reason: each.message, waits: false, isStores: false };
  }
  return null;
}
