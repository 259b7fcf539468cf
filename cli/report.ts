/**
 * `flamingo report EXPERIMENT`: builds the report again, from the store alone.
 */
import { Command } from 'commander';
import { writeResults } from '../report/write-report';
import { recordedExperiment } from '../artifacts/experiments';
import { openStore } from '../workers/open-store';
import { programVersion } from '../workers/version';
import { loadPlan } from '../artifacts/plans';
import { resolve } from 'node:path';
import { InvalidUse } from './errors';
import { experimentName } from './names';
import { printJson, say } from './output';

export function reportCommand(): Command {
  return new Command('report')
    .description('build the report, figures and tables again from the store; needs no server')
    .argument('<experiment>', 'name, or the experiment file')
    .option('--output <folder>', 'write it there instead of the experiment’s results folder')
    .option('--json', 'print where the report is as JSON')
    .addHelpText('after', '\nExamples:\n  flamingo report demo\n  flamingo report demo --output /tmp/demo-report')
    .action(async (experiment: string, options: { output?: string; json?: boolean }) => {
      const name = await experimentName(experiment);
      const store = await openStore();
      const record = await recordedExperiment(store, name);
      if (record === null)
        throw new InvalidUse(`the store knows no experiment ${name}: run it first, or check FLAMINGO_HOME`);
      const stored = await loadPlan(store, record.plan);
      const output = resolve(options.output ?? record.output);
      const report = await writeResults(store, stored, { output, version: programVersion });
      if (options.json) printJson(report);
      else say(`Report: ${report.html}`);
    });
}
