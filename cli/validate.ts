/**
 * `flamingo validate FILE`: is it a valid experiment file? Reads only the file, unless asked to read its inputs too.
 */
import { Command } from 'commander';
import pc from 'picocolors';
import { formatProblems, parseExperiment } from '../experiment/parse';
import { EXIT } from './errors';
import { readExperimentFile } from './names';
import { printJson, say } from './output';

export function validateCommand(): Command {
  return new Command('validate')
    .description(
      'check an experiment file: every problem with line, column and a hint; warnings, which `plan` and `run` show too, do not make it invalid',
    )
    .argument('<file...>', 'experiment files')
    .option('--json', 'print the problems as JSON')
    .addHelpText(
      'after',
      '\nExamples:\n  flamingo validate experiments/demo.yaml\n  flamingo validate experiments/*.yaml --json',
    )
    .action(async (files: string[], options: { json?: boolean }) => {
      const results = await Promise.all(
        files.map(async (file) => {
          const parsed = parseExperiment(await readExperimentFile(file), file);
          return parsed.ok
            ? { file, valid: true, problems: [], warnings: parsed.warnings }
            : { file, valid: false, problems: parsed.problems, warnings: [] };
        }),
      );
      if (options.json) printJson(results);
      else {
        for (const { file, valid, problems, warnings } of results) {
          if (warnings.length > 0) say(pc.yellow(formatProblems(warnings)));
          say(valid ? `${pc.green('valid')} ${file}` : formatProblems(problems));
        }
      }
      if (results.some(({ valid }) => !valid)) process.exitCode = EXIT.invalid;
    });
}
