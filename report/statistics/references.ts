/**
 * What a configuration is compared with, found by what configurations are and never by their place in the file: `base`, the
 * untrained model, and `em`, the fine-tune on the same rows with the default prompt. The experiment file may name others.
 */
import { canonicalJson } from '../../experiment/canonical';
import { isGiven } from '../../experiment/given-answers';
import type { PlannedConfiguration } from '../../experiment/plan';
import type { ReportSpec } from '../../experiment/spec';

export interface References {
  base: PlannedConfiguration | null;
  em: PlannedConfiguration | null;
}

/**
 * A configuration's own references; it is none of its own, and neither the untrained model nor a plain fine-tune has one of its
 * kind.
 */
export function referencesOf(
  configurations: readonly PlannedConfiguration[],
  { references = {} }: Pick<ReportSpec, 'references'>,
): (configuration: PlannedConfiguration) => References {
  const traits = new Map(configurations.map((each) => [each.name, traitsOf(each)]));
  const of = ({ name }: PlannedConfiguration): Traits => traits.get(name) as Traits;
  const named = (names: readonly string[] | undefined): PlannedConfiguration[] | undefined =>
    names && configurations.filter(({ name }) => names.includes(name));
  const untrained = named(references.base) ?? configurations.filter(isBase);
  const plain = named(references.em) ?? configurations.filter(isPlain);
  const plainOnes = new Set(plain);
  const baseOf = finder(untrained, of, ['model'], ['sampling'], references.base !== undefined);
  const emOf = finder(plain, of, ['model', 'rows'], ['rest', 'seeds', 'sampling'], references.em !== undefined);
  return (configuration) => ({
    base: untrained.includes(configuration) || isBase(configuration) ? null : baseOf(configuration),
    em: configuration.recipe === null || plainOnes.has(configuration) ? null : emOf(configuration),
  });
}

/** All configurations that are the reference of another, in the plan's order. */
export function allReferences(
  configurations: readonly PlannedConfiguration[],
  spec: Pick<ReportSpec, 'references'>,
): { base: Set<string>; em: Set<string> } {
  const of = referencesOf(configurations, spec);
  const found = configurations.map(of);
  const names = (role: keyof References): Set<string> => {
    const used = new Set(found.flatMap((references) => references[role]?.name ?? []));
    return new Set(configurations.flatMap(({ name }) => (used.has(name) ? [name] : [])));
  };
  return { base: names('base'), em: names('em') };
}

/** Trained with the default prompt, and nothing put into its rows. */
export function isPlain({ recipe, rowPrompts }: PlannedConfiguration): boolean {
  return recipe?.systemPrompt.kind === 'default' && rowPrompts === undefined;
}

/** Answers from elsewhere have no model, and are no base of each other. */
function isBase(configuration: PlannedConfiguration): boolean {
  return configuration.recipeKey === null && configuration.cells.length > 0 && !isGiven(configuration);
}

/** What two configurations may have in common, as text. */
interface Traits {
  model: string;
  sampling: string;
  /** Without what was put into them. */
  rows: string;
  /** The recipe but for prompts and seeds. */
  rest: string;
  seeds: string;
}

function traitsOf({ recipe, rowPrompts, cells: [cell] }: PlannedConfiguration): Traits {
  const { systemPrompt: _, seeds, rows: trained, ...rest } = recipe ?? {};
  const rows = rowPrompts?.rows ?? trained ?? '';
  return {
    model: canonicalJson(cell?.context.model ?? null),
    sampling: canonicalJson(cell?.context.sampling ?? null),
    rows,
    rest: canonicalJson({ ...rest, rows }),
    seeds: canonicalJson(seeds ?? null),
  };
}

/**
 * Finds the candidate that has most in common with a configuration, an earlier one of `wanted` before all later ones, and of
 * equals the first. It has all of `needed`; one that the file names may lack them.
 */
function finder(
  candidates: readonly PlannedConfiguration[],
  of: (configuration: PlannedConfiguration) => Traits,
  needed: readonly (keyof Traits)[],
  wanted: readonly (keyof Traits)[],
  isNamed: boolean,
): (configuration: PlannedConfiguration) => PlannedConfiguration | null {
  const order = [...needed, ...wanted];
  const known = new Map<string, PlannedConfiguration | null>();
  return (configuration) => {
    const own = of(configuration);
    const key = order.map((trait) => own[trait]).join('\n');
    const before = known.get(key);
    if (before !== undefined) return before;
    const scored = candidates.flatMap((candidate) => {
      const other = of(candidate);
      const same = order.map((trait) => own[trait] === other[trait]);
      return isNamed || same.slice(0, needed.length).every(Boolean)
        ? [{ candidate, score: same.map(Number).join('') }]
        : [];
    });
    const [first, ...others] = scored;
    const found = others.reduce((best, each) => (best && each.score > best.score ? each : best), first);
    known.set(key, found?.candidate ?? null);
    return found?.candidate ?? null;
  };
}
