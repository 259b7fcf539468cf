/**
 * `flamingo status EXPERIMENT`: what runs, and what is in the store. Works without Temporal, then from the store alone.
 */
import { Command } from 'commander';
import { healedInPlan } from '../artifacts/healed-in-plan';
import { healedObjects } from '../artifacts/healing';
import { countReuse, type Reuse } from '../artifacts/reuse';
import { countedReuse, recordedExperiment } from '../artifacts/experiments';
import { openStore } from '../workers/open-store';
import { dataFolder } from '../workers/places';
import { loadPlan } from '../artifacts/plans';
import type { Plan } from '../experiment/plan';
import { experimentWorkflowId } from '../workflows/messages';
import pc from './paint';
import { connect, isRemote } from './connection';
import { InvalidUse } from './errors';
import { healedLines } from './follow';
import { LocalFiles, type LocalState } from './local/state';
import { uiLine, workflowPage } from './local/ui-gate';
import { experimentName } from './names';
import { print, printJson } from './output';
import { askForState } from './patience';
import { progressLines } from './progress-lines';
import { isOpen, takeSnapshot, type Snapshot } from './snapshot';

export function statusCommand(): Command {
  return new Command('status')
    .description('show what runs of an experiment and what is in the store')
    .argument('<experiment>', 'name, or the experiment file')
    .option('--count', 'look at everything in the store, also of finished work that was counted with its report')
    .option('--json', 'print it as JSON')
    .addHelpText('after', '\nExamples:\n  flamingo status demo\n  flamingo status experiments/flamingo.yaml --json')
    .action(async (experiment: string, options: { json?: boolean; count?: boolean }) => {
      const name = await experimentName(experiment);
      const store = await openStore();
      const record = await recordedExperiment(store, name);
      const running = await liveSnapshot(name);
      if (record === null)
        throw new InvalidUse(`the store knows no experiment ${name}: run it first, or check FLAMINGO_HOME`);
      const known = running === null && !options.count ? await countedReuse(store, record) : null;
      // read only where it is needed: of a large experiment it is most of the work
      const plan = async (): Promise<Plan> => (await loadPlan(store, record.plan)).plan;
      const stored = known ?? (await countReuse(store, await plan()));
      const counted = known === null ? new Date().toISOString() : (record.counted?.at ?? null);
      const anyHealed = (await healedObjects(store)).length > 0;
      const healed = anyHealed ? (await healedInPlan(store, await plan())).length : 0;
      if (options.json) {
        printJson({
          experiment: name,
          output: record.output,
          plan: record.plan,
          store: store.id,
          stored,
          counted,
          ...(healed > 0 && { healed }),
          running: running?.progress ?? null,
        });
      } else {
        const of = { stored, healed, counted: known === null ? null : counted };
        printForPeople(name, record.output, of, running);
      }
    });
}

/** The embedded services, if they run and are what commands talk to. */
function localServices(): LocalState | null {
  const state = isRemote() ? null : new LocalFiles(dataFolder()).liveState();
  return state?.ready ? state : null;
}

/** Null when the experiment does not run, or no server is there to ask. */
async function liveSnapshot(name: string): Promise<Snapshot | null> {
  const state = localServices();
  if (!isRemote() && state === null) return null;
  const client = await connect(state?.address);
  try {
    const workflowId = experimentWorkflowId(name);
    return (await isOpen(client, workflowId))
      ? await askForState(client, () => takeSnapshot(client, workflowId))
      : null;
  } finally {
    await client.connection.close();
  }
}

function printForPeople(
  name: string,
  output: string,
  { stored, healed, counted }: { stored: Reuse; healed: number; counted: string | null },
  running: Snapshot | null,
): void {
  print(pc.bold(`${name} · ${running === null ? 'not running' : running.progress.status}`));
  if (running !== null) for (const line of progressLines(running)) print(`  ${line.mark} ${line.name}  ${line.text}`);
  const count = (what: string, { new: missing, reused }: { new: number; reused: number }): void =>
    print(`  ${what.padEnd(12)} ${reused} of ${reused + missing}`);
  print(
    counted === null ? 'In the store:' : `In the store, when its report was built (${counted}; --count looks again):`,
  );
  count('fine-tunes', stored.fineTunes);
  count('completions', stored.completions);
  count('judgements', stored.judgements);
  if (stored.measurements.new + stored.measurements.reused > 0) count('measurements', stored.measurements);
  for (const [handoff, counted] of Object.entries(stored.handoffs ?? {})) count(`handoff ${handoff}`, counted);
  for (const line of healedLines(healed)) print(line);
  print(`Results: ${output}`);
  const state = localServices();
  if (state !== null) print(uiLine(state, running === null ? '/' : workflowPage(experimentWorkflowId(name))));
}
