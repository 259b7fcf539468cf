/**
 * H3, crash economics: what does a SIGKILL cost in paid requests, rows and commands?
 */
import { sleep } from '../../cli/local/processes';
import { atMost, exactly, row, type Row } from '../rows';
import { check } from './contenders/contender';
import { runFlamingo, type FlamingoJudged } from './contenders/flamingo';
import { rawLoop } from './contenders/raw';
import { absences } from './measure';
import type { Part } from './part';
import { makeItems, randomNumbers, type Item } from './prompts';
import type { JudgeServer } from './server';
import type { FlamingoServices } from './services';
import type { Sitting } from './sitting';

const JUDGEMENTS = 1_000;
const IN_FLIGHT = 50;
const KILLS = { worker: 10, everything: 3 };
const QUICK = { judgements: 500, worker: 1, everything: 1 };
const POLL_MS = 5;
/** Whatever is not right after so many stays wrong. */
const MOST_COMMANDS = 5;
const GIVE_UP_MS = 120_000;

type Victim = 'the judge worker' | 'every process';

interface Killed {
  extraPaid: number;
  inFlightAtKill: number;
  lost: number;
  wrong: number;
  /** Rows beyond one an item. */
  doubled: number;
  sameBytes: boolean;
  commands: number;
  seconds: number;
}

export const h3: Part[] = [killsPart('h3', 'the judge worker', 6), killsPart('h3all', 'every process', 3)];

function killsPart(id: string, victim: Victim, minutes: number): Part {
  return {
    id,
    group: 'h3',
    title: `H3: SIGKILL of ${victim}`,
    minutes,
    quick: true,
    async run(sitting) {
      const { quick, seed } = sitting.options;
      const counts = quick ? QUICK : KILLS;
      const kills = victim === 'every process' ? counts.everything : counts.worker;
      const items = makeItems(quick ? QUICK.judgements : JUDGEMENTS, seed);
      const undisturbed = await undisturbedRun(sitting, items);
      const random = randomNumbers(seed);
      const runs: Killed[] = [];
      for (let index = 0; index < kills; index += 1) {
        const at = Math.round(items.length * (0.05 + 0.9 * random()));
        const run = await killedRun(sitting, items, at, victim, undisturbed.results);
        sitting.say(`killed after ${at} paid requests: ${JSON.stringify(run)}`);
        runs.push(run);
      }
      const worst = (value: (run: Killed) => number): number => Math.max(...runs.map(value));
      return {
        method:
          `${items.length} judgements, ${IN_FLIGHT} in flight, SIGKILL of ${victim} at ${kills} random moment${kills === 1 ? '' : 's'} ` +
          `(each a run from an empty store). What died is started again${
            victim === 'every process' ? ', server and workers first, then the same command' : ' by its supervisor; the command goes on by itself'
          }. An undisturbed run took ${(undisturbed.commandMs / 1000).toFixed(1)} s.`,
        rows: [
          row('extra paid requests, most', worst(({ extraPaid }) => extraPaid), '', { bar: atMost(IN_FLIGHT) }),
          row('extra paid beyond those in flight at the kill', worst((run) => run.extraPaid - run.inFlightAtKill), '', {
            bar: atMost(0),
            note: 'in flight as the server counted just before the kill',
          }),
          row('rows lost', worst(({ lost }) => lost), '', { bar: exactly(0) }),
          row('rows doubled', worst(({ doubled }) => doubled), '', { bar: exactly(0) }),
          row('rows wrong', worst(({ wrong }) => wrong), '', { bar: exactly(0) }),
          row('runs whose result file differs from the undisturbed one', runs.filter(({ sameBytes }) => !sameBytes).length, '', {
            bar: exactly(0),
          }),
          row('commands typed besides restarting what was killed', worst((run) => run.commands - allowedCommands(victim)), '', {
            bar: exactly(0),
          }),
          row('whole run', runs.map(({ seconds }) => seconds), 's'),
        ],
      };
    },
  };
}

/** The command is among what was killed, or is not. */
const allowedCommands = (victim: Victim): number => (victim === 'every process' ? 2 : 1);

async function undisturbedRun(sitting: Sitting, items: Item[]): Promise<FlamingoJudged> {
  const server = await sitting.server();
  const services = await sitting.flamingo();
  await server.reset();
  const folder = sitting.newFolder('run');
  try {
    return await runFlamingo(services, { items, url: server.url, inFlight: IN_FLIGHT, folder }).finished;
  } finally {
    await services.stop();
  }
}

async function killedRun(sitting: Sitting, items: Item[], at: number, victim: Victim, wanted: string): Promise<Killed> {
  const server = await sitting.server();
  const services = await sitting.flamingo();
  await server.reset();
  const job = { items, url: server.url, inFlight: IN_FLIGHT, folder: sitting.newFolder('run') };
  const began = performance.now();
  try {
    let command = runFlamingo(services, job);
    let commands = 1;
    const inFlightAtKill = await untilPaid(server, at, command.finished);
    if (victim === 'every process') {
      const died = command.finished.catch(() => undefined);
      command.kill();
      killAll(services.pids());
      await died;
      await services.untilPolling();
      command = runFlamingo(services, job);
      commands += 1;
    } else {
      killAll(services.judges.flatMap(({ pid }) => pid ?? []));
    }
    let judged = await command.finished;
    for (; judged.exitCode !== 0 && commands < MOST_COMMANDS; commands += 1) judged = await runFlamingo(services, job).finished;
    const { paid, distinctBodies } = await server.ledger();
    return {
      extraPaid: paid - distinctBodies,
      inFlightAtKill,
      ...check(items, judged.verdicts),
      doubled: judged.rows - judged.verdicts.size,
      sameBytes: judged.results === wanted,
      commands,
      seconds: (performance.now() - began) / 1000,
    };
  } finally {
    await services.stop();
  }
}

/** Waits until so many requests are paid. Returns how many are in flight then. Throws when the work is over before. */
async function untilPaid(server: JudgeServer, at: number, finished: Promise<unknown>): Promise<number> {
  let over = false;
  finished.then(
    () => (over = true),
    () => (over = true),
  );
  const until = Date.now() + GIVE_UP_MS;
  for (;;) {
    const { paid, inFlight } = await server.stats();
    if (paid >= at) return inFlight;
    if (over || Date.now() > until) throw new Error(`only ${paid} of ${at} requests were paid: nothing to kill`);
    await sleep(POLL_MS);
  }
}

function killAll(pids: readonly number[]): void {
  for (const pid of pids) process.kill(pid, 'SIGKILL');
}

export const h3Peers: Part = {
  id: 'h3peers',
  group: 'h3',
  title: 'H3 against peers: SIGKILL at 50 %',
  minutes: 5,
  quick: false,
  async run(sitting) {
    const { seed } = sitting.options;
    const items = makeItems(JUDGEMENTS, seed);
    const server = await sitting.server();
    const { peers, absent } = await sitting.peers();
    const failures = new Map<string, string>();
    const rows: Row[] = [];
    const contenders = [rawLoop, ...peers.map(({ best }) => best)];
    for (const contender of contenders) {
      Object.assign(sitting.versions, contender.versions());
      await server.reset();
      const job = { items, url: server.url, inFlight: IN_FLIGHT, folder: sitting.newFolder(contender.name) };
      try {
        const first = contender.start(job);
        const died = first.finished.catch(() => undefined);
        const inFlight = await untilPaid(server, JUDGEMENTS / 2, first.finished);
        first.kill();
        await died;
        const judged = await contender.start({ ...job, resume: true }).finished;
        const { paid, distinctBodies } = await server.ledger();
        const { lost, wrong } = check(items, judged.verdicts);
        rows.push(
          row(`${contender.name}: extra paid requests`, paid - distinctBodies, '', { note: `${inFlight} were in flight` }),
          row(`${contender.name}: rows lost or wrong`, lost + wrong, ''),
        );
      } catch (error) {
        failures.set(contender.name, (error as Error).message);
      }
    }
    return {
      method:
        `${JUDGEMENTS} judgements, ${IN_FLIGHT} in flight, SIGKILL of the tool when half are paid, then its own way to go on ` +
        '(Inspect: eval_set with the same log folder; promptfoo: eval --resume; llmcomp and the raw loop: the same call). ' +
        "Flamingo's rows are those of H3 above.",
      rows: [...rows, ...absences(absent, failures)],
    };
  },
};
