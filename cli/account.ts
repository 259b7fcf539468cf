/**
 * `flamingo account`: the judge account that all workers share: who may send how much, why everything waits, and a
 * person's bounds, while it runs.
 */
import { WorkflowNotFoundError, type Client } from '@temporalio/client';
import { Command } from 'commander';
import { startAccount } from '../activities/account';
import { RATE_WORDS, RATES } from '../experiment/rates';
import {
  accountState,
  accountWorkflowId,
  adjustAccount,
  pauseAccount,
  resumeAccount,
  type AccountBounds,
  type AccountState,
  type Adjustment,
} from '../workflows/account-messages';
import pc from './paint';
import { onRunningServer } from './running-server';
import { InvalidUse } from './errors';
import { missingElsewhere } from './needed-workers';
import { print, printJson, say } from './output';
import { askForState, patiently } from './patience';

const WORDS: Record<keyof AccountBounds, string> = {
  concurrency: 'requests at once',
  ...RATE_WORDS,
};

export function accountCommand(): Command {
  const account = new Command('account')
    .description('the judge account that all workers share: limits, pauses')
    .addHelpText(
      'after',
      `
An account is the last part of a judge's task queue: \`anthropic\` for Claude, \`stand-in\` for the stand-in.

Examples:
  flamingo account show anthropic
  flamingo account resume anthropic          after a spend limit was raised, or a key mended
  flamingo account set anthropic --model claude-haiku-4-5-20251001 --concurrency 50 --requests-per-minute none`,
    );
  account
    .command('show')
    .description('who may send how much, and why it waits')
    .argument('<account>')
    .option('--json', 'print it as JSON')
    .action((name: string, options: { json?: boolean }) =>
      onServer(async (client) => {
        const state = await stateOf(client, name);
        if (options.json) printJson(state);
        else show(name, state);
      }),
    );
  account
    .command('resume')
    .description('go on after a pause: every experiment that waits for the account')
    .argument('<account>')
    .action((name: string) =>
      onServer(async (client) => {
        const resumed = await patiently(
          (updateId) => handleOf(client, name).executeUpdate(resumeAccount, { updateId }),
          { missing: () => missingElsewhere(client) },
        );
        say(resumed ? `${name} goes on.` : `${name} is not paused.`);
      }, name),
    );
  account
    .command('pause')
    .description('send nothing more for the account; what is in flight is kept')
    .argument('<account>')
    .option('--reason <text>', 'what people read while it waits', 'paused by hand')
    .action((name: string, { reason }: { reason: string }) =>
      onServer(async (client) => {
        await patiently(
          (updateId) =>
            client.workflow.executeUpdateWithStart(pauseAccount, {
              updateId,
              args: [{ reason, workflowId: null }],
              startWorkflowOperation: startAccount(name),
            }),
          { missing: () => missingElsewhere(client) },
        );
        say(`${name} is paused. It goes on with: flamingo account resume ${name}`);
      }),
    );
  const set = account
    .command('set')
    .description('bound the account’s use of a model, also while it is used; `none` takes a bound away')
    .argument('<account>')
    .requiredOption('--model <model>', 'the judge model');
  for (const [bound, words] of Object.entries(WORDS)) set.option(`--${kebab(bound)} <n>`, words);
  set.action((name: string, options: Record<string, string> & { model: string }) =>
    onServer(async (client) => {
      const adjustment: Adjustment = { model: options.model };
      for (const bound of Object.keys(WORDS) as (keyof AccountBounds)[]) {
        const value = options[bound];
        if (value !== undefined) adjustment[bound] = boundOf(kebab(bound), value);
      }
      if (Object.keys(adjustment).length === 1) throw new InvalidUse('name a bound, such as --concurrency 50');
      const state = await patiently(
        (updateId) =>
          client.workflow.executeUpdateWithStart(adjustAccount, {
            updateId,
            args: [adjustment],
            startWorkflowOperation: startAccount(name),
          }),
        { missing: () => missingElsewhere(client) },
      );
      show(name, state);
    }),
  );
  return account;
}

function kebab(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

function boundOf(option: string, text: string): number | null {
  if (text === 'none') return null;
  if (!/^[1-9]\d{0,8}$/.test(text))
    throw new InvalidUse(`--${option} ${text}: expected a whole number from 1, or none`);
  return Number(text);
}

function handleOf(client: Client, account: string) {
  return client.workflow.getHandle(accountWorkflowId(account));
}

/** Null when no worker uses it, and nobody has paused or bounded it. */
async function stateOf(client: Client, account: string): Promise<AccountState | null> {
  const handle = handleOf(client, account);
  const { status } = await handle.describe().catch((error: unknown) => {
    if (error instanceof WorkflowNotFoundError) return { status: { name: 'ABSENT' } };
    throw error;
  });
  return status.name === 'RUNNING' ? askForState(client, () => handle.query(accountState)) : null;
}

function show(name: string, state: AccountState | null): void {
  if (state === null) return print(`${name}: not in use`);
  const { pause, models, waiting } = state;
  print(pc.bold(pause === null ? `${name}: in use` : `${name}: paused since ${new Date(pause.since).toISOString()}`));
  if (pause !== null) {
    print(`  ${pause.reason}`);
    print(
      `  ${waiting.length} configuration${waiting.length === 1 ? '' : 's'} waiting; flamingo account resume ${name}`,
    );
  }
  for (const [model, { adjusted, learned, holders, unassigned }] of Object.entries(models)) {
    print(model);
    for (const rate of RATES) if (learned[rate] !== null) print(`  the server allows ${learned[rate]} ${WORDS[rate]}`);
    for (const [bound, value] of Object.entries(adjusted) as [keyof AccountBounds, number][]) {
      print(`  bounded by hand to ${value} ${WORDS[bound]}`);
    }
    for (const [worker, { knownLimit, maxInFlight, fraction, demand, held }] of Object.entries(holders)) {
      const wait = held === null ? '' : `, waiting until ${new Date(held.until).toISOString()}: ${held.reason}`;
      print(
        `  ${worker}: ${knownLimit > 0 ? `${knownLimit} at once` : `up to ${maxInFlight} at once`}, ${Math.round(fraction * 100)} % of the rates, wants ${demand}${wait}`,
      );
    }
    if (unassigned > 0) print(`  ${unassigned} more at once that nobody uses`);
  }
}

async function onServer(work: (client: Client) => Promise<void>, name?: string): Promise<void> {
  try {
    await onRunningServer('`flamingo run` or `flamingo server` starts the services', work);
  } catch (error) {
    if (name !== undefined && error instanceof WorkflowNotFoundError) return say(`${name} is not paused.`);
    throw error;
  }
}
