/**
 * The traces of a command (workers/tracing.ts): begun when it first connects to a server, sent off at its end.
 */
import { startTracing, type Tracing } from '../workers/tracing';
import { say } from './output';

let tracing: Promise<Tracing | null> | undefined;

export function commandTracing(): Promise<Tracing | null> {
  tracing ??= startTracing(process.env, 'flamingo', say);
  return tracing;
}

/** Does nothing where nothing was begun. */
export async function closeTracing(): Promise<void> {
  await (await tracing)?.close();
}
