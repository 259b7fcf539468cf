/** Does planned faults at their moments, and undoes each when its time is over, all of them at last. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { FaultKind, Scene, Undo } from './kinds/kind';
import type { PlannedFault } from './schedule';

const UNDO_MS = 30_000;

/** A fault that was due. */
export interface Done extends PlannedFault {
  /** False: there was nothing to do it to, such as a trainer where nothing was trained. */
  took: boolean;
  /** What its target was doing, where the kind tells it and the fault took. */
  moment: string | null;
}

/**
 * Returns when everything is undone, with what was done in the order in which it was. `over`: whether the experiment is complete, and what is still to come would hit nothing.
 * Throws what could not be undone, after undoing the others.
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
  /** One that waits for its moment keeps no other waiting. */
  const play = async (fault: PlannedFault): Promise<void> => {
    while (Date.now() - started < fault.at && !over()) await sleep(50);
    if (over()) return;
    const kind = kinds.find(({ name }) => name === fault.kind);
    if (kind === undefined) throw new Error(`there is no kind of fault ${fault.kind}`);
    let moment: string | null = null;
    const tellMoment = (doing: string): void => void (moment = doing);
    let why = 'there was nothing to do it to';
    const undo = await kind.begin({ ...scene, over, allowPaidTwice, tellMoment }, fault).catch((error: Error) => {
      why = error.message.split('\n')[0] ?? ''; // such as a server that another fault has killed
      return null;
    });
    // a kind may tell its moment and then fail
    done.push({ ...fault, took: undo !== null, moment: undo === null ? null : moment });
    say(`${now()}  ${fault.kind} of ${fault.target}${undo === null ? `: not done, ${why}` : described(fault, moment)}`);
    if (undo !== null) await undoneLater(fault, undo, over, () => say(`${now()}  ${fault.kind} is undone`));
  };
  const ends = await Promise.allSettled(faults.map(play));
  const failed = ends.find((end) => end.status === 'rejected');
  if (failed !== undefined) throw failed.reason;
  return { done, allowedTwice };
}

function described({ lasts }: PlannedFault, moment: string | null): string {
  return `${moment === null ? '' : ` (${moment})`}${lasts === 0 ? '' : `, for ${(lasts / 1000).toFixed(1)} s`}`;
}

/** What undoes it may need a server that is just being started again: it is tried for a while. */
async function undoneLater({ lasts }: PlannedFault, undo: Undo, over: () => boolean, tell: () => void): Promise<void> {
  for (const until = Date.now() + lasts; Date.now() < until && !over();) await sleep(50);
  for (const until = Date.now() + UNDO_MS; ; await sleep(200)) {
    try {
      await undo();
      break;
    } catch (error) {
      if (Date.now() > until) throw error;
    }
  }
  if (lasts > 0) tell();
}
