/**
 * What the trainer's probe of a model found, where a manifest has it: older ones have not.
 */
import type { Manifest } from '../../artifacts/store';

export function probeOf({ facts }: Pick<Manifest, 'facts'>): { probe?: string } {
  const { probe } = facts;
  return typeof probe === 'string' ? { probe } : {};
}
