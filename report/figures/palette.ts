/**
 * Colours of configurations, the same in every figure and table: gray for the base model, red for the plain fine-tune,
 * green for inoculation, and distinct hues for prompts of one's own.
 */
import type { PlannedConfiguration } from '../../experiment/plan';
import { references } from '../statistics/contrasts';

export const INK = '#24292f';
export const MUTED = '#6b7280';
export const FAINT = '#b6bcc6';
export const GRID = '#e5e7eb';
export const ALERT = '#b3261e';

const BASE = '#8b939f';
const EM = '#c4473f';
const INOCULATION = '#3f8f5f';
const HUES = ['#3c78b4', '#d08a1d', '#8a62b3', '#2c9aa0', '#b9587f', '#7d6b57', '#5b6ee1', '#8a9a2b'];

/** Colours by configuration name. */
export function coloursOf(configurations: readonly PlannedConfiguration[]): Map<string, string> {
  const { base, em } = references(configurations);
  let next = 0;
  return new Map(
    configurations.map(({ name }) => {
      if (name === base) return [name, BASE];
      if (name === em) return [name, EM];
      if (/inoculat/i.test(name)) return [name, INOCULATION];
      next += 1;
      return [name, HUES[(next - 1) % HUES.length] as string];
    }),
  );
}
