/**
 * `flamingo pause | resume | cancel | approve`: one update each on the experiment's workflow.
 */
import { WorkflowNotFoundError, WorkflowUpdateFailedError, type Client } from '@temporalio/client';
import { Command } from 'commander';
import { approve, cancel, experimentWorkflowId, pause, resume, type Target } from '../workflows/messages';
import { InvalidUse } from './errors';
import { experimentName } from './names';
import { missingElsewhere } from './needed-workers';
import { say } from './output';
import { patiently } from './patience';
import { onRunningServer } from './running-server';

export function controlCommands(): Command[] {
  return [
    targeted('pause', 'save the work in progress and hold the experiment, or one configuration', (client, id, target) =>
      patiently((updateId) => client.workflow.getHandle(id).executeUpdate(pause, { updateId, args: [target] }), {
        missing: () => missingElsewhere(client),
      }),
    ),
    targeted('resume', 'go on after a pause', (client, id, target) =>
      patiently((updateId) => client.workflow.getHandle(id).executeUpdate(resume, { updateId, args: [target] }), {
        missing: () => missingElsewhere(client),
      }),
    ),
    targeted('cancel', 'end the experiment, or one configuration; what is finished is kept', (client, id, target) =>
      patiently((updateId) => client.workflow.getHandle(id).executeUpdate(cancel, { updateId, args: [target] }), {
        missing: () => missingElsewhere(client),
      }),
    ),
    new Command('approve')
      .description('let an experiment go on that waits for approval or has spent its budget')
      .argument('<experiment>', 'name, or the experiment file')
      .option('--max-usd <amount>', 'new spending cap in US dollars (default: no cap)')
      .addHelpText('after', '\nExample:\n  flamingo approve flamingo --max-usd 20')
      .action(async (experiment: string, options: { maxUsd?: string }) => {
        const maxUsd = options.maxUsd === undefined ? null : Number(options.maxUsd);
        if (maxUsd !== null && !(maxUsd > 0))
          throw new InvalidUse(`--max-usd ${options.maxUsd}: expected an amount above 0`);
        await onExperiment(experiment, (client, id) =>
          patiently(
            (updateId) => client.workflow.getHandle(id).executeUpdate(approve, { updateId, args: [{ maxUsd }] }),
            { missing: () => missingElsewhere(client) },
          ),
        );
        say(`Approved${maxUsd === null ? ' without a cap' : `, up to $${maxUsd.toFixed(2)}`}.`);
      }),
  ];
}

function targeted(
  name: string,
  description: string,
  send: (client: Client, workflowId: string, target: Target) => Promise<unknown>,
): Command {
  return new Command(name)
    .description(description)
    .argument('<experiment>', 'name, or the experiment file')
    .option('--configuration <name>', 'only this configuration')
    .addHelpText('after', `\nExamples:\n  flamingo ${name} demo\n  flamingo ${name} demo --configuration flamingo`)
    .action(async (experiment: string, options: Target) => {
      await onExperiment(experiment, (client, id) => send(client, id, options));
      say(`${name}: ${experiment}${options.configuration === undefined ? '' : `/${options.configuration}`} ✓`);
    });
}

/** Works on the server that runs the experiment. */
export async function onExperiment<T>(
  experiment: string,
  work: (client: Client, workflowId: string) => Promise<T>,
): Promise<T> {
  const name = await experimentName(experiment);
  try {
    return await onRunningServer('start the experiment with `flamingo run` first', (client) =>
      work(client, experimentWorkflowId(name)),
    );
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) throw new InvalidUse(`the experiment ${name} is not running`);
    if (error instanceof WorkflowUpdateFailedError) throw new InvalidUse(error.cause?.message ?? error.message);
    throw error;
  }
}
