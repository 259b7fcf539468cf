/**
 * What the trainer's probe of a model found, as facts of the manifest that it led to.
 */
import type { Manifest } from '../artifacts/store';
import type { ProbeOutcome } from './process/protocol';

/** `probe`, a line for people, and its seconds; nothing of a trainer that does not probe. */
export function probeFacts(probe: ProbeOutcome | undefined): Manifest['facts'] {
  if (probe === undefined) return {};
  return { probe: lineOf(probe), probeSeconds: probe.seconds };
}

/** Such as `packed = alone, static = alone; training: packed, sampling: padded`. Checks that had no use are left out. */
export function lineOf({ checks, paths }: ProbeOutcome): string {
  const found = Object.entries(checks).filter(([, verdict]) => verdict !== 'not used');
  const verdicts = found.map(([name, verdict]) => (verdict === 'equal' ? said(name) : `${name}: ${verdict}`));
  const chosen = Object.entries(paths).map(([name, path]) => `${name}: ${path}`);
  return [verdicts.join(', '), chosen.join(', ')].filter((part) => part !== '').join('; ');
}

/** Checks that compare nothing with a row alone. */
const AS_DECLARED: Record<string, string> = {
  modules: 'modules as declared',
  stops: 'answers end',
  adapter: 'adapter everywhere in use',
  attention: 'attention = eager',
};

function said(check: string): string {
  return AS_DECLARED[check] ?? `${check} = alone`;
}
