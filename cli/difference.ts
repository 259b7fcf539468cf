/**
 * What a plan would change in an experiment that runs, asked before anything happens: two people, or two hosts, may run the
 * same file, and one of them may have changed it.
 */
import type { ExperimentProgress } from '../workflows/messages';

export interface Difference {
  added: string[];
  changed: string[];
  removed: string[];
  /** Those of `changed` and `removed` that run or wait to: their work would be stopped. */
  stopped: string[];
}

/** `progress` of a worker that names no keys cannot tell what has changed; then nothing counts as changed. */
export function differenceOf(
  { configurations: there }: Pick<ExperimentProgress, 'configurations'>,
  { configurations: here }: { configurations: readonly { name: string; key: string }[] },
): Difference {
  const keys = new Map(here.map(({ name, key }) => [name, key]));
  const known = new Set(there.map(({ name }) => name));
  const added = here.map(({ name }) => name).filter((name) => !known.has(name));
  const removed = there.filter(({ name }) => !keys.has(name));
  const changed = there.filter(({ name, key }) => keys.has(name) && key !== undefined && keys.get(name) !== key);
  const stopped = [...changed, ...removed].filter(({ state }) => state === 'running' || state === 'queued');
  const names = (of: { name: string }[]): string[] => of.map(({ name }) => name);
  return { added, changed: names(changed), removed: names(removed), stopped: names(stopped) };
}

/** One line a configuration; empty when nothing differs. */
export function differenceLines({ added, changed, removed }: Difference): string[] {
  return [
    ...added.map((name) => `  + ${name}`),
    ...changed.map((name) => `  ~ ${name} (changed; begins anew with what it shares with before)`),
    ...removed.map((name) => `  - ${name} (cancelled; what it made is kept)`),
  ];
}
