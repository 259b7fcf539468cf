/**
 * What the workflows need to know of a plan, given what the store already holds.
 */
import { z } from 'zod';
import { ancestorsOf } from '../experiment/ancestors';
import { measurementName } from '../experiment/measurements';
import type { ArtifactRef, Plan, PlannedCell, PlannedConfiguration } from '../experiment/plan';
import type { Spec } from '../experiment/spec';
import type { ConfigurationOutline, ExperimentOutline } from '../workflows/messages';
import { readDocument } from './documents';
import { isLocal, queueOf, remembered, type Recent } from './plans';
import { InvalidReference } from './reference';
import { judgesWithWork, type Reuse } from './reuse';
import type { Store } from './store';

/** Where judges have to be ready before any GPU works. */
export function queuesToJudge(spec: Spec, reuse: Reuse): string[] {
  const remote = judgesWithWork(reuse).filter((judge) => !isLocal(spec, judge));
  return [...new Set(remote.map((judge) => queueOf(spec, judge)))];
}

/** Characters of JSON up to which outlines travel whole, as part of the workflow's history. */
const WHOLE = 100_000;

/** The outlines themselves, or their heads and where they lie in the store. */
export async function outlinesFor(
  store: Store,
  plan: Plan,
  reuse: Reuse,
): Promise<Pick<ExperimentOutline, 'configurations' | 'outlines'>> {
  const whole = plan.configurations.map((configuration) => configurationOutline(configuration, reuse, plan.handoffs));
  const text = JSON.stringify(whole);
  if (text.length <= WHOLE) return { configurations: whole };
  const heads = whole.map(({ name, label, key }) => ({ name, label, key }));
  return { configurations: heads, outlines: await store.putBytes(text + '\n', '.outlines.json') };
}

const OUTLINES = z.array(
  z.looseObject({ name: z.string(), key: z.string(), cells: z.array(z.looseObject({ id: z.string() })) }),
);
const recent: Recent<Map<string, ConfigurationOutline>> = new Map();

/** From a stored list; the last few lists are remembered. Throws `InvalidReference` and `ArtifactDamaged`. */
export async function readOutline(store: Store, ref: ArtifactRef, name: string): Promise<ConfigurationOutline> {
  const outlines = await remembered(
    recent,
    ref,
    async (checked) => {
      const list = await readDocument<ConfigurationOutline[]>(store, checked, OUTLINES, 'list of outlines');
      return new Map(list.map((each) => [each.name, each]));
    },
    'a list of outlines',
  );
  const found = outlines.get(name);
  if (found === undefined) throw new InvalidReference(`the list of outlines has no configuration ${name}`);
  return found;
}

/**
 * Where the store holds all answers, measurements and results of handoffs, nothing is left for a GPU: neither generating nor the fine-tune
 * that they came from is asked for, so that judging again needs no GPU worker.
 */
export function configurationOutline(
  configuration: PlannedConfiguration,
  reuse: Reuse,
  programs: Plan['handoffs'] = {},
): ConfigurationOutline {
  const { name, label, key, recipeKey, cells, measurements = [], handoffs = [] } = configuration;
  const answersStored = (cell: PlannedCell): boolean => reuse.cells[cell.id]?.completions === cell.completions;
  const unmeasured = measurements.filter((measurement) => !reuse.measured.includes(measurement.key));
  const open = handoffs.filter((handoff) => !(reuse.handedOver ?? []).includes(handoff.key));
  const ancestors = ancestorsOf(configuration);
  const isMade = cells.every(answersStored) && unmeasured.length === 0 && open.length === 0;
  return {
    name,
    label,
    key,
    recipeKey: isMade ? null : recipeKey,
    ...(isMade || ancestors.length === 0 ? {} : { ancestors }),
    measurements: unmeasured.map(measurementName),
    ...(open.length === 0 ? {} : { handoffs: open.map(({ handoff }) => handoffOutline(handoff, programs)) }),
    cells: cells.map((cell) => ({
      id: cell.id,
      completions: cell.completions,
      judgements: cell.judgements,
      answersStored: answersStored(cell),
    })),
  };
}

function handoffOutline(name: string, programs: NonNullable<Plan['handoffs']>): { name: string; queue?: string } {
  const queue = programs[name]?.queue;
  return { name, ...(queue === undefined ? {} : { queue }) };
}
