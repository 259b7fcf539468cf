/**
 * `flamingo report EXPERIMENT`: builds the report again, from the store alone.
 */
import { Command } from 'commander';
import { writeResults } from '../report/write-report';
import { openStore } from '../workers/open-store';
import { programVersion } from '../workers/version';
import { existsSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { InvalidUse } from './errors';
import { sayMemory } from './memory-note';
import { lastRun } from './names';
import { printJson, say } from './output';

export function reportCommand(): Command {
  return new Command('report')
    .description('build the report, figures and tables again from the store; needs no server')
    .argument('<experiment>', 'name, or the experiment file')
    .option('--output <folder>', 'write it there instead of the experiment’s results folder')
    .option('--json', 'print where the report is as JSON')
    .addHelpText('after', '\nExamples:\n  flamingo report demo\n  flamingo report demo --output /tmp/demo-report')
    .action(async (experiment: string, options: { output?: string; json?: boolean }) => {
      const store = await openStore();
      const before = await lastRun(store, experiment);
      const output = resolve(options.output ?? before.output);
      if (options.output === undefined) requireProject(output);
      sayMemory(before.stored.plan);
      const report = await writeResults(store, before.stored, { plan: before.plan, output, version: programVersion });
      if (options.json) printJson(report);
      else say(`Report: ${report.html}`);
    });
}

/** A project that was renamed: its old folder must not come into being again. */
function requireProject(output: string): void {
  const parent = dirname(output);
  if (existsSync(parent) || existsSync(dirname(parent))) return;
  throw new InvalidUse(
    `the results were in ${output}, a folder that is not there any more\n` +
      'Name the folder for them with --output, or run the experiment again, which remembers the new one.',
  );
}
