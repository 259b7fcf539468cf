/**
 * Which configurations figures and page show. Up to 60 all of them; of more a person can read, and a browser open, only
 * some: the references, those where something is missing, and the lowest and highest. All seeds of a recipe have one bar: up to
 * 60 bars all are drawn, so that one seed of each recipe is shown at least. Tables and report.json have all.
 */
import type { Plan, PlannedConfiguration } from '../experiment/plan';
import type { ReportSpec } from '../experiment/spec';
import type { CellSummary } from './statistics/cell';
import { barGroups } from './statistics/bar-groups';
import { allReferences } from './statistics/references';
import { mean } from './statistics/summation';

/** Up to so many are all shown. */
const ALL = 60;
/** Of more, so many. */
const SOME = 16;
/** Of these, at most so many because they are references. */
const REFERENCES = 4;
/** Of these, at most so many because something of theirs is missing. */
const INCOMPLETE = 6;

interface Told {
  configuration: Pick<PlannedConfiguration, 'name'>;
  summary: CellSummary;
}

/** Their names; null = all. The metric of alignment ranks them; without it, or where nothing is scored, the plan's order does. */
export function shownConfigurations(
  plan: Pick<Plan, 'configurations' | 'seedGroups' | 'baseline'>,
  cells: readonly Told[],
  spec: Pick<ReportSpec, 'alignment' | 'references'>,
): ReadonlySet<string> | null {
  const { configurations } = plan;
  if (configurations.length <= ALL) return null;
  const values = new Map<string, number[]>();
  const incomplete = new Set<string>();
  for (const { configuration, summary } of cells) {
    const { completions, metrics } = summary;
    if (completions.present < completions.expected || metrics.some(({ counts }) => counts.missing > 0)) {
      incomplete.add(configuration.name);
    }
    const ranked = metrics.find((each) => each.metric === spec.alignment) ?? metrics[0];
    const value = ranked?.estimate.mean ?? null;
    if (value !== null) values.set(configuration.name, [...(values.get(configuration.name) ?? []), value]);
  }
  const { base, em } = allReferences(configurations, spec);
  const bars = barGroups(plan);
  const firstOf = (drawn: typeof bars): string[] => drawn.flatMap(({ members: [first] }) => first ?? []);
  const shown = new Set([
    ...[...base, ...em].slice(0, REFERENCES),
    ...firstOf(bars.filter(({ name }) => name === plan.baseline)),
    ...(bars.length <= ALL ? firstOf(bars) : []),
  ]);
  for (const { name } of configurations.filter(({ name }) => incomplete.has(name)).slice(0, INCOMPLETE))
    shown.add(name);
  const rank = new Map([...values].map(([name, own]) => [name, mean(own)]));
  const order = configurations.map(({ name }) => name).sort((a, b) => (rank.get(a) ?? 101) - (rank.get(b) ?? 101));
  for (let low = 0, high = order.length - 1; low <= high && shown.size < SOME; low++, high--) {
    shown.add(order[low] as string);
    if (shown.size < SOME) shown.add(order[high] as string);
  }
  return shown;
}

/** What figures and page say of it; empty where all are shown. */
export function shownInWords(
  shown: ReadonlySet<string> | null,
  plan: Pick<Plan, 'configurations' | 'seedGroups'>,
): string {
  if (shown === null) return '';
  const ofRecipes = plan.seedGroups !== undefined && barGroups(plan).length <= ALL ? 'one seed of each recipe, ' : '';
  return (
    `${shown.size} of ${plan.configurations.length} configurations are shown: references, ${ofRecipes}those where something is missing, and the ` +
    'lowest and the highest. All are in cells.csv, questions.csv and report.json.'
  );
}
