/**
 * Reads what the store holds of many cells, context by context: cells that share one (the question sets under a prompt
 * condition do) lie in the same groups of shards, of which each file is read once. Few contexts are in memory and few
 * files open at any moment, however large the plan is.
 */
import pLimit from 'p-limit';
import type { Plan, PlannedCell } from '../experiment/plan';
import { readVerdicts, rowsOf, wantedOf, type CellRows, type StoredVerdicts, type Wanted } from './cells';
import { completionsOf, storedCompletionShards, withoutDamaged } from './rows';
import type { Manifest, Store } from './store';

export interface ContextRows {
  contextKey: string;
  /** In the order in which they were asked for. */
  cells: CellRows[];
  /** The context's completion shards that the present adapter made, without damaged ones. */
  shards: Manifest[];
  /** The judgement shards of the cells, by group. */
  groups: StoredVerdicts['groups'];
}

/** Contexts that are read at once: enough to keep a disk and the processor busy. */
const CONTEXTS_AT_ONCE = 4;

/** Calls `use` with every context of the cells, and waits for it; in no order. */
export async function eachContext(
  store: Store,
  plan: Plan,
  cells: readonly PlannedCell[],
  use: (context: ContextRows) => Promise<void> | void,
): Promise<void> {
  const contexts = new Map<string, PlannedCell[]>();
  for (const cell of cells) {
    const members = contexts.get(cell.contextKey);
    if (members === undefined) contexts.set(cell.contextKey, [cell]);
    else members.push(cell);
  }
  await pLimit(CONTEXTS_AT_ONCE).map([...contexts.values()], async (members) =>
    use(await readContext(store, plan, members)),
  );
}

/** `members`: the cells of one context. */
async function readContext(store: Store, plan: Plan, members: PlannedCell[]): Promise<ContextRows> {
  const [first] = members as [PlannedCell];
  const shards = await storedCompletionShards(store, first);
  const { rows: stored, open } = await completionsOf(store, first, shards);
  const wanted: Wanted[] = [];
  for (const cell of members) wanted.push(await wantedOf(plan, cell, stored));
  const { rows, groups } = await readVerdicts(
    store,
    wanted.flatMap((each) => each.wanted),
  );
  const cells: CellRows[] = [];
  for (const [index, cell] of members.entries()) cells.push(await rowsOf(cell, wanted[index] as Wanted, rows));
  return {
    contextKey: first.contextKey,
    cells,
    shards: withoutDamaged(shards, open),
    groups,
  };
}
