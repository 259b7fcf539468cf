/**
 * Slots for judge shards: one more is polled for only while this worker's requests do not queue up already. So shards go to
 * the workers that can ask their questions, and one whose requests all wait for a `retry-after` takes others meanwhile.
 */
import type { ActivitySlotInfo, CustomSlotSupplier, SlotPermit } from '@temporalio/worker';
import { setTimeout as sleep } from 'node:timers/promises';

/** Each shard holds its requests in memory and sends heartbeats. */
const MOST = 200;
const LOOK_MS = 20;

export function pacedSlots(full: () => boolean): CustomSlotSupplier<ActivitySlotInfo> {
  let used = 0;
  const free = (): boolean => used < MOST && !full();
  const permit = (): SlotPermit => {
    used += 1;
    return {};
  };
  return {
    type: 'custom',
    reserveSlot: async (_, signal) => {
      while (!free()) await sleep(LOOK_MS, undefined, { signal });
      return permit();
    },
    tryReserveSlot: () => (free() ? permit() : null),
    markSlotUsed: () => undefined,
    releaseSlot: () => {
      used -= 1;
    },
  };
}
