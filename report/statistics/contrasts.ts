/**
 * Differences between cells, paired by question: each cell against the base model, against the plain fine-tune (EM), and under
 * another prompt condition against the same configuration under the default one; and the difference that a prompt makes,
 * against the one that it makes in the base model or in EM. A recipe that was trained under several seeds is compared as a
 * whole, too.
 */
import { promptIdentity } from '../../experiment/asked';
import { isGiven } from '../../experiment/given-answers';
import type { Plan, PlannedCell, PlannedConfiguration } from '../../experiment/plan';
import type { Answer } from '../../experiment/scored-answer';
import { scoresOf } from '../../experiment/scored-answer';
import type { ReportSpec } from '../../experiment/spec';
import { scoreNames, type SummaryRules } from './cell';
import { differenceIn, type Difference } from './differences';
import type { Clustered } from './estimates';
import { groupBy } from './grouping';
import { CONFIDENCE } from './intervals';
import { misalignedValues } from './misaligned';
import { combineMeansOverSeeds, combineSharesOverSeeds, type SeedArm, type SeedCombination } from './over-seeds';
import { referencesOf } from './references';
import { seedArm, unitOfCell, unitsOfRecipes, type Unit, type UnitCell } from './units';
import { combinationBounds, type AskedCell, type Bounds } from './worst-case';

/**
 * Why this reference: the untrained model, the fine-tune with the default prompt, or the same model unprompted. An
 * interaction is what a prompt changes here less what the same prompt changes there. `group`: another table's or group's answers.
 */
export type ContrastKind =
  'base' | 'em' | 'own default prompt' | 'interaction with base' | 'interaction with em' | 'group';

export interface Contrast {
  questionSet: string;
  /** A cell's id, or `RECIPE/QUESTION-SET/CONDITION` of all its seeds. */
  cell: string;
  reference: string;
  kind: ContrastKind;
  /** A metric's name, or `misaligned` (difference of rates, in shares of 1). */
  measure: string;
  /** Seeds that each recipe was trained under at least; 1: the intervals are of single fine-tunes. */
  seeds: number;
  /** Sides with a single fine-tune where another has several: the others' spread over seeds is taken for them. */
  singles: number;
  difference: Difference;
  /** What it could be, had every unknown verdict of its cells been had; null where none is unknown. */
  bounds: Bounds | null;
}

/** What is compared: two units, or for an interaction four. */
export interface Comparison {
  kind: ContrastKind;
  units: readonly Unit[];
}

export type Planned = Pick<Plan, 'configurations' | 'seedGroups' | 'baseline'>;
export type ContrastRules = SummaryRules & Pick<ReportSpec, 'references'>;

export function contrasts(plan: Planned, cells: readonly AskedCell[], rules: ContrastRules): Contrast[] {
  const byId = new Map(cells.map((each) => [each.cell.id, each]));
  const found: Contrast[] = [];
  for (const { kind, units } of comparisons(plan, cells, rules)) found.push(...compare(kind, units, rules, byId));
  return found;
}

/** Every cell, and every recipe of several seeds, with each of its references. */
export function* comparisons(
  plan: Planned,
  cells: readonly UnitCell[],
  rules: ContrastRules,
): Generator<Comparison, void> {
  const units = [...cells.map(unitOfCell), ...unitsOfRecipes(plan, cells)];
  const find = finderOf(plan, units, rules);
  for (const here of units) {
    const { base, em, unprompted, groups } = find(here);
    const pairs: [ContrastKind, Unit | undefined][] = [
      ['base', base?.unprompted],
      ['em', em?.unprompted],
      ['own default prompt', unprompted],
      ...groups.map((group): [ContrastKind, Unit] => ['group', group]),
    ];
    const interactions: [ContrastKind, Reference | undefined][] = [
      ['interaction with base', base],
      ['interaction with em', em],
    ];
    for (const [kind, there] of pairs) if (there !== undefined) yield { kind, units: [here, there] };
    for (const [kind, there] of interactions) {
      if (unprompted === undefined || there?.prompted === undefined || there.unprompted === undefined) continue;
      yield { kind, units: [here, unprompted, there.prompted, there.unprompted] };
    }
  }
}

/** A reference under the same prompt as the cell that is compared, and under the default one. */
interface Reference {
  prompted: Unit | undefined;
  unprompted: Unit | undefined;
}

interface Found {
  base: Reference | undefined;
  em: Reference | undefined;
  /** The same model under the default prompt; undefined where that is the cell itself. */
  unprompted: Unit | undefined;
  groups: Unit[];
}

/** Groups up to which each is compared with every other, 66 pairs; of more, each with the first. */
export const MOST_PAIRED_GROUPS = 12;

function finderOf(plan: Planned, units: readonly Unit[], rules: Pick<ReportSpec, 'references'>): (here: Unit) => Found {
  const references = referencesOf(plan.configurations, rules);
  const configurationOf = new Map(plan.configurations.map((each) => [each.name, each]));
  const recipeOf = new Map(
    (plan.seedGroups ?? []).flatMap(({ name, members }) => members.map(({ configuration }) => [configuration, name])),
  );
  const bySet = groupBy(units, ({ name, cell }) => JSON.stringify([name, cell.questionSet]));
  const under = (name: string, set: string, isIt: (cell: PlannedCell) => boolean): Unit | undefined =>
    bySet.get(JSON.stringify([name, set]))?.find(({ cell }) => isIt(cell));
  const isDefault = ({ condition }: PlannedCell): boolean => condition === 'default';
  const given = givenGroups(plan.configurations, recipeOf);
  return (here) => {
    const { questionSet, context } = here.cell;
    const own = configurationOf.get(here.cell.configuration) as PlannedConfiguration;
    const { base, em } = references(own);
    const isRecipe = here.id !== here.cell.id;
    const prompt = promptIdentity(context);
    const reference = (configuration: PlannedConfiguration | null): Reference | undefined => {
      if (configuration === null) return undefined;
      const name = (isRecipe ? recipeOf.get(configuration.name) : undefined) ?? configuration.name;
      return {
        prompted: under(name, questionSet, (cell) => promptIdentity(cell.context) === prompt),
        unprompted: under(name, questionSet, isDefault),
      };
    };
    return {
      base: reference(base),
      em: reference(em),
      unprompted: isDefault(here.cell) ? undefined : under(here.name, questionSet, isDefault),
      groups: comparedGroups(plan.baseline, given, here.name).flatMap(
        (name) => under(name, questionSet, ({ condition }) => condition === here.cell.condition) ?? [],
      ),
    };
  };
}

/** Groups of answers from elsewhere, in the plan's order: one with several training seeds is compared as a whole alone. */
function givenGroups(
  configurations: readonly PlannedConfiguration[],
  recipeOf: ReadonlyMap<string, string>,
): readonly string[] {
  const given = configurations.filter(isGiven);
  return [...new Set(given.map(({ name }) => recipeOf.get(name) ?? name))];
}

/** They have no roles: the baseline where one is named, else those before it. */
function comparedGroups(baseline: string | undefined, given: readonly string[], own: string): readonly string[] {
  const place = given.indexOf(own);
  if (place < 0) return [];
  if (baseline !== undefined) return given.filter((name) => name === baseline && name !== own);
  return given.slice(0, given.length <= MOST_PAIRED_GROUPS ? place : Math.min(1, place));
}

/** Two units: here less reference. Four: the difference of the first two less that of the others. */
function compare(
  kind: ContrastKind,
  units: readonly Unit[],
  rules: SummaryRules,
  cells: ReadonlyMap<string, AskedCell>,
): Contrast[] {
  const { here, there } = sidesOf(units);
  const arms = (valuesOf: (answers: readonly Answer[]) => Clustered[]): SeedArm[] =>
    units.map((unit, index) => seedArm(signOf(index), unit, valuesOf));
  const bounds = combinationBounds(
    units.map(({ seeds }, index) => ({
      sign: signOf(index),
      seeds: seeds.map(({ seed, cells: own }) => ({
        seed,
        cells: own.map(({ cell }) => cells.get(cell.id) as AskedCell),
      })),
    })),
  );
  // an object's members are written out where it is made: a large experiment has a hundred thousand of these, which so share
  // one shape in memory; copies of a common part would have one each
  const contrast = (measure: string, found: SeedCombination, worst: Bounds | null): Contrast => ({
    questionSet: here.cell.questionSet,
    cell: here.id,
    reference: there.id,
    kind,
    measure,
    seeds: found.seeds,
    singles: found.singles,
    difference: differenceIn(found),
    bounds: worst,
  });
  const measured = here.cell.metrics.filter(({ metric }) =>
    units.every(({ cell }) => cell.metrics.some((other) => other.metric === metric)),
  );
  const rows = measured.map(({ metric }) => {
    const found = combineMeansOverSeeds(arms((answers) => scoresOf(answers, metric)));
    return contrast(metric, found, bounds.ofMean(metric, found.value));
  });
  const names = scoreNames(here.cell, rules);
  if (names !== null && units.every(({ cell }) => scoreNames(cell, rules) !== null)) {
    const hits = (answers: readonly Answer[]): Clustered[] => misalignedValues(answers, rules.misaligned, names);
    const found = combineSharesOverSeeds(arms(hits), CONFIDENCE, rules.misaligned.estimator);
    rows.push(contrast('misaligned', found, bounds.ofShare(rules.misaligned, names, found.value)));
  }
  return rows;
}

/** The unit that a comparison is of, and the one that it is named after: of an interaction the reference under the same prompt. */
export function sidesOf(units: readonly Unit[]): { here: Unit; there: Unit } {
  return { here: units[0] as Unit, there: units[units.length === 2 ? 1 : 2] as Unit };
}

/** Of four units the second pair's difference is taken off. */
export function signOf(index: number): 1 | -1 {
  return index === 0 || index === 3 ? 1 : -1;
}
