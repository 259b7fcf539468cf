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
 * Configurations with the full names of what they start from. Where one can not be found, there is an issue; where they come back
 * to themselves there is one, too, and they start from nothing.
 */
export function resolveStarts(
  configurations: ConfigurationSpec[],
  points: readonly PointOf[],
  issues: Issue[],
): ConfigurationSpec[] {
  if (configurations.every(({ start }) => start === undefined)) return configurations;
  const names = new Set(configurations.map(({ name }) => name));
  const byBase = new Map<string, Candidate[]>();
  configurations.forEach(({ name }, index) => {
    const { base, values } = points[index] as PointOf;
    byBase.set(base, [...(byBase.get(base) ?? []), { name, values }]);
  });
  const resolved = configurations.map((configuration, index): ConfigurationSpec => {
    const { start } = configuration;
    if (start === undefined) return configuration;
    const found = pointMeant(start, points[index] as PointOf, names, byBase);
    if (typeof found !== 'string') issues.push(found);
    return typeof found === 'string' ? { ...configuration, start: { ...start, from: found } } : configuration;
  });
  const byName = new Map(resolved.map((each) => [each.name, each]));
  const circular = new Set<string>();
  for (const configuration of resolved) {
    if (circular.has(configuration.name)) continue;
    const chain = chainOf(configuration, byName);
    if (chain.at(-1) === configuration.name && chain.length > 1) {
      for (const name of chain) circular.add(name);
      issues.push({
        path: (configuration.start as StartSpec).place,
        message: `the starting points come back to where they began: ${chain.join(' → ')}`,
        hint: 'one of them has to start from the base model: leave its `from` out',
      });
    }
  }
  for (const configuration of resolved) {
    if (!circular.has(configuration.name)) issues.push(...mergedIssues(configuration, byName));
    const parent = configuration.start && byName.get(configuration.start.from);
    if (parent !== undefined && !circular.has(configuration.name)) issues.push(...pairIssues(configuration, parent));
  }
  return resolved.map((configuration) => {
    const { start: _, ...rest } = configuration;
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

type Candidate = Pick<PointOf, 'values'> & { name: string };

function pointMeant(
  { from, place }: StartSpec,
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
