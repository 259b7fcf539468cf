/**
 * Batch durability: a kill while a batch is created, processed or read must neither submit nor pay it again.
 */
import type { StatsReport } from '../../stand-in/stats';
import { exactly, row } from '../rows';
import { killedRun, undisturbedRun, type Killed, type Victim } from './killed-run';
import type { Part } from './part';
import { makeItems } from './prompts';
import type { Conditions } from './server';

const JUDGEMENTS = 1_000;
const IN_FLIGHT = 50;
/** What is errored or expired is asked again, in another batch or by itself. */
const BATCHES = { processingMs: 6_000, apiErrorShare: 0.01, expiredShare: 0.01 };
const HELD_MS = 3_000;

interface Phase {
  name: string;
  /** Holds a reply, so that the kill falls between what the server did and what the client knows. */
  faults: NonNullable<Conditions['faults']>;
  moment: (stats: StatsReport) => boolean;
}

const PHASES: Phase[] = [
  {
    name: 'create',
    faults: [{ kind: 'slow', on: 'batch_create', ms: HELD_MS }],
    moment: ({ batches }) => batches.created > 0,
  },
  {
    name: 'processing',
    faults: [],
    moment: createdFor(2_000),
  },
  {
    name: 'results',
    faults: [{ kind: 'slow', on: 'batch_results', ms: HELD_MS }],
    moment: ({ batches, faults }) => batches.ended > 0 && (faults['slow'] ?? 0) > 0,
  },
];

function createdFor(milliseconds: number): Phase['moment'] {
  let since: number | null = null;
  return ({ batches }) => {
    if (batches.created === 0) since = null;
    else since ??= Date.now();
    return since !== null && Date.now() - since >= milliseconds;
  };
}

export const batchKills: Part[] = (['the judge worker', 'every process'] as const).map((victim) => part(victim));

function part(victim: Victim): Part {
  return {
    id: victim === 'every process' ? 'batch-kills-all' : 'batch-kills',
    group: 'batch-kills',
    title: `SIGKILL of ${victim} during a batch`,
    minutes: 3,
    quick: false,
    async run(session) {
      const items = makeItems(JUDGEMENTS, session.options.seed);
      // each run on a server of its own: a server errs on an item only the first time that it sees it
      const job = { items, inFlight: IN_FLIGHT, mode: 'batch' as const, ownServer: true };
      const undisturbed = await undisturbedRun(session, { ...job, conditions: { batches: BATCHES } });
      const batches = undisturbed.stats.batches.created;
      const runs: { phase: string; run: Killed }[] = [];
      for (const { name, faults, moment } of PHASES) {
        const conditions = { batches: BATCHES, faults };
        const run = await killedRun(session, { ...job, conditions }, victim, moment, undisturbed.results);
        session.say(`killed during ${name}: ${JSON.stringify(run)}`);
        runs.push({ phase: name, run });
      }
      return {
        method:
          `${JUDGEMENTS} judgements in a batch that takes ${BATCHES.processingMs / 1000} s and comes back out of order, 1 % of ` +
          `the items errored and 1 % expired (they are asked again; undisturbed, batches created: ${batches}); SIGKILL of ` +
          `${victim} while the reply to create was on its way, during processing, and while results were read.`,
        rows: runs.flatMap(({ phase, run }) => [
          row(`${phase}: batches created`, run.batchesCreated, '', { bar: exactly(batches) }),
          row(`${phase}: extra paid`, run.extraPaid, '', { bar: exactly(0) }),
          row(`${phase}: rows lost, doubled or wrong`, run.lost + run.doubled + run.wrong, '', { bar: exactly(0) }),
          row(`${phase}: commands typed besides restarting`, run.extraCommands, '', { bar: exactly(0) }),
          row(`${phase}: whole run`, run.seconds, 's'),
        ]),
      };
    },
  };
}
