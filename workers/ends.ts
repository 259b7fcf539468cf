/**
 * The ends of a running worker besides a signal, which the runtime hears by itself: a spot notice (spot-notice.ts), no work
 * for so long (idle.ts), and strangers among those who serve the namespace (peers.ts).
 */
import type { Logger } from 'pino';
import { endWhenIdle, idleLimit } from './idle';
import type { PeerWatch } from './peers';
import { SIGNALS } from './runtime';
import { tellCommand, type Serving } from './serving';
import { spotSetting, watchForNotice } from './spot-notice';

/** What the environment asks for. */
export interface AskedEnds {
  idle: { limitMs: number; text: string } | null;
  spot: ReturnType<typeof spotSetting>;
}

/** Throws when the environment asks for something that is not possible. */
export function askedEnds(env: NodeJS.ProcessEnv): AskedEnds {
  const limitMs = idleLimit(env);
  const text = env['FLAMINGO_EXIT_WHEN_IDLE'] ?? '';
  return { idle: limitMs === null ? null : { limitMs, text }, spot: spotSetting(env) };
}

/** What the worker says of them at its start. */
export function saidOfEnds({ idle, spot }: AskedEnds): Pick<Serving, 'endsWhenIdle' | 'spot'> {
  return {
    endsWhenIdle: idle?.text ?? null,
    spot: spot && `notices of ${spot.cloud === 'auto' ? 'whichever cloud this is' : spot.cloud}`,
  };
}

export interface Watched {
  /** Milliseconds for which nothing has run. */
  idleMs: () => number;
  /** Whether nothing will come by itself. */
  nothingOpen: () => Promise<boolean>;
  /** Null: nobody to compare with. */
  peers: PeerWatch | null;
  logger: Logger;
  shutdown: () => void;
}

export interface EndsWatch {
  /** Throws what ended the worker against its will. */
  check(): void;
  stop(): void;
}

/** Watches until the first end, a signal, or `stop`. */
export function watchEnds({ idle, spot }: AskedEnds, watched: Watched): EndsWatch {
  const { idleMs, nothingOpen, peers, logger, shutdown } = watched;
  const over = new AbortController();
  const abort = (): void => over.abort();
  for (const each of SIGNALS) process.once(each, abort);
  const end = (reason: string): void => {
    if (over.signal.aborted) return;
    over.abort();
    logger.info(reason);
    tellCommand(reason);
    shutdown();
  };
  if (spot !== null)
    void watchForNotice(spot, { signal: over.signal, log: (line) => logger.info(line), onNotice: end });
  const stopIdling =
    idle === null
      ? undefined
      : endWhenIdle({
          ...{ limitMs: idle.limitMs, idleMs, nothingOpen },
          end: () => end(`no work for ${idle.text}: the worker ends`),
        });
  let stranger: Error | null = null;
  peers?.onStranger((error) => {
    stranger = error;
    shutdown();
  });
  return {
    check: () => {
      if (stranger !== null) throw stranger;
    },
    stop: () => {
      over.abort();
      stopIdling?.();
      for (const each of SIGNALS) process.removeListener(each, abort);
    },
  };
}
