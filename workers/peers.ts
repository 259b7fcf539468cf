/**
 * Whether this worker belongs to those who already serve the namespace: same version of Flamingo, same store.
 *
 * A worker's identity, which Temporal hands to whoever lists the pollers of a task queue, says both. A GPU host that was given
 * another store would look for plans that are not there, and one with another version would read messages that it does not
 * know, so it refuses instead and names both sides. Asked are the orchestration workers: theirs are the plans.
 */
import { hostname } from 'node:os';
import type { WorkflowService } from '@temporalio/client';
import { temporal } from '@temporalio/proto';
import { ORCHESTRATION_QUEUE } from '../workflows/messages';

export interface Peer {
  /** Such as `orchestration@host:4711`. */
  who: string;
  version: string;
  store: string;
}

/** A poll takes up to a minute, so a living worker was seen since. One that ended properly is forgotten at once. */
const LIVING_MS = 70_000;

/** The identity of a worker of this process. */
export function identityOf(name: string, { version, store }: Omit<Peer, 'who'>): string {
  return `${name}@${hostname()}:${process.pid} flamingo/${version} store/${store}`;
}

/** The process id that an identity names; null where it names none. */
export function pidOf(identity: string): number | null {
  const [, pid] = /^\S+:(\d+)(?: |$)/.exec(identity) ?? [];
  return pid === undefined ? null : Number(pid);
}

/** Null for a worker that says neither: one of version 0.1.0, or of another program. */
export function peerOf(identity: string): Peer | null {
  const found = /^(\S+) flamingo\/(\S+) store\/(\S+)$/.exec(identity);
  if (found === null) return null;
  const [, who, version, store] = found as unknown as [string, string, string, string];
  return { who, version, store };
}

/** Raised at the start of a worker, or while it runs once others are there. */
export class Stranger extends Error {
  override name = 'Stranger';
}

export interface Poller {
  identity: string;
  /** Milliseconds since 1970. */
  lastSeen: number;
}

/**
 * Throws `Stranger` when living orchestration workers are there and none of them has this worker's version, or the one seen
 * last has another store; the error names the `server` where they met. While an upgrade drains there are two versions, and a worker of either is welcome.
 * Returns whether there was anybody to compare with.
 */
export function requireKin(me: Peer, pollers: readonly Poller[], now: number, server: string): boolean {
  const living = pollers
    .filter(({ lastSeen }) => now - lastSeen < LIVING_MS)
    .sort((one, other) => other.lastSeen - one.lastSeen)
    .flatMap(({ identity }) => peerOf(identity) ?? []);
  const [last] = living;
  if (last === undefined) return false;
  if (last.store !== me.store) {
    throw new Stranger(
      `this worker has the store ${me.store}, ${last.who} has the store ${last.store}; both are at the Temporal server ` +
        `${server}: give both the same FLAMINGO_STORE (--store), or name another server`,
    );
  }
  if (!living.some(({ version }) => version === me.version)) {
    throw new Stranger(
      `this worker is Flamingo ${me.version}, ${last.who} is Flamingo ${last.version}; both are at the Temporal server ` +
        `${server}: install the same version on both, or name another server`,
    );
  }
  return true;
}

const { TASK_QUEUE_TYPE_ACTIVITY, TASK_QUEUE_TYPE_WORKFLOW } = temporal.api.enums.v1.TaskQueueType;

/** Who has polled for workflows of Flamingo in the last five minutes, which is as long as Temporal remembers. */
export function orchestrationPollers(service: WorkflowService, namespace: string): Promise<Poller[]> {
  return pollersOf(service, namespace, { name: ORCHESTRATION_QUEUE, type: TASK_QUEUE_TYPE_WORKFLOW });
}

/** Whether a living worker takes the workflows of Flamingo. */
export async function isOrchestrated(service: WorkflowService, namespace: string): Promise<boolean> {
  return anyLives(await orchestrationPollers(service, namespace));
}

/** Whether a living worker takes the activities of a task queue. */
export async function isServed(service: WorkflowService, namespace: string, queue: string): Promise<boolean> {
  return anyLives(await pollersOf(service, namespace, { name: queue, type: TASK_QUEUE_TYPE_ACTIVITY }));
}

function anyLives(pollers: readonly Poller[]): boolean {
  return pollers.some(({ lastSeen }) => Date.now() - lastSeen < LIVING_MS);
}

async function pollersOf(
  service: WorkflowService,
  namespace: string,
  { name, type }: { name: string; type: temporal.api.enums.v1.TaskQueueType },
): Promise<Poller[]> {
  const { pollers } = await service.describeTaskQueue({ namespace, taskQueue: { name }, taskQueueType: type });
  return (pollers ?? []).map(({ identity, lastAccessTime }) => ({
    identity: identity ?? '',
    lastSeen: Number(lastAccessTime?.seconds ?? 0) * 1000,
  }));
}

const LOOK_AGAIN_MS = 20_000;

export interface PeerWatch {
  /** Called once, when others came after this worker and it is a stranger among them. */
  onStranger(end: (error: Stranger) => void): void;
  stop(): void;
}

/**
 * Throws `Stranger` at once when the others are there already; otherwise looks until somebody to compare with has come.
 * A server that does not list pollers is no reason to refuse: what is missing in the store is noticed by the activities.
 */
export async function watchPeers(
  service: WorkflowService,
  namespace: string,
  identity: string,
  server: string,
): Promise<PeerWatch> {
  const me = peerOf(identity) as Peer;
  let found: Stranger | null = null;
  let end = (error: Stranger): void => void (found = error);
  let timer: NodeJS.Timeout | undefined;
  const look = async (): Promise<boolean> => {
    const pollers = await orchestrationPollers(service, namespace).catch(() => []);
    return requireKin(me, pollers, Date.now(), server);
  };
  if (!(await look())) {
    timer = setInterval(() => {
      look().then(
        (known) => known && clearInterval(timer),
        (error: unknown) => {
          clearInterval(timer);
          end(error as Stranger);
        },
      );
    }, LOOK_AGAIN_MS);
    timer.unref(); // it is no reason for the process to stay
  }
  return {
    onStranger: (told) => {
      end = told;
      if (found !== null) told(found);
    },
    stop: () => clearInterval(timer),
  };
}
