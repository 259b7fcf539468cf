/**
 * What has one bar: a configuration, or all seeds of a recipe together.
 */
import type { Plan } from '../../experiment/plan';

export interface BarGroup {
  /** Of the configuration or the recipe. */
  name: string;
  label: string;
  /** Names of its configurations. */
  members: readonly string[];
}

/** In the order of their first configurations. */
export function barGroups({
  configurations,
  seedGroups = [],
}: Pick<Plan, 'configurations' | 'seedGroups'>): BarGroup[] {
  const recipes = seedGroups.map(({ name, label, members }): BarGroup => ({
    ...{ name, label },
    members: members.map(({ configuration }) => configuration),
  }));
  const recipeOf = new Map(recipes.flatMap((recipe) => recipe.members.map((member) => [member, recipe] as const)));
  const all = configurations.map(({ name, label }): BarGroup => recipeOf.get(name) ?? { name, label, members: [name] });
  return [...new Set(all)];
}
