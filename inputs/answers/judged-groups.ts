/**
 * The configurations that the groups of a table become: one each, or one for each training seed of a group that has several,
 * which are then a recipe as those of an experiment are.
 */
import type { SeedGroup } from '../../experiment/plan';
import { isInherited } from '../../experiment/records';

/** Rows of one configuration: of a group, and of one of its seeds where the table tells some. */
export interface GroupRows {
  group: string;
  /** Empty: the table tells no seeds, or these rows are of a model without training. */
  seed: string;
}

export interface NamedRows extends GroupRows {
  /** Of the configuration. */
  name: string;
  label: string;
}

export interface NamedGroups {
  /** Group by group, in the order in which the table first names groups and their seeds. */
  rows: NamedRows[];
  /** Of the groups with several seeds. */
  seedGroups: SeedGroup[];
  /** Group -> its configuration's name, or that of its seed group. */
  names: Map<string, string>;
}

/** `rows`: each group and seed once. */
export function namedGroups(rows: readonly GroupRows[]): NamedGroups {
  const seedsOf = new Map<string, string[]>();
  for (const { group, seed } of rows) seedsOf.set(group, [...(seedsOf.get(group) ?? []), seed]);
  const fresh = uniqueNames();
  const names = new Map(
    [...seedsOf.keys()].map((group) => [
      group,
      fresh((group === '' ? 'answers' : slug(group).slice(0, 50)) || 'group'),
    ]),
  );
  const seedGroups: SeedGroup[] = [];
  const named = [...seedsOf].flatMap(([group, seeds]): NamedRows[] => {
    const name = names.get(group) as string;
    const label = group || 'Answers';
    if (seeds.length === 1) return [{ group, seed: seeds[0] as string, name, label }];
    const own = seeds.map((seed) => ({
      ...{ group, seed },
      name: fresh(`${name.slice(0, 40)}.seed-${nameOfSeed(seed)}`),
      label: `${label}, seed ${seed}`,
    }));
    const members = own.map(({ name: configuration, seed }) => ({ configuration, seed }));
    seedGroups.push({ name, label, members });
    return own;
  });
  return { rows: named, seedGroups, names };
}

/** Makes a safe folder's name of each, another for each, also where case does not count. */
function uniqueNames(): (wanted: string) => string {
  const taken = new Set<string>();
  return (wanted) => {
    let name = wanted;
    for (let number = 2; taken.has(name.toLowerCase()) || isInherited(name); number++) name = `${wanted}-${number}`;
    taken.add(name.toLowerCase());
    return name;
  };
}

function nameOfSeed(seed: string): string {
  const safe = seed.replace(/[^A-Za-z0-9_-]+/g, '-').slice(0, 12);
  return safe.replace(/-+$/, '') || 'other';
}

/** Letters, digits and `-_.`, beginning with a letter. */
export function slug(text: string): string {
  return text.replace(/[^A-Za-z0-9_.-]+/g, '-').replace(/^[^A-Za-z]+|[-.]+$/g, '');
}
