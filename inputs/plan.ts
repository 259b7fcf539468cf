/**
 * Plans an experiment: reads its inputs, expands it, and puts its training rows into the store. Shared by the command
 * line and the planning activity.
 */
import type { Store } from '../artifacts/store';
import { countsOf, planCounts, type PlanCounts } from '../experiment/expand/counts';
import { expand } from '../experiment/expand/expand';
import type { Plan } from '../experiment/plan';
import type { Spec } from '../experiment/spec';
import { importInputs } from './import-inputs';
import { resolveInputs, type MissingInput, type ResolveOptions } from './resolve';

export interface PlanOptions extends ResolveOptions {
  /** Receives the training rows; without one the plan can be shown, not run (its `trainingRows` are null). */
  store?: Store;
}

export interface PlanOutcome {
  /** Null while inputs are missing: keys are made of content. */
  plan: Plan | null;
  /** Also while inputs are missing, then from what the file declares. */
  counts: PlanCounts;
  missing: MissingInput[];
  /** Inputs whose size is neither known nor declared; their questions are not in `counts`. */
  uncounted: string[];
  modelFolder: string | null;
}

/** Throws `InvalidExperiment` for anything that only another file or other content can mend. */
export async function planExperiment(spec: Spec, options: PlanOptions): Promise<PlanOutcome> {
  const { inputs, missing, modelFolder } = await resolveInputs(spec, options);
  if (missing.length > 0) {
    const { counts, undeclared } = planCounts(spec, inputs);
    return { plan: null, counts, missing, uncounted: undeclared, modelFolder };
  }
  const expanded = expand(spec, inputs);
  const plan = options.store === undefined ? expanded.plan : await importInputs(options.store, expanded);
  return { plan, counts: countsOf(plan), missing, uncounted: [], modelFolder };
}
