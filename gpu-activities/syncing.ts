/**
 * Makes what an attempt keeps on its way safe while it works, so that an attempt on another machine goes on from it.
 */
import { Context } from '@temporalio/activity';
import type { Workspace } from '../artifacts/store';
import { unavailable } from '../artifacts/unavailable';
import type { WholeFiles } from './command/run-program';
import type { GpuHeartbeat } from './operation';

/** Between tries to make a checkpoint safe: each reads the whole of it. */
const FIRST_SYNC_PAUSE_MS = 2_000;
const LONGEST_SYNC_PAUSE_MS = 60_000;

/** What is done with every heartbeat, and once a checkpoint is whole: one that is new is made safe, without stopping training. */
export function syncedCheckpoints(
  workspace: Workspace,
  state: GpuHeartbeat,
  whole: WholeFiles,
  renew: () => void,
): () => void {
  let synced = state.checkpoint;
  let pause = FIRST_SYNC_PAUSE_MS;
  let again = Infinity;
  return () => {
    renew();
    if (state.checkpoint === synced && Date.now() < again) return;
    synced = state.checkpoint;
    again = Infinity;
    void syncOrWarn(workspace, whole).then((outcome) => {
      if (outcome === 'safe') pause = FIRST_SYNC_PAUSE_MS;
      if (outcome !== 'not yet') return;
      again = Date.now() + pause;
      pause = Math.min(2 * pause, LONGEST_SYNC_PAUSE_MS);
    });
  };
}

/**
 * What can not be synced costs a later attempt the way from the checkpoint before, and does not end this one. `not yet`: it is
 * worth trying again.
 */
export async function syncOrWarn(
  workspace: Workspace,
  { until }: WholeFiles,
): Promise<'safe' | 'not yet' | 'not safe'> {
  const { log } = Context.current();
  try {
    await workspace.sync(until);
    return 'safe';
  } catch (error) {
    log.warn(`this attempt's checkpoints are only on this host so far: ${(error as Error).message}`);
    return unavailable(error)?.waits === true ? 'not yet' : 'not safe';
  }
}
