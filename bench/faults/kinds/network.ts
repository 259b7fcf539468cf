/** What lies between hosts: cuts, silence, delay, and broken connections. */
import { draws } from '../../../stand-in/seeded';
import { HOSTS, WORKERS, type Deployment, type WorkerOnHost } from '../deployment';
import type { Link } from '../link';
import { AT_ONCE, NOTHING_TO_UNDO, type FaultKind } from './kind';

/** Longer than any heartbeat timeout (20 s). */
const LONGER_THAN_HEARTBEATS = [22, 35] as const;
const MENDED = 'the way is free again, and what was held comes through';

export const NETWORK_KINDS: FaultKind[] = [
  {
    name: 'network-cut',
    does: 'The host of a worker loses its network for longer than its heartbeat may be missing (its cable is pulled)',
    undone: 'the cable is put back',
    targets: HOSTS,
    lasts: LONGER_THAN_HEARTBEATS,
    needs: 'network',
    losesRequests: true,
    holdsCheckpoints: true,
    begin: async ({ deployment }, { target }) => {
      const { network } = deployment;
      if (network === null) return null;
      network.cut(target);
      return () => network.join(target);
    },
  },
  {
    name: 'temporal-silent',
    does: 'Nothing comes through between a worker and the Temporal server, for longer than its heartbeat may be missing',
    undone: MENDED,
    targets: HOSTS,
    lasts: LONGER_THAN_HEARTBEATS,
    needs: 'nothing',
    losesRequests: true,
    begin: mended(
      ({ toTemporal }) => toTemporal,
      (link) => link.hold(),
    ),
  },
  {
    name: 'judge-silent',
    does: 'Nothing comes through between a judge worker and the judge',
    undone: MENDED,
    targets: WORKERS.judge,
    lasts: [5, 30],
    needs: 'nothing',
    losesRequests: true,
    begin: mended(
      ({ toJudge }) => toJudge,
      (link) => link.hold(),
    ),
  },
  {
    name: 'temporal-slow',
    does: 'Whatever goes between a worker and the Temporal server takes 0.2 to 1.2 s more, each way',
    undone: MENDED,
    targets: HOSTS,
    lasts: [10, 30],
    needs: 'nothing',
    losesRequests: false,
    begin: mended(
      ({ toTemporal }) => toTemporal,
      (link, chance) => link.delay(200 + 1_000 * chance),
    ),
  },
  {
    name: 'temporal-reset',
    does: 'All connections to the Temporal server are broken',
    undone: 'they may be made again at once',
    targets: ['all'],
    lasts: AT_ONCE,
    needs: 'nothing',
    losesRequests: false,
    begin: async ({ deployment }) => {
      for (const { toTemporal } of workersOf(deployment)) toTemporal.reset();
      return NOTHING_TO_UNDO;
    },
  },
  {
    name: 's3-silent',
    does: 'Nothing comes through between a worker and the object storage',
    undone: MENDED,
    targets: HOSTS,
    lasts: [5, 30],
    needs: 's3',
    losesRequests: true,
    holdsCheckpoints: true,
    begin: mended(
      ({ toStore }) => toStore,
      (link) => link.hold(),
    ),
  },
  {
    name: 's3-slow',
    does: 'Whatever goes between a worker and the object storage takes 0.1 to 0.6 s more, each way',
    undone: MENDED,
    targets: HOSTS,
    lasts: [10, 30],
    needs: 's3',
    losesRequests: true,
    holdsCheckpoints: true,
    begin: mended(
      ({ toStore }) => toStore,
      (link, chance) => link.delay(100 + 500 * chance),
    ),
  },
  {
    name: 's3-reset',
    does: 'One in eight replies of the object storage is lost with its connection, which breaks',
    undone: 'no more of them are',
    targets: HOSTS,
    lasts: [5, 20],
    needs: 's3',
    losesRequests: true,
    holdsCheckpoints: true,
    begin: mended(
      ({ toStore }) => toStore,
      (link, chance) => link.breakShare(0.125, draws(Math.floor(chance * 2 ** 31))),
    ),
  },
  {
    name: 'judge-reset',
    does: 'One in eight replies of the judge is lost with its connection, which breaks',
    undone: 'no more of them are',
    targets: WORKERS.judge,
    lasts: [5, 15],
    needs: 'nothing',
    losesRequests: false,
    begin: async ({ deployment, allowPaidTwice }, { target, chance }) => {
      const { toJudge } = deployment.worker(target);
      const before = toJudge.brokenWhileWaiting;
      toJudge.breakShare(0.125, draws(Math.floor(chance * 2 ** 31)));
      return () => {
        toJudge.mend();
        allowPaidTwice(toJudge.brokenWhileWaiting - before);
      };
    },
  },
];

function workersOf(deployment: Deployment): WorkerOnHost[] {
  return HOSTS.map((host) => deployment.worker(host));
}

/** Does `harm` to one of the target's links, and mends the link. */
function mended(
  which: (worker: WorkerOnHost) => Link | null,
  harm: (link: Link, chance: number) => void,
): FaultKind['begin'] {
  return async ({ deployment }, { target, chance }) => {
    const link = which(deployment.worker(target));
    if (link === null) return null;
    harm(link, chance);
    return () => link.mend();
  };
}
