/**
 * Heartbeats for light activities, once a second while their work runs: a worker that is killed is noticed soon.
 */
import { Context } from '@temporalio/activity';

const BEAT_MS = 1_000;

/**
 * `detail` goes out with every heartbeat, and `beat` is called with it. Within a workflow task there are none: the server knows
 * nothing of such an activity, and the SDK warns of each.
 */
export async function withHeartbeat<T>(
  detail: unknown,
  work: () => Promise<T>,
  beat: () => void = () => undefined,
): Promise<T> {
  const context = Context.current();
  const send = (): void => {
    if (!context.info.isLocal) context.heartbeat(detail);
  };
  send();
  const timer = setInterval(() => {
    send();
    beat();
  }, BEAT_MS);
  try {
    return await work();
  } finally {
    clearInterval(timer);
  }
}
