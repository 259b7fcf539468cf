/**
 * Killing Flamingo's processes in the middle of a run, and what the run came to all the same.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { check } from './contenders/contender';
import { runFlamingo, type FlamingoJob, type FlamingoJudged } from './contenders/flamingo';
import type { StatsReport } from '../../stand-in/stats';
import type { Conditions, JudgeServer } from './server';
import type { FlamingoServices } from './services';
import { SESSION_LATENCY, type Session } from './session';

export type Victim = 'the judge worker' | 'every process';

export interface KillJob extends Omit<FlamingoJob, 'url' | 'folder'> {
  conditions?: Conditions;
  /** A server of its own for this run, where the session's remembers what it should not. */
  ownServer?: boolean;
  /** Paid requests that are none of an item: a check before the work. Default 0. */
  checks?: number;
}

export interface Killed {
  /** Paid requests beyond one an item. */
  extraPaid: number;
  /** As the server counted just before the kill. */
  inFlightAtKill: number;
  lost: number;
  wrong: number;
  /** Rows beyond one an item. */
  doubled: number;
  sameBytes: boolean;
  /** Typed beyond the first one and, when that was killed, its restart. */
  extraCommands: number;
  batchesCreated: number;
  seconds: number;
}

const POLL_MS = 5;
const GIVE_UP_MS = 120_000;
/** Whatever is not right after so many commands stays wrong. */
const MOST_COMMANDS = 5;

/** From an empty store. */
export async function undisturbedRun(session: Session, job: KillJob): Promise<FlamingoJudged & { stats: StatsReport }> {
  const { server, services } = await begin(session, job);
  try {
    const folder = session.newFolder('run');
    const judged = await runFlamingo(services, { ...job, url: server.url, folder }).finished;
    return { ...judged, stats: await server.stats() };
  } finally {
    await services.stop();
  }
}

/**
 * From an empty store: SIGKILL of the victim when `moment` has come. A worker is restarted by its supervisor and the
 * command goes on; if it was killed, too, it is typed again.
 */
export async function killedRun(
  session: Session,
  job: KillJob,
  victim: Victim,
  moment: (stats: StatsReport) => boolean,
  wanted: string,
): Promise<Killed> {
  const { server, services } = await begin(session, job);
  const flamingoJob = { ...job, url: server.url, folder: session.newFolder('run') };
  const began = performance.now();
  try {
    let command = runFlamingo(services, flamingoJob);
    const { inFlight } = await untilMoment(server, moment, command.finished);
    if (victim === 'every process') {
      const died = command.finished.catch(() => undefined);
      command.kill();
      killAll(services.pids());
      await died;
      await services.untilPolling();
      command = runFlamingo(services, flamingoJob);
    } else {
      killAll(services.judges.flatMap(({ pid }) => pid ?? []));
    }
    const { judged, extraCommands } = await finish(services, flamingoJob, command.finished);
    const { paid } = await server.ledger();
    const { batches } = await server.stats();
    return {
      extraPaid: paid - job.items.length - (job.checks ?? 0),
      inFlightAtKill: inFlight,
      ...check(job.items, judged.verdicts),
      doubled: judged.rows - judged.verdicts.size,
      sameBytes: judged.results === wanted,
      extraCommands,
      batchesCreated: batches.created,
      seconds: (performance.now() - began) / 1000,
    };
  } finally {
    await services.stop();
  }
}

async function begin(
  session: Session,
  { conditions, ownServer = false, expected = false }: KillJob,
): Promise<{ server: JudgeServer; services: FlamingoServices }> {
  const server = await (ownServer ? session.startServer(SESSION_LATENCY) : session.server());
  const services = await session.flamingo(1, server, { chat: expected });
  await server.reset(conditions);
  return { server, services };
}

/** A command that ends with something missing has to be typed again, and that counts. */
async function finish(
  services: FlamingoServices,
  job: FlamingoJob,
  first: Promise<FlamingoJudged>,
): Promise<{ judged: FlamingoJudged; extraCommands: number }> {
  let judged = await first;
  let extraCommands = 0;
  for (; judged.exitCode !== 0 && extraCommands < MOST_COMMANDS; extraCommands += 1) {
    judged = await runFlamingo(services, job).finished;
  }
  return { judged, extraCommands };
}

/** Waits until the server's counts say so. Throws when the work is over before. */
export async function untilMoment(
  server: JudgeServer,
  moment: (stats: StatsReport) => boolean,
  finished: Promise<unknown>,
): Promise<StatsReport> {
  let over = false;
  const end = (): void => void (over = true);
  finished.then(end, end);
  const until = Date.now() + GIVE_UP_MS;
  for (;;) {
    const stats = await server.stats();
    if (moment(stats)) return stats;
    if (over || Date.now() > until) throw new Error(`there was nothing to kill: ${JSON.stringify(stats)}`);
    await sleep(POLL_MS);
  }
}

function killAll(pids: readonly number[]): void {
  for (const pid of pids) process.kill(pid, 'SIGKILL');
}
