/**
 * Crash economics: what does a SIGKILL cost in paid requests, rows and commands?
 */
import { atMost, exactly, row, type Row } from '../rows';
import { check } from './contenders/contender';
import { rawLoop } from './contenders/raw';
import { killedRun, undisturbedRun, untilMoment, type Killed, type Victim } from './killed-run';
import { absences } from './measure';
import type { Part } from './part';
import { draws } from '../../stand-in/seeded';
import { makeItems } from './prompts';

const JUDGEMENTS = 1_000;
const IN_FLIGHT = 50;
const KILLS: Record<Victim, number> = { 'the judge worker': 10, 'every process': 3 };
const QUICK = { judgements: 500, kills: 1 };

export const kills: Part[] = [killsPart('kills', 'the judge worker', 6), killsPart('kills-all', 'every process', 3)];

function killsPart(id: string, victim: Victim, minutes: number): Part {
  return {
    id,
    group: 'kills',
    title: `SIGKILL of ${victim}`,
    minutes,
    quick: true,
    async run(session) {
      const { quick, seed } = session.options;
      const kills = quick ? QUICK.kills : KILLS[victim];
      const items = makeItems(quick ? QUICK.judgements : JUDGEMENTS, seed);
      const job = { items, inFlight: IN_FLIGHT };
      const undisturbed = await undisturbedRun(session, job);
      const random = draws(seed);
      const runs: Killed[] = [];
      for (let index = 0; index < kills; index += 1) {
        const at = Math.round(items.length * (0.05 + 0.9 * random()));
        const run = await killedRun(session, job, victim, ({ paid }) => paid >= at, undisturbed.results);
        session.say(`killed after ${at} paid requests: ${JSON.stringify(run)}`);
        runs.push(run);
      }
      const how =
        victim === 'every process'
          ? 'Server and workers are started again, then the same command.'
          : 'Its supervisor starts it again; the command goes on by itself.';
      return {
        method:
          `${items.length} judgements, ${IN_FLIGHT} in flight, SIGKILL of ${victim} at ${kills} random ` +
          `moment${kills === 1 ? '' : 's'}, each in a run from an empty store. ${how} ` +
          `An undisturbed run took ${(undisturbed.commandMs / 1000).toFixed(1)} s.`,
        rows: rowsOf(runs),
      };
    },
  };
}

export function rowsOf(runs: readonly Killed[]): Row[] {
  const worst = (value: (run: Killed) => number): number => Math.max(...runs.map(value));
  const none = { bar: exactly(0) };
  return [
    row(
      'extra paid requests, most',
      worst(({ extraPaid }) => extraPaid),
      '',
      { bar: atMost(IN_FLIGHT) },
    ),
    row(
      'of them beyond those in flight just before the kill',
      worst((run) => run.extraPaid - run.inFlightAtKill),
      '',
      {
        note: 'negative = fewer; in flight as the server counts, and replies on their way are not',
      },
    ),
    row(
      'rows lost',
      worst(({ lost }) => lost),
      '',
      none,
    ),
    row(
      'rows doubled',
      worst(({ doubled }) => doubled),
      '',
      none,
    ),
    row(
      'rows wrong',
      worst(({ wrong }) => wrong),
      '',
      none,
    ),
    row('result files that differ from the undisturbed one', runs.filter((run) => !run.sameBytes).length, '', none),
    row(
      'commands typed besides restarting what was killed',
      worst((run) => run.extraCommands),
      '',
      none,
    ),
    row(
      'whole run',
      runs.map(({ seconds }) => seconds),
      's',
    ),
  ];
}

export const killsAgainstPeers: Part = {
  id: 'kills-peers',
  group: 'kills',
  title: 'SIGKILL at 50 %, against peers',
  minutes: 5,
  quick: false,
  async run(session) {
    const { seed } = session.options;
    const items = makeItems(JUDGEMENTS, seed);
    const server = await session.server();
    const { peers, absent } = await session.peers();
    const failures = new Map<string, string>();
    const rows: Row[] = [];
    for (const contender of [rawLoop, ...peers.map(({ best }) => best)]) {
      const { name } = contender;
      Object.assign(session.versions, contender.versions());
      await server.reset();
      const job = { items, url: server.url, inFlight: IN_FLIGHT, folder: session.newFolder(name) };
      try {
        const first = contender.start(job);
        const died = first.finished.catch(() => undefined);
        const { inFlight } = await untilMoment(server, ({ paid }) => paid >= JUDGEMENTS / 2, first.finished);
        first.kill();
        await died;
        const judged = await contender.start({ ...job, resume: true }).finished;
        const { paid, distinctBodies } = await server.ledger();
        const { lost, wrong } = check(items, judged.verdicts);
        const note = `${inFlight} were in flight`;
        rows.push(row(`${name}: extra paid requests`, paid - distinctBodies, '', { note }));
        rows.push(row(`${name}: rows lost or wrong`, lost + wrong, ''));
      } catch (error) {
        failures.set(name, (error as Error).message);
      }
    }
    return {
      method:
        `${JUDGEMENTS} judgements, ${IN_FLIGHT} in flight, SIGKILL of the tool when half are paid, then its own way to go on ` +
        '(Inspect: eval_set with the same log folder; promptfoo: eval --resume; llmcomp and the raw loop: the same call). ' +
        "Flamingo's figures are those of the part kills above.",
      rows: [...rows, ...absences(absent, failures)],
    };
  },
};
