/**
 * A worker's connection to Temporal, waited for: a host that joins before the server is up, or while the network is
 * down, takes work as soon as it can.
 */
import { NativeConnection, TransportError, type NativeConnectionOptions } from '@temporalio/worker';
import { SYSTEM_CLOCK, type Clock } from '../judge/clock';

const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 10_000;
/** Said once, by then; and again when the reason changes. */
const SAY_AFTER_MS = 3_000;

export interface Patience {
  /** Ends the waiting: `null` is returned. */
  signal: AbortSignal;
  /** Told why there is no connection yet. */
  waiting: (message: string) => void;
}

/** Throws at once what no waiting mends, such as a certificate that can not be read. */
export async function connectPatiently(
  options: NativeConnectionOptions,
  { signal, waiting }: Patience,
  connect = (): Promise<NativeConnection> => NativeConnection.connect(options),
  wait: Clock['sleep'] = SYSTEM_CLOCK.sleep,
): Promise<NativeConnection | null> {
  let waited = 0;
  let told = '';
  for (let pause = FIRST_PAUSE_MS; !signal.aborted; pause = Math.min(pause * 1.5, LONGEST_PAUSE_MS)) {
    try {
      return await connect();
    } catch (error) {
      if (!(error instanceof TransportError)) throw error;
      const reason = error.message;
      if (reason !== told && waited + pause >= SAY_AFTER_MS) {
        waiting(`waiting for the Temporal server at ${options.address ?? 'localhost:7233'}: ${reason}`);
        told = reason;
      }
    }
    await wait(pause, signal).catch(() => undefined);
    waited += pause;
  }
  return null;
}
