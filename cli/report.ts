/**
 * `flamingo report EXPERIMENT`: builds the report again, from the store alone.
 */
import { Command } from 'commander';
import { writeResults } from '../report/write-report';
import { openStore } from '../workers/open-store';
import { programVersion } from '../workers/version';
import { resolve } from 'node:path';
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
      const report = await writeResults(store, before.stored, { output, version: programVersion });
      if (options.json) printJson(report);
      else say(`Report: ${report.html}`);
    });
}
