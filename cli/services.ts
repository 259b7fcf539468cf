/**
 * `flamingo server | stop | supervise`: the embedded services by themselves.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { Command } from 'commander';
import { dataFolder } from '../workers/places';
import { letGoAndWait, stopServices, useServices } from './local/embedded';
import { portNumber } from './local/ports';
import { LocalFiles } from './local/state';
import { supervise } from './local/supervisor';
import { uiLine } from './local/ui-gate';
import { say } from './output';

interface ServicesOptions {
  account?: string[];
  variable?: string[];
  port?: string;
  detach?: boolean;
}

const collect = (value: string, before: string[] = []): string[] => [...before, value];

export function serverCommand(): Command {
  return new Command('server')
    .description('run the embedded Temporal server and workers until Ctrl-C, for `temporal` and other clients')
    .option(
      '--account <account>',
      'judge account to serve: stand-in or anthropic (repeatable; default: stand-in)',
      collect,
    )
    .option(
      '--variable <name>',
      "variable that trainers of an experiment's own may be given (repeatable; `run` finds them in its file)",
      collect,
    )
    .option('--port <port>', 'port of the Temporal server (default: 7233, or any free one)')
    .option('--detach', 'return at once; `flamingo stop` ends them')
    .addHelpText(
      'after',
      `
Examples:
  flamingo server
  flamingo server --account anthropic --detach
  flamingo plan experiments/demo.yaml --json > plan.json
  temporal workflow start --address ADDRESS --type experiment --task-queue flamingo --workflow-id demo --input-file plan.json`,
    )
    .action(async (options: ServicesOptions) => {
      const port = portNumber(options.port);
      const files = new LocalFiles(dataFolder());
      const wanted = { accounts: options.account ?? ['stand-in'], port, variables: options.variable ?? [] };
      const state = await useServices(files, wanted, say);
      say(`Temporal server: ${state.address}\nLogs:            ${files.data}/logs\n${uiLine(state)}`);
      if (options.detach) {
        files.detached = true;
        files.removeClient();
        return;
      }
      let over = false;
      for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, () => (over = true));
      while (!over && files.lockHolder() !== null) await sleep(200);
      await letGoAndWait(files);
    });
}

export function stopCommand(): Command {
  return new Command('stop')
    .description('stop the embedded services: trainer, workers, server, in that order; running work is saved')
    .addHelpText('after', '\nExample:\n  flamingo stop')
    .action(async () => {
      say(
        (await stopServices(new LocalFiles(dataFolder())))
          ? 'Stopped. `flamingo run` goes on where it was.'
          : 'Nothing was running.',
      );
    });
}

/** Not for people: `run` and `server` start it. */
export function superviseCommand(): Command {
  return new Command('supervise')
    .option('--account <account>', '', collect, [])
    .option('--variable <name>', '', collect, [])
    .option('--port <port>', '', '0')
    .action(async (options: { account: string[]; variable: string[]; port: string }) => {
      const { account: accounts, variable: variables, port } = options;
      await supervise(new LocalFiles(dataFolder()), { accounts, variables, port: Number(port) });
    });
}
