/** Stores whose calls a test changes, or watches for heartbeats. */
import type { Lease, Store } from '../../artifacts/store';

/** Calls of the store's methods, before and in place of its own. */
type Calls = { [Name in keyof Store]?: (...args: never[]) => unknown };

export function changed(store: Store, calls: Calls): Store {
  return new Proxy(store, {
    get: (target, name) => {
      const found = (name in calls ? calls : target)[name as keyof Store] as unknown;
      return typeof found === 'function' ? (found.bind(target) as unknown) : found;
    },
  });
}

/** What runs at intervals now: `pass` calls each as if its time had come; false when called from within one. */
function intervals(): { pass: () => boolean } {
  const running = new Map<NodeJS.Timeout, () => void>();
  const { setInterval: set, clearInterval: clear } = globalThis;
  jest.spyOn(globalThis, 'setInterval').mockImplementation(((call: () => void, ms: number) => {
    const timer = set(call, ms);
    running.set(timer, call);
    return timer;
  }) as typeof setInterval);
  jest.spyOn(globalThis, 'clearInterval').mockImplementation((timer) => {
    running.delete(timer as NodeJS.Timeout);
    clear(timer);
  });
  let passing = false; // what is called may ask the store, too
  const pass = (): boolean => {
    if (passing) return false;
    passing = true;
    for (const call of [...running.values()]) call();
    passing = false;
    return true;
  };
  return { pass };
}

/** What an activity sends while it waits for the store. Undone by `jest.restoreAllMocks`. */
export interface WatchedBeats {
  /** The store, for the activity. */
  watched: Store;
  /** To be called with each of the activity's heartbeats. */
  beat: () => void;
  /** Methods that were called, and those among them that would have been waited for without heartbeats. */
  asked: Set<string>;
  silent: string[];
}

export function beatsWatched(store: Store): WatchedBeats {
  const time = intervals();
  let beats = 0;
  const asked = new Set<string>();
  const silent: string[] = [];
  const watch = (name: string): void => {
    asked.add(name);
    const before = beats;
    if (time.pass() && beats === before) silent.push(name);
  };
  const own = store as unknown as Record<string, (...args: unknown[]) => Promise<unknown>>;
  const names = ['read', 'checkOut', 'lease', 'manifest', 'attempts', 'attempt', 'putBytes', 'commit', 'appendRecord'];
  const calls = names.map((name) => [
    name,
    async (...args: unknown[]): Promise<unknown> => {
      watch(name);
      const given = await own[name]?.apply(store, args);
      if (name !== 'lease') return given;
      const { renew, release } = given as Lease;
      return { renew, release: () => (watch('release'), release()) };
    },
  ]);
  return { watched: changed(store, Object.fromEntries(calls) as Calls), beat: () => (beats += 1), asked, silent };
}
