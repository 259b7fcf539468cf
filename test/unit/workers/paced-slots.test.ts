/** Slots for judge shards: polled for only while the worker's requests do not queue up. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { ActivitySlotInfo, SlotMarkUsedContext, SlotReleaseContext, SlotReserveContext } from '@temporalio/worker';
import { pacedSlots } from '../../../workers/paced-slots';

const reserve = {} as SlotReserveContext;
const release = {} as SlotReleaseContext<ActivitySlotInfo>;
const never = new AbortController().signal;

test('a slot is there while the worker is not full', () => {
  let full = false;
  const slots = pacedSlots(() => full);
  expect(slots.tryReserveSlot(reserve)).not.toBeNull();
  full = true;
  expect(slots.tryReserveSlot(reserve)).toBeNull();
});

test('who reserves waits until it is not full any more', async () => {
  let full = true;
  const slots = pacedSlots(() => full);
  let got = false;
  const waiting = slots.reserveSlot(reserve, never).then(() => (got = true));
  await sleep(60);
  expect(got).toBe(false);
  full = false;
  await waiting;
  expect(got).toBe(true);
});

test('an abort ends the wait', async () => {
  const stop = new AbortController();
  const waiting = pacedSlots(() => true).reserveSlot(reserve, stop.signal);
  stop.abort();
  await expect(waiting).rejects.toThrow();
});

test('two hundred at most; a released one can be had again', async () => {
  const slots = pacedSlots(() => false);
  for (let slot = 0; slot < 200; slot++) await slots.reserveSlot(reserve, never);
  expect(slots.tryReserveSlot(reserve)).toBeNull();
  slots.markSlotUsed({} as SlotMarkUsedContext<ActivitySlotInfo>);
  slots.releaseSlot(release);
  expect(slots.tryReserveSlot(reserve)).not.toBeNull();
  expect(slots.tryReserveSlot(reserve)).toBeNull();
});
