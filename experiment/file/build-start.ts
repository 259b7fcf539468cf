/**
 * Starting points: which configuration another one goes on from, a grid's points among them, and what does not go together.
 */
import { canonicalJson } from '../canonical';
import { suggestion, type Issue, type Path } from '../issue';
import type { Lora } from '../plan';
import type { ConfigurationYaml } from './schema';
import type { AdapterYaml } from './schema-start';
import type { AdapterSpec, ConfigurationSpec, StartSpec } from '../spec';

/** What a grid's point is of. */
export interface PointOf {
  /** The configuration's name in the file. */
  base: string;
  /** Axis -> its value here. */
  values: Record<string, unknown>;
}

/** As written; `resolveStarts` finds the point that is meant. */
export function buildStart(own: ConfigurationYaml, path: Path, issues: Issue[]): { start?: StartSpec } {
  if (own.train === 'none') return {};
  const { from, adapter } = own.train;
  if (from !== undefined) return { start: { from, as: adapter ?? 'continue', place: [...path, 'train', 'from'] } };
  if (adapter !== undefined) {
    issues.push({
      path: [...path, 'train', 'adapter'],
      message: `\`adapter: ${adapter}\` says how a fine-tune starts from another's adapter, and \`from\` is not given`,
      hint: 'give `from: CONFIGURATION`, or leave `adapter` out',
    });
  }
  return {};
}

export function buildAdapter(input: AdapterYaml, path: Path): AdapterSpec {
  const { sha256 } = input;
  return input.hub === undefined
    ? { kind: 'folder', path: input.path as string, sha256, place: [...path, 'adapter'] }
    : { kind: 'hub', id: input.hub, revision: input.revision as string, sha256 };
}

/**
 * Configurations with the full names of what they start from and of what they load. Where one can not be found, there is an issue;
 * where they come back to themselves there is one, too, and they start from nothing and load nothing.
 */
export function resolveStarts(
  configurations: ConfigurationSpec[],
  points: readonly PointOf[],
  issues: Issue[],
): ConfigurationSpec[] {
  if (configurations.every(({ start, loads }) => start === undefined && loads === undefined)) return configurations;
  const names = new Set(configurations.map(({ name }) => name));
  const byBase = new Map<string, Candidate[]>();
  configurations.forEach(({ name }, index) => {
    const { base, values } = points[index] as PointOf;
    byBase.set(base, [...(byBase.get(base) ?? []), { name, values }]);
  });
  const resolved = configurations.map((configuration, index): ConfigurationSpec => {
    const { start, loads } = configuration;
    const pointed = <T extends Reference>(reference: T): T => {
      const found = pointMeant(reference, points[index] as PointOf, names, byBase);
      if (typeof found !== 'string') issues.push(found);
      return typeof found === 'string' ? { ...reference, from: found } : reference;
    };
    return {
      ...configuration,
      ...(start === undefined ? {} : { start: pointed(start) }),
      ...(loads === undefined ? {} : { loads: loads.map(pointed) }),
    };
  });
  const byName = new Map(resolved.map((each) => [each.name, each]));
  const circular = new Set<string>();
  for (const configuration of resolved) {
    if (circular.has(configuration.name)) continue;
    const circle = circleOf(configuration, byName);
    if (circle === null) continue;
    for (const name of circle) circular.add(name);
    const isLoaded = resolved.some(({ name, loads }) => circle.includes(name) && loads !== undefined);
    issues.push({
      path: (referencesOf([configuration]).find(({ from }) => from === circle[1]) as Reference).place,
      message: `the starting points come back to where they began: ${circle.join(' → ')}`,
      hint: `one of them has to start from the base model: leave its \`from\`${isLoaded ? ' or `loads`' : ''} out`,
    });
  }
  for (const configuration of resolved) {
    if (circular.has(configuration.name)) continue;
    issues.push(...mergedIssues(configuration, byName));
    const parent = configuration.start && byName.get(configuration.start.from);
    if (parent !== undefined) issues.push(...pairIssues(configuration, parent));
    for (const load of configuration.loads ?? []) {
      const loaded = byName.get(load.from);
      if (loaded !== undefined) issues.push(...loadIssues(configuration, load, loaded));
    }
  }
  return resolved.map((configuration) => {
    const { start: _, loads: __, ...rest } = configuration;
    return circular.has(configuration.name) ? rest : configuration;
  });
}

/** An adapter can not be merged into a base in 4 bits; what is merged on the way to a starting point stays so. */
function mergedIssues(configuration: ConfigurationSpec, byName: ReadonlyMap<string, ConfigurationSpec>): Issue[] {
  const { start, training, sampling } = configuration;
  if (start === undefined || (training.quantization ?? sampling.quantization) === undefined) return [];
  const merging = chainOf(configuration, byName).find((name) => byName.get(name)?.start?.as === 'merge');
  if (merging === undefined) return [];
  return [
    {
      path: start.place,
      message: `${merging === configuration.name ? 'the adapter' : `\`${merging}\` starts from an adapter that`} is merged into the base model, which can not be in 4 bits then`,
      hint: 'use `adapter: continue`, or leave `quantization` out',
    },
  ];
}

/** The names from a configuration through what it starts from, up to the first that repeats or that starts from nothing. */
function chainOf(configuration: ConfigurationSpec, byName: ReadonlyMap<string, ConfigurationSpec>): string[] {
  const names = [configuration.name];
  for (let next = configuration.start?.from; next !== undefined; next = byName.get(next)?.start?.from) {
    const isKnown = names.includes(next);
    names.push(next);
    if (isKnown) break;
  }
  return names;
}

/** What names another configuration. */
type Reference = Pick<StartSpec, 'from' | 'place'>;

function referencesOf(configurations: readonly ConfigurationSpec[]): Reference[] {
  return configurations.flatMap(({ start, loads = [] }) => [...(start === undefined ? [] : [start]), ...loads]);
}

/** The names from a configuration through what it starts from or loads, back to itself; null where no way leads there. */
function circleOf(configuration: ConfigurationSpec, byName: ReadonlyMap<string, ConfigurationSpec>): string[] | null {
  const seen = new Set<string>();
  const ways: string[][] = [[configuration.name]];
  for (let way = ways.pop(); way !== undefined; way = ways.pop()) {
    const at = byName.get(way.at(-1) as string);
    for (const { from } of at === undefined ? [] : referencesOf([at]).reverse()) {
      if (from === configuration.name) return [...way, from];
      if (seen.has(from)) continue;
      seen.add(from);
      ways.push([...way, from]);
    }
  }
  return null;
}

type Candidate = Pick<PointOf, 'values'> & { name: string };

function pointMeant(
  { from, place }: Reference,
  own: PointOf,
  names: ReadonlySet<string>,
  byBase: ReadonlyMap<string, readonly Candidate[]>,
): string | Issue {
  if (names.has(from)) return from;
  const candidates = byBase.get(from) ?? [];
  if (candidates.length === 0) {
    return {
      path: place,
      message: `unknown configuration \`${from}\``,
      hint: suggestion(from, [...new Set([...byBase.keys(), ...names])]),
    };
  }
  const fitting = candidates.filter(({ values }) =>
    Object.entries(values).every(([axis, value]) => axis in own.values && same(own.values[axis], value)),
  );
  if (fitting.length === 1) return (fitting[0] as Candidate).name;
  const axes = [...new Set(candidates.flatMap(({ values }) => Object.keys(values)))].join(', ');
  return {
    path: place,
    message: `\`${from}\` has a grid over ${axes}, and none of its points has the same values`,
    hint: `name a point, such as \`${candidates[0]?.name}\`, or give this configuration the same axis`,
  };
}

function pairIssues(child: ConfigurationSpec, parent: ConfigurationSpec): Issue[] {
  const { from, as, place } = child.start as StartSpec;
  const issue = (message: string, hint: string): Issue => ({ path: place, message, hint });
  if (parent.train === null && parent.adapter === undefined) {
    return [issue(`\`${from}\` is the base model itself: it has no adapter to start from`, 'leave `from` out')];
  }
  const issues: Issue[] = [];
  if (!same(child.model, parent.model))
    issues.push(issue(`\`${from}\` has another base model`, 'give both the same `model`'));
  if (child.training.backend !== 'transformers') {
    issues.push(
      issue(
        'only `backend: transformers` starts from an adapter',
        'leave `from` out, or use another backend for `from` only',
      ),
    );
  }
  const { backend } = parent.training;
  const result = parent.train === null || typeof backend === 'string' ? undefined : backend.result;
  if (result === 'model' || (result === 'adapter' && as === 'continue')) {
    issues.push(
      result === 'model'
        ? issue(
            `what trains \`${from}\` leaves a whole model, and no adapter to start from`,
            'give it to a trainer of your own by `loads`',
          )
        : issue(
            `what trains \`${from}\` leaves any adapter, and training goes on with one of the recipe's shape only`,
            'use `adapter: merge`, which trains a new adapter',
          ),
    );
    return issues;
  }
  const other = parent.train === null ? [] : differingIn(child.training.lora, parent.training.lora);
  if (as === 'continue' && other.length > 0) {
    issues.push(
      issue(
        `training goes on with the adapter of \`${from}\`, whose ${other.join(', ')} ${other.length === 1 ? 'is' : 'are'} another`,
        'give both the same, or use `adapter: merge`, which trains a new adapter',
      ),
    );
  }
  return issues;
}

function loadIssues(child: ConfigurationSpec, { from, place }: Reference, loaded: ConfigurationSpec): Issue[] {
  if (loaded.train === null && loaded.adapter === undefined) {
    const hint = 'leave it out: the base model is given anyway';
    return [{ path: place, message: `\`${from}\` is the base model itself: it has no adapter to load`, hint }];
  }
  if (same(child.model, loaded.model)) return [];
  return [{ path: place, message: `\`${from}\` has another base model`, hint: 'give both the same `model`' }];
}

/** Settings that decide an adapter's shape and scale. */
function differingIn(a: Lora, b: Lora): string[] {
  const shape = ({ rank, alpha, rsLora, targetModules, layers }: Lora): Record<string, unknown> => ({
    'lora.rank': rank,
    'lora.alpha': alpha,
    'lora.rs_lora': rsLora,
    'lora.target_modules': [...new Set(targetModules)].sort(),
    layers: layers ?? null,
  });
  const [here, there] = [shape(a), shape(b)];
  return Object.keys(here).filter((key) => !same(here[key], there[key]));
}

function same(a: unknown, b: unknown): boolean {
  return canonicalJson(a) === canonicalJson(b);
}
