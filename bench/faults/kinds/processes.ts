/** Workers, trainers, servers and the command itself are killed, ended and frozen. */
import { setTimeout as sleep } from 'node:timers/promises';
import { signal } from '../../../cli/local/processes';
import { atWork, described } from '../at-work';
import { WORKERS, type Deployment } from '../deployment';
import { descendantsOf } from '../processes';
import { AT_ONCE, NOTHING_TO_UNDO, type FaultKind, type Scene, type Undo } from './kind';

const STARTED_AGAIN = 'it is started again';
/** Longer than the heartbeat timeouts of 10 s (planning), 15 s (judging) and 20 s (GPU). */
const FREEZES = { orchestration: [12, 25], judge: [17, 30], gpu: [22, 35] } as const;
const WORDS = { orchestration: 'an orchestration worker', judge: 'a judge worker', gpu: 'a GPU worker' } as const;
/** A trainer is there only while there is work for it. */
const TRAINER_MS = 15_000;
/** Moments at which a host is lost, and how far into them, at most, milliseconds. */
const MOMENTS = [
  { moment: 'training', within: 5_000 },
  { moment: 'generating', within: 1_000 },
  { moment: 'uploading', within: 0 },
] as const;
type Moment = (typeof MOMENTS)[number]['moment'];
const MOMENT_MS = 30_000;

type Kind = keyof typeof WORKERS;
const KINDS = Object.keys(WORKERS) as Kind[];

const kills = KINDS.map((kind): FaultKind => ({
  name: `${kind}-sigkill`,
  does: `SIGKILL of ${WORDS[kind]}`,
  undone: STARTED_AGAIN,
  targets: WORKERS[kind],
  lasts: AT_ONCE,
  needs: 'nothing',
  losesRequests: kind === 'judge',
  begin: async ({ deployment }, { target }) => signalled(workerPid(deployment, target), 'SIGKILL'),
}));

const ends = KINDS.map((kind): FaultKind => ({
  name: `${kind}-sigterm`,
  does: `SIGTERM of ${WORDS[kind]}, as at the end of a rented machine: it saves`,
  undone: STARTED_AGAIN,
  targets: WORKERS[kind],
  lasts: AT_ONCE,
  needs: 'nothing',
  losesRequests: kind === 'judge',
  begin: async ({ deployment }, { target }) => signalled(workerPid(deployment, target), 'SIGTERM'),
}));

const freezes = KINDS.map((kind): FaultKind => ({
  name: `${kind}-sigstop`,
  does: `SIGSTOP of ${WORDS[kind]} and all that it has started, for longer than its heartbeat may be missing`,
  undone: 'SIGCONT: two attempts then do the same work',
  targets: WORKERS[kind],
  lasts: FREEZES[kind],
  needs: 'nothing',
  losesRequests: kind === 'judge',
  begin: async ({ deployment }, { target }) => {
    const pid = workerPid(deployment, target);
    if (pid === null) return null;
    const frozen = [pid, ...descendantsOf(pid)];
    for (const each of frozen) signal(each, 'SIGSTOP');
    return () => {
      for (const each of frozen) signal(each, 'SIGCONT');
    };
  },
}));

const trainers = (['SIGKILL', 'SIGTERM', 'SIGSTOP'] as const).map((name): FaultKind => ({
  name: `trainer-${name.toLowerCase()}`,
  does: `${name} of the trainer process alone`,
  undone: name === 'SIGSTOP' ? 'SIGCONT' : 'its worker starts another one',
  targets: WORKERS.gpu,
  lasts: name === 'SIGSTOP' ? [5, 30] : AT_ONCE,
  needs: 'nothing',
  losesRequests: false,
  begin: async ({ deployment, over }, { target }) => {
    const pid = await trainerOf(deployment, target, over);
    const undo = signalled(pid, name);
    return undo === null || name !== 'SIGSTOP' ? undo : () => signal(pid as number, 'SIGCONT');
  },
}));

const others: FaultKind[] = [
  {
    name: 'temporal-sigkill',
    does: 'SIGKILL of the Temporal server',
    undone: 'it is started again on the same database',
    targets: ['temporal'],
    lasts: AT_ONCE,
    needs: 'nothing',
    losesRequests: true,
    begin: async ({ deployment }) => signalled(deployment.temporal.pid, 'SIGKILL'),
  },
  {
    name: 'postgresql-sigkill',
    does: 'SIGKILL of the Temporal server’s PostgreSQL, with all processes of it',
    undone: 'it is started again on the same files',
    targets: ['postgresql'],
    lasts: AT_ONCE,
    needs: 'postgresql',
    losesRequests: true,
    begin: async ({ deployment }) => {
      const pid = deployment.database?.pid ?? null;
      if (pid === null) return null;
      for (const each of [pid, ...descendantsOf(pid)]) signal(each, 'SIGKILL');
      return NOTHING_TO_UNDO;
    },
  },
  {
    name: 'judge-server-sigkill',
    does: 'SIGKILL of the judge’s server in the middle of requests',
    undone: 'it is started again',
    targets: ['stand-in'],
    lasts: AT_ONCE,
    needs: 'nothing',
    losesRequests: true,
    begin: async ({ deployment }) => signalled(deployment.standIn.pid, 'SIGKILL'),
  },
  {
    name: 's3-sigkill',
    does: 'SIGKILL of the object storage’s server',
    undone: STARTED_AGAIN,
    targets: ['s3'],
    lasts: AT_ONCE,
    needs: 's3',
    losesRequests: true,
    holdsCheckpoints: true,
    begin: async ({ deployment }) => signalled(deployment.objects?.service.pid ?? null, 'SIGKILL'),
  },
  {
    name: 'gpu-host-lost',
    does: 'A GPU host is gone, with its processes and its disk: while it trains, generates or uploads',
    undone: 'another one comes in its place, with nothing on it',
    targets: WORKERS.gpu,
    lasts: AT_ONCE,
    needs: 's3',
    losesRequests: false,
    begin: async ({ deployment, over, tellMoment }, { target, chance }) => {
      const { moment, after } = momentOf(chance);
      await momentCame(deployment, target, moment, over);
      await sleep(after);
      if (over()) return null;
      const pid = workerPid(deployment, target);
      const doing = atWork(deployment, target);
      if (pid === null || doing === null) return null;
      for (const each of [pid, ...descendantsOf(pid)]) signal(each, 'SIGKILL');
      tellMoment(described(doing));
      deployment.emptyHost(target);
      return NOTHING_TO_UNDO;
    },
  },
  {
    name: 'run-sigkill',
    does: 'SIGKILL of the `flamingo run` that waits for the experiment',
    undone: 'the same command at once',
    targets: ['run'],
    lasts: AT_ONCE,
    needs: 'nothing',
    losesRequests: false,
    begin: async ({ command }: Scene) => signalled(command.pid, 'SIGKILL'),
  },
];

export const PROCESS_KINDS: FaultKind[] = [...kills, ...ends, ...freezes, ...trainers, ...others];

/** Each of the moments as often as the others. */
function momentOf(chance: number): { moment: Moment; after: number } {
  const drawn = chance * MOMENTS.length;
  const { moment, within } = MOMENTS[Math.floor(drawn)] as (typeof MOMENTS)[number];
  return { moment, after: within * (drawn % 1) };
}

/** Returns when the host does so, or at last when it has not. */
async function momentCame(deployment: Deployment, host: string, moment: Moment, over: () => boolean): Promise<void> {
  for (
    const until = Date.now() + MOMENT_MS;
    Date.now() < until && !over();
    await sleep(moment === 'uploading' ? 2 : 100)
  ) {
    const now = moment === 'uploading' ? deployment.worker(host).toStore?.uploading : atWork(deployment, host)?.doing;
    if (now === true || now === moment) return;
  }
}

function signalled(pid: number | null, name: NodeJS.Signals): Undo | null {
  if (pid === null) return null;
  signal(pid, name);
  return NOTHING_TO_UNDO;
}

function workerPid(deployment: Deployment, host: string): number | null {
  return deployment.worker(host).service.pid;
}

/** The process that trains: the last in the line of what the GPU worker has started. Null when none comes in time. */
async function trainerOf(deployment: Deployment, host: string, over: () => boolean): Promise<number | null> {
  for (const until = Date.now() + TRAINER_MS; Date.now() < until && !over(); await sleep(100)) {
    const worker = workerPid(deployment, host);
    const trainer = worker === null ? undefined : descendantsOf(worker).at(-1);
    if (trainer !== undefined) return trainer;
  }
  return null;
}
