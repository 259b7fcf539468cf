/** Does planned faults at their moments, and undoes each when its time is over, all of them at last. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { FaultKind, Scene, Undo } from './kinds/kind';
import type { PlannedFault } from './schedule';

/** A fault that was due. */
export interface Done extends PlannedFault {
  /** False: there was nothing to do it to, such as a trainer where nothing was trained. */
  took: boolean;
}

/**
 * Returns when everything is undone. `over`: whether the experiment is complete, and what is still to come would hit nothing.
 * Throws what a fault could not do or could not undo, after undoing the others.
 */
export async function sabotage(
  scene: Pick<Scene, 'deployment' | 'command'>,
  kinds: readonly FaultKind[],
  faults: readonly PlannedFault[],
  over: () => boolean,
  say: (line: string) => void,
): Promise<{ done: Done[]; allowedTwice: number }> {
  const started = Date.now();
  const done: Done[] = [];
  let allowedTwice = 0;
  const allowPaidTwice = (requests: number): void => void (allowedTwice += requests);
  const now = (): string => `${((Date.now() - started) / 1000).toFixed(1)} s`;
  const undoing: Promise<void>[] = [];
  for (const fault of faults) {
    while (Date.now() - started < fault.at && !over()) await sleep(50);
    if (over()) break;
    const kind = kinds.find(({ name }) => name === fault.kind);
    if (kind === undefined) throw new Error(`there is no kind of fault ${fault.kind}`);
    const undo = await kind.begin({ ...scene, allowPaidTwice }, fault);
    done.push({ ...fault, took: undo !== null });
    say(`${now()}  ${fault.kind} of ${fault.target}${described(fault, undo)}`);
    if (undo !== null) undoing.push(undoneLater(fault, undo, over, () => say(`${now()}  ${fault.kind} is undone`)));
  }
  const ends = await Promise.allSettled(undoing);
  const failed = ends.find((end) => end.status === 'rejected');
  if (failed !== undefined) throw failed.reason;
  return { done, allowedTwice };
}

function described({ lasts }: PlannedFault, undo: Undo | null): string {
  if (undo === null) return ': there was nothing to do it to';
  return lasts === 0 ? '' : `, for ${(lasts / 1000).toFixed(1)} s`;
}

async function undoneLater({ lasts }: PlannedFault, undo: Undo, over: () => boolean, tell: () => void): Promise<void> {
  for (const until = Date.now() + lasts; Date.now() < until && !over();) await sleep(50);
  await undo();
  if (lasts > 0) tell();
}
