/**
 * Heartbeats for light activities: once a second while the work runs, so that a worker killed with it is noticed soon.
 */
import { Context } from '@temporalio/activity';

const BEAT_MS = 1_000;

export async function beating<T>(detail: unknown, work: () => Promise<T>): Promise<T> {
  const context = Context.current();
  context.heartbeat(detail);
  const timer = setInterval(() => context.heartbeat(detail), BEAT_MS);
  try {
    return await work();
  } finally {
    clearInterval(timer);
  }
}
