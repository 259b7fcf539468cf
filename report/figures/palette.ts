/**
 * Colours of configurations, the same in every figure and table: gray for the base model, red for the plain fine-tune,
 * green for inoculation, and distinct hues for prompts of one's own.
 */
import type { PlannedConfiguration } from '../../experiment/plan';
import type { ReportSpec } from '../../experiment/spec';
import { allReferences, isPlain } from '../statistics/references';

export const INK = '#24292f';
export const MUTED = '#6b7280';
export const FAINT = '#b6bcc6';
export const GRID = '#e5e7eb';
export const ALERT = '#b3261e';

const BASE = '#8b939f';
const EM = '#c4473f';
const INOCULATION = '#3f8f5f';
/** Of what is neither base model nor reference, and of lines. */
export const HUES = ['#3c78b4', '#d08a1d', '#8a62b3', '#2c9aa0', '#b9587f', '#7d6b57', '#5b6ee1', '#8a9a2b'];

/** Colours by configuration name. */
export function coloursOf(
  configurations: readonly PlannedConfiguration[],
  spec: Pick<ReportSpec, 'references'> = {},
): Map<string, string> {
  const { base, em } = allReferences(configurations, spec);
  // where nothing is compared with them, they have their colours all the same
  const untrained = base.size > 0 ? base : firstOf(configurations, ({ recipeKey }) => recipeKey === null);
  const plain = em.size > 0 ? em : firstOf(configurations, isPlain);
  let next = 0;
  return new Map(
    configurations.map(({ name }) => {
      if (untrained.has(name)) return [name, BASE];
      if (plain.has(name)) return [name, EM];
      if (/inoculat/i.test(name)) return [name, INOCULATION];
      next += 1;
      return [name, HUES[(next - 1) % HUES.length] as string];
    }),
  );
}

function firstOf(
  configurations: readonly PlannedConfiguration[],
  isIt: (configuration: PlannedConfiguration) => boolean,
): Set<string> {
  const first = configurations.find(isIt);
  return new Set(first === undefined ? [] : [first.name]);
}
