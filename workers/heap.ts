/**
 * The memory of the worker that plans and reports: it has the rows of what it reports in memory, and a table of a million takes
 * more than the four gigabytes that Node allows by itself.
 */
import { totalmem } from 'node:os';

/** Megabytes that Node allows by itself on a machine with enough of them. */
const USUAL_MB = 4096;
/** Of the machine's or container's memory, which it shares with a database, other workers and perhaps a trainer. */
const SHARE = 0.6;

/** Bytes of the machine's memory, or of the container's where that has a smaller limit. */
export function memoryBytes(machine = totalmem(), container = process.constrainedMemory()): number {
  // 0, or more than there is, where nothing limits it
  return container > 0 ? Math.min(machine, container) : machine;
}

/** Node's option for a process of that kind; none where Node's own limit serves, or where the person names one in NODE_OPTIONS. */
export function heapOption(
  kind: string,
  bytes = memoryBytes(),
  nodeOptions = process.env['NODE_OPTIONS'] ?? '',
): string[] {
  const megabytes = Math.floor((SHARE * bytes) / 2 ** 20);
  if (kind !== 'orchestration worker' || megabytes <= USUAL_MB || /max[-_]old[-_]space/.test(nodeOptions)) return [];
  return [`--max-old-space-size=${megabytes}`];
}
