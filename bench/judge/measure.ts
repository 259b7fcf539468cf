/**
 * Runs contenders in turn on one server, each repeat with the same items for all, and keeps what each run came to.
 */
import { missingRow, type Row } from '../rows';
import type { Absent, Check, Contender, Judged } from './contenders/contender';
import { check } from './contenders/contender';
import type { Item } from './prompts';
import type { StatsReport } from '../../stand-in/stats';
import type { Conditions, JudgeServer, LedgerSummary } from './server';
import type { Session } from './session';

export interface Run<T extends Judged = Judged> {
  judged: T;
  check: Check;
  stats: StatsReport;
  ledger: LedgerSummary;
}

export interface Setting {
  items: readonly Item[];
  inFlight: number;
  conditions?: Conditions;
  /** Default: the session's. */
  server?: JudgeServer;
  /** A run that takes longer is killed, and said to have been. Default 420. */
  limitSeconds?: number;
}

/** One run from a clean sheet. Throws what the contender throws. */
export async function measure<T extends Judged>(
  session: Session,
  setting: Setting,
  begin: (job: { items: readonly Item[]; url: string; inFlight: number; folder: string }) => {
    finished: Promise<T>;
    kill(): void;
  },
  folder = session.newFolder('run'),
): Promise<Run<T>> {
  const server = setting.server ?? (await session.server());
  await server.reset(setting.conditions);
  const { items, inFlight, limitSeconds = 420 } = setting;
  const started = begin({ items, url: server.url, inFlight, folder });
  let late = false;
  const limit = setTimeout(() => {
    late = true;
    started.kill();
  }, limitSeconds * 1000);
  try {
    const judged = await started.finished;
    return { judged, check: check(items, judged.verdicts), stats: await server.stats(), ledger: await server.ledger() };
  } catch (error) {
    throw late ? new Error(`killed after ${limitSeconds} s`) : error;
  } finally {
    clearTimeout(limit);
  }
}

/** The runs of all contenders, repeat by repeat. */
export class Runs {
  readonly failures = new Map<string, string>();
  private readonly runs = new Map<string, Run[]>();

  add(name: string, run: Run): void {
    this.runs.set(name, [...(this.runs.get(name) ?? []), run]);
  }

  /** The runs of a contender; none when it has failed. */
  of(name: string): Run[] {
    return this.failures.has(name) ? [] : (this.runs.get(name) ?? []);
  }

  values(name: string, value: (run: Run) => number): number[] {
    return this.of(name).map(value);
  }
}

/**
 * Every repeat runs all contenders on the same items, in turn forwards and backwards, so that neither is always first.
 * A peer that fails is out from then on, and its failure is kept; `must` names those whose failure ends the benchmark.
 */
export async function alternate(
  session: Session,
  contenders: readonly Contender[],
  repeats: number,
  setting: (repeat: number) => Setting,
  must: readonly string[] = ['Flamingo', 'raw SDK loop'],
): Promise<Runs> {
  const runs = new Runs();
  for (let repeat = 0; repeat < repeats; repeat += 1) {
    const chosen = setting(repeat);
    for (const contender of repeat % 2 === 0 ? contenders : [...contenders].reverse()) {
      const { name } = contender;
      Object.assign(session.versions, contender.versions());
      if (runs.failures.has(name)) continue;
      try {
        const run = await measure(session, chosen, (job) => contender.start(job));
        runs.add(name, run);
        session.say(
          `${name}: ${(run.judged.workMs / 1000).toFixed(2)} s, lost ${run.check.lost}, wrong ${run.check.wrong}`,
        );
      } catch (error) {
        if (must.includes(name)) throw error;
        runs.failures.set(name, (error as Error).message);
        session.say(`${name}: ${(error as Error).message}`);
      }
    }
  }
  return runs;
}

/** A line for each peer that did not install or did not finish. */
export function absences(absent: readonly Absent[], failures: ReadonlyMap<string, string> = new Map()): Row[] {
  return [
    ...absent.map(({ name, reason }) => missingRow(name, reason)),
    ...[...failures].map(([name, reason]) => missingRow(name, `did not finish: ${firstLines(reason)}`)),
  ];
}

function firstLines(text: string): string {
  return text.split('\n').slice(0, 3).join(' ').slice(0, 300);
}
