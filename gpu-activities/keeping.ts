/**
 * What a GPU has made, and a store that can not take it at present. Nobody but this host has it, so it is not given up: the host
 * tries again until the store takes it, or until it is told to stop.
 */
import { Context } from '@temporalio/activity';
import { withHeartbeat } from '../activities/heartbeat';
import { interruption } from '../activities/interruption';
import { unavailable } from '../artifacts/unavailable';
import type { GpuHeartbeat } from './operation';

const FIRST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 15_000;
/** For trouble that may as well be of this host's own disk: then another host is better off with the last checkpoint. */
const LONGEST_WAIT_MS = 300_000;

/** `commit` may be done several times over. Other errors, and a store that refuses for good, end it at once. */
export async function untilKept<T>(state: GpuHeartbeat, commit: () => Promise<T>, renew: () => void): Promise<T> {
  const context = Context.current();
  const told: GpuHeartbeat = { ...state, phase: 'saving' };
  const attempts = async (): Promise<T> => {
    const began = Date.now();
    for (let pause = FIRST_PAUSE_MS; ; pause = Math.min(2 * pause, LONGEST_PAUSE_MS)) {
      try {
        return await commit();
      } catch (error) {
        const trouble = unavailable(error);
        if (trouble?.waits !== true || (!trouble.isStores && Date.now() - began > LONGEST_WAIT_MS)) throw error;
        if (pause === FIRST_PAUSE_MS) context.log.warn(`only this host has ${state.detail} so far: ${trouble.reason}`);
        told.detail = `waiting for the store to take ${state.detail}: ${trouble.reason}`;
      }
      await context.sleep(pause).catch(async () => {
        throw await interruption(context);
      });
    }
  };
  return withHeartbeat(told, attempts, renew);
}
