/**
 * Heartbeats for light activities, once a second while their work runs: a worker that is killed is noticed soon.
 */
import { Context } from '@temporalio/activity';

const BEAT_MS = 1_000;

/** `detail` goes out with every heartbeat, and `beat` is called with it. */
export async function withHeartbeat<T>(
  detail: unknown,
  work: () => Promise<T>,
  beat: () => void = () => undefined,
): Promise<T> {
  const context = Context.current();
  context.heartbeat(detail);
  const timer = setInterval(() => {
    context.heartbeat(detail);
    beat();
  }, BEAT_MS);
  try {
    return await work();
  } finally {
    clearInterval(timer);
  }
}
