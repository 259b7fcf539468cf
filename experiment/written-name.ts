/**
 * The name that a configuration has in the file, for telling the place of what is wrong with it.
 */
import type { ConfigurationSpec } from './spec';

/** A grid's point is named after its configuration and its values; without a grid the name is the written one. */
export function writtenName({ name, gridSteps = [] }: Pick<ConfigurationSpec, 'name' | 'gridSteps'>): string {
  const added = gridSteps.reduce((length, { piece }) => length + piece.length, 0);
  return name.slice(0, name.length - added);
}
