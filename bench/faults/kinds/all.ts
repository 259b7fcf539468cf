/** All kinds of fault, and which of them this machine can do. */
import { CLOCK_KINDS } from './clocks';
import { JUDGE_KINDS } from './judge';
import { NETWORK_KINDS } from './network';
import { OPERATOR_KINDS } from './operators';
import { PROCESS_KINDS } from './processes';
import { STORAGE_KINDS } from './storage';
import type { FaultKind, Need } from './kind';

export const KINDS: readonly FaultKind[] = [
  ...PROCESS_KINDS,
  ...NETWORK_KINDS,
  ...STORAGE_KINDS,
  ...JUDGE_KINDS,
  ...OPERATOR_KINDS,
  ...CLOCK_KINDS,
];

/** `able`: what the machine has. Left out are kinds that need what it has not. */
export function kindsFor(able: Record<Exclude<Need, 'nothing'>, boolean>): { can: FaultKind[]; leftOut: FaultKind[] } {
  const possible = ({ needs }: FaultKind): boolean => needs === 'nothing' || able[needs];
  return { can: KINDS.filter(possible), leftOut: KINDS.filter((kind) => !possible(kind)) };
}
