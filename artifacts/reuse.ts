/**
 * How much of a plan the store already holds: what `flamingo plan`, `status` and the budget gate count with.
 */
import { storedHandoff } from './handoffs';
import { storedMeasures } from './measurements';
import { adapterOf, stepsNotKept } from './rows';
import type { Store } from './store';
import { Turns } from './turns';
import type { Sha256 } from '../experiment/canonical';
import type { Plan, PlannedCell, PlannedMetric } from '../experiment/plan';
import { requestsOf } from '../experiment/requests';
import { SCORERS } from '../experiment/scorers';
import type { CellRows } from './cells';
import { eachContext } from './contexts';

export interface Count {
  new: number;
  reused: number;
}

export interface Reuse {
  fineTunes: Count;
  /**
   * Fine-tunes that are finished, but did not keep the adapters of all steps that are to be evaluated: they count as new, and
   * are trained again up to the last of these steps.
   */
  trainedAgain: { configurations: string[]; steps: number[] }[];
  /** Of these and all that follows, what several configurations share counts once. */
  completions: Count;
  /** Requests to all judges, a combined one once, and what scorers score. */
  judgements: Count;
  /** Measurements: of pairs one for each model and prompt condition, of answers one for each outcome besides. */
  measurements: Count;
  /** Those of `judgements` that a judge is asked, by the judge's name, in the order of the plan. */
  byJudge: Record<string, Count>;
  /** Keys of the measurements that are there. */
  measured: Sha256[];
  /** Models handed over to programs, by the name of the handoff; this and the next are absent where nothing is. */
  handoffs?: Record<string, Count>;
  /** Keys of the handoffs whose results are there. */
  handedOver?: Sha256[];
  /** By cell id: what is there. */
  cells: Record<string, { completions: number; judgements: number }>;
}

export async function countReuse(store: Store, plan: Plan): Promise<Reuse> {
  const cells = plan.configurations.flatMap((configuration) => configuration.cells);
  const counted = new Map<string, CellCount>();
  await eachContext(store, plan, cells, async (context) => {
    for (const rows of context.cells) counted.set(rows.cell.id, await countCell(rows));
  });
  return reuseOf(store, plan, counted);
}

/** From what was counted of every cell, by its id; adapters and measurements are looked up. */
export async function reuseOf(store: Store, plan: Plan, counted: ReadonlyMap<string, CellCount>): Promise<Reuse> {
  const reuse: Reuse = {
    fineTunes: { new: 0, reused: 0 },
    trainedAgain: [],
    completions: { new: 0, reused: 0 },
    judgements: { new: 0, reused: 0 },
    measurements: { new: 0, reused: 0 },
    byJudge: {},
    measured: [],
    cells: {},
  };
  // an adapter from elsewhere is nothing to train
  const recipes = new Set(plan.configurations.flatMap(({ recipe, recipeKey }) => (recipe && recipeKey) ?? []));
  for (const key of recipes) {
    const steps = await stepsNotKept(store, plan, key);
    const finished = (await adapterOf(store, key)) !== undefined;
    if (finished && steps.length === 0) {
      reuse.fineTunes.reused += 1;
      continue;
    }
    reuse.fineTunes.new += 1;
    const same = plan.configurations.filter(({ recipeKey }) => recipeKey === key);
    if (finished) reuse.trainedAgain.push({ configurations: same.map(({ name }) => name), steps });
  }
  const measurements = plan.configurations.flatMap((configuration) => configuration.measurements ?? []);
  for (const measurement of new Map(measurements.map((each) => [each.key, each])).values()) {
    const there = (await storedMeasures(store, measurement)) !== null;
    reuse.measurements[there ? 'reused' : 'new'] += 1;
    if (there) reuse.measured.push(measurement.key);
  }
  Object.assign(reuse, await countHandoffs(store, plan));
  const cells = plan.configurations.flatMap((configuration) => configuration.cells);
  for (const { id } of cells) {
    const { completions, judgements } = counted.get(id) as CellCount;
    reuse.cells[id] = { completions, judgements: sum(judgements.values()) };
  }
  for (const cell of distinctCells(cells)) {
    const { completions, judgements } = counted.get(cell.id) as CellCount;
    reuse.completions.reused += completions;
    reuse.completions.new += cell.completions - completions;
    for (const [judge, planned] of requestsByJudge(cell)) {
      const reused = judgements.get(judge) ?? 0;
      const counts = judge === SCORERS ? [] : [(reuse.byJudge[judge] ??= { new: 0, reused: 0 })];
      for (const each of [...counts, reuse.judgements]) {
        each.reused += reused;
        each.new += planned - reused;
      }
    }
  }
  return reuse;
}

/**
 * Configurations that are alike ask the same: of the cells of one context and question set that with the most samples, which holds
 * the others' work, too.
 */
function distinctCells(cells: readonly PlannedCell[]): Iterable<PlannedCell> {
  const most = new Map<string, PlannedCell>();
  for (const cell of cells) {
    const slot = `${cell.contextKey} ${cell.questionSet}`;
    const other = most.get(slot);
    if (other === undefined || cell.completions > other.completions) most.set(slot, cell);
  }
  return most.values();
}

/** A model that several configurations share is handed over once, and counts once. */
async function countHandoffs(store: Store, { configurations }: Plan): Promise<Pick<Reuse, 'handoffs' | 'handedOver'>> {
  const planned = configurations.flatMap(({ handoffs = [] }) => handoffs);
  if (planned.length === 0) return {};
  const counts: Record<string, Count> = {};
  const handedOver: Sha256[] = [];
  const each = new Map(planned.map((handoff) => [`${handoff.handoff} ${handoff.key}`, handoff]));
  for (const handoff of each.values()) {
    const there = (await storedHandoff(store, handoff)) !== null;
    (counts[handoff.handoff] ??= { new: 0, reused: 0 })[there ? 'reused' : 'new'] += 1;
    if (there) handedOver.push(handoff.key);
  }
  return { handoffs: counts, handedOver };
}

/** What a cell has: its completions, and by judge the requests that have their verdict. */
export interface CellCount {
  completions: number;
  judgements: Map<string, number>;
}

/** A cell may have millions, so others get their turn in between. */
export async function countCell({ completions, wanted, answered }: CellRows): Promise<CellCount> {
  const judgements = new Map<string, number>();
  const turns = new Turns();
  for (const { metric, request } of wanted) {
    if (turns.due) await turns.give();
    if (answered.has(request.id)) raise(judgements, askedOf(metric), 1);
  }
  return { completions: completions.length, judgements };
}

function askedOf({ scorer, judge }: PlannedMetric): string {
  return scorer === undefined ? judge : SCORERS;
}

function requestsByJudge(cell: PlannedCell): Map<string, number> {
  const counts = new Map<string, number>();
  for (const metric of cell.metrics) raise(counts, askedOf(metric), requestsOf({ ...cell, metrics: [metric] }));
  return counts;
}

function raise(counts: Map<string, number>, key: string, by: number): void {
  counts.set(key, (counts.get(key) ?? 0) + by);
}

function sum(counts: Iterable<number>): number {
  let total = 0;
  for (const count of counts) total += count;
  return total;
}

/** Names of the judges that are still to be asked something, in the order of the plan. */
export function judgesWithWork({ byJudge }: Pick<Reuse, 'byJudge'>): string[] {
  return Object.keys(byJudge).filter((judge) => byJudge[judge]?.new !== 0);
}

/** Fine-tunes, completions, judgements, measurements and handoffs that are still to be made. */
export function newWork({ fineTunes, completions, judgements, measurements, handoffs }: Reuse): number {
  return fineTunes.new + completions.new + judgements.new + measurements.new + newHandoffs({ handoffs });
}

/** Models that are still to be handed over. */
export function newHandoffs({ handoffs = {} }: { handoffs?: Reuse['handoffs'] | undefined }): number {
  return sum(Object.values(handoffs).map((count) => count.new));
}
