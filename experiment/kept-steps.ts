/**
 * Evaluation along training: the adapters of chosen optimizer steps, kept for cells of their own. They are the same work as
 * the fine-tune that passes through them, so asking for them changes no recipe, and no key of anything else.
 */
import { keyOf, type Sha256 } from './canonical';
import type { Plan, PlannedCell } from './plan';

/** Key of the adapter of a fine-tune after so many of its optimizer steps (fewer than all). */
export function keptAdapterKey(recipeKey: Sha256, step: number): Sha256 {
  return keyOf({ recipe: recipeKey, step });
}

/** Key of the adapter that answers a cell; null = the base model. */
export function adapterKeyOf(recipeKey: Sha256 | null, { step }: Pick<PlannedCell, 'step'>): Sha256 | null {
  return recipeKey === null || step === undefined ? recipeKey : keptAdapterKey(recipeKey, step);
}

/** Every step of a fine-tune that some configuration evaluates, ascending: who trains for one keeps them for all. */
export function keptSteps({ configurations }: Pick<Plan, 'configurations'>, recipeKey: Sha256): number[] {
  const steps = configurations
    .filter((configuration) => configuration.recipeKey === recipeKey)
    .flatMap(({ cells }) => cells.flatMap(({ step }) => step ?? []));
  return [...new Set(steps)].sort((a, b) => a - b);
}

/** The plan without the cells along training: what figures, contrasts and agreements are made of. */
export function withoutKeptSteps(plan: Plan): Plan {
  return {
    ...plan,
    configurations: plan.configurations.map((configuration) => ({
      ...configuration,
      cells: configuration.cells.filter(({ step }) => step === undefined),
    })),
  };
}
