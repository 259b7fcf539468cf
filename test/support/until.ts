/** Waiting in tests: for a condition, with a name for what did not come. */
import { setTimeout as sleep } from 'node:timers/promises';

/** Waits until `condition` gives something, and fails with `what` when it does not in time; a rejection is not yet. */
export async function until<T>(
  what: string,
  condition: () => T | null | undefined | false | Promise<T | null | undefined | false>,
  timeoutMs = 60_000,
): Promise<T> {
  const end = Date.now() + timeoutMs;
  for (;;) {
    const value = await Promise.resolve(condition()).catch(() => null);
    if (value !== null && value !== undefined && value !== false) return value;
    if (Date.now() > end) throw new Error(`waited ${timeoutMs / 1000} s for: ${what}`);
    await sleep(20);
  }
}
