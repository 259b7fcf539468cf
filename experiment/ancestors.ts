/** Which configurations' adapters have to be there before one is trained. */
import type { PlannedConfiguration } from './plan';

/** Those that it starts from and those that it loads, with what they need themselves: each after what it needs, and once. */
export function ancestorsOf({ chain, loads = [] }: Pick<PlannedConfiguration, 'chain' | 'loads'>): string[] {
  const loaded = loads.flatMap(({ ancestors, configuration }) => [...ancestors, configuration]);
  return [...new Set([...(chain?.ancestors ?? []), ...loaded])];
}
