/**
 * Judging that came to nothing: the judge was asked and answered, and not one of its replies could be read.
 */

/** Statuses of judgements, and of rows that lack one, that tell nothing of an answer. */
const TELL_NOTHING: readonly string[] = ['unparsable', 'judge_refused', 'failed', 'cut_off', 'missing'];

/** `statuses`: how many there are of each, by name; those of repeats may be joined by `+`. */
export function isUnread(statuses: Readonly<Record<string, number>>): boolean {
  const met = new Set(Object.entries(statuses).flatMap(([names, count]) => (count > 0 ? names.split('+') : [])));
  return met.has('unparsable') && [...met].every((status) => TELL_NOTHING.includes(status));
}

/** `cells`: how many there are, of which `cell` is the first. */
export function unreadPlace({ cell, cells }: { cell: string; cells: number }): string {
  const others = cells - 1;
  return others === 0 ? cell : `${cell} and ${others} other ${others === 1 ? 'cell' : 'cells'}`;
}
