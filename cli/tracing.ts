/**
 * The traces of a command (workers/tracing.ts): begun when it first connects to a server, sent off at its end.
 */
import { startTracing, type Tracing } from '../workers/tracing';
import { say } from './output';

let tracing: Promise<Tracing | null> | undefined;

/** Null where nothing is traced. Never rejects: what keeps traces from being sent is told, and keeps no command. */
export function commandTracing(): Promise<Tracing | null> {
  tracing ??= startTracing(process.env, 'flamingo', say).catch((error: Error) => {
    say(`no traces are sent: ${error.message}`);
    return null;
  });
  return tracing;
}

/** Does nothing where nothing was begun. */
export async function closeTracing(): Promise<void> {
  await (await tracing)?.close();
}
