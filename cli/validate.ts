/**
 * `flamingo validate FILE`: is it a valid experiment file? Reads the file, and what it refers to as far as this machine has it.
 */
import { Command } from 'commander';
import { dirname, resolve } from 'node:path';
import { formatProblems, parseExperiment, type Problem } from '../experiment/file/parse';
import { describeParts } from '../experiment/describe-recipe';
import { firstOf } from '../experiment/excerpt';
import { mixCounts } from '../experiment/expand/mix';
import type { Issue } from '../experiment/issue';
import { checkLocalFiles } from '../inputs/check-local-files';
import pc from './paint';
import { EXIT } from './errors';
import { namedPath } from './named-path';
import { readExperimentFile } from './names';
import { printJson, say } from './output';
import { scaleIssues } from './scale-warnings';
import type { Spec } from '../experiment/spec';
import { cacheFolder } from '../workers/places';
import { unslothPython } from '../workers/toolchain';

export function validateCommand(): Command {
  return new Command('validate')
    .description(
      'check an experiment file and the local files that it names: problems with line, column and a hint; warnings, which `plan` and `run` show too, do not make it invalid',
    )
    .argument('<file...>', 'experiment files')
    .option('--source <name=path>', 'as of `plan`: a local copy of a dataset or question file (repeatable)', namedPath)
    .option('--json', 'print the problems as JSON')
    .addHelpText(
      'after',
      '\nExamples:\n  flamingo validate experiments/demo.yaml\n  flamingo validate experiments/*.yaml --json',
    )
    .action(async (files: string[], options: { json?: boolean; source?: Record<string, string> }) => {
      const results = await Promise.all(
        files.map(async (file) => {
          const parsed = parseExperiment(await readExperimentFile(file), file);
          if (!parsed.ok)
            return { file, valid: false, problems: parsed.problems, warnings: [], unseen: [], lacking: [], mixes: {} };
          const read = await checkLocalFiles(parsed.spec, {
            baseFolder: dirname(resolve(file)),
            cacheFolder: cacheFolder(),
            sources: options.source,
          });
          const placed = (issues: Issue[]): Problem[] =>
            issues.map(({ path, message, hint }) => parsed.problemAt(path, message, hint));
          return {
            file,
            valid: read.problems.length === 0,
            problems: placed(read.problems),
            warnings: [...parsed.warnings, ...placed(read.warnings), ...placed(scaleIssues(read.instruments))],
            unseen: read.unseen,
            lacking: lackingHere(parsed.spec),
            mixes: mixesOf(parsed.spec),
          };
        }),
      );
      if (options.json) printJson(results);
      else {
        for (const { file, valid, problems, warnings, unseen, lacking, mixes } of results) {
          if (warnings.length > 0) say(pc.yellow(formatProblems(warnings)));
          for (const line of lacking) say(pc.yellow(`${file}: ${line}`));
          say(valid ? `${pc.green('valid')} ${file}` : formatProblems(problems));
          if (!valid) {
            say(pc.dim('There may be more once these are mended.'));
            continue;
          }
          say(pc.dim(`  not looked at: ${firstOf(unseen, UNSEEN_SHOWN, 'inputs').join(', ')}`));
          for (const line of firstOf(mixLines(mixes), MIXES_SHOWN, 'mixes')) say(`  ${line}`);
        }
      }
      if (results.some(({ valid }) => !valid)) process.exitCode = EXIT.invalid;
    });
}

/** What the experiment needs of a GPU worker's host and this one lacks: the file is valid all the same. */
function lackingHere({ configurations }: Spec): string[] {
  if (!configurations.some(({ training }) => training.backend === 'unsloth')) return [];
  try {
    unslothPython();
    return [];
  } catch (error) {
    return [`a worker on this host could not train it: ${(error as Error).message}`];
  }
}

const MIXES_SHOWN = 20;
const UNSEEN_SHOWN = 10;

/** Of each configuration that trains on a mix, how many rows of each part. */
function mixesOf({ configurations }: Spec): Record<string, Record<string, number>> {
  return Object.fromEntries(
    configurations.flatMap(({ name, train }) =>
      train?.mix === undefined ? [] : [[name, mixCounts(train.mix, (part) => part)] as const],
    ),
  );
}

/** A line for each mix, with the first configuration that trains on it. */
function mixLines(mixes: Record<string, Record<string, number>>): string[] {
  const names = new Map<string, string[]>();
  for (const [name, parts] of Object.entries(mixes)) {
    const words = describeParts(parts);
    names.set(words, [...(names.get(words) ?? []), name]);
  }
  return [...names].map(
    ([words, [first, ...more]]) => `${first}${more.length === 0 ? '' : ` and ${more.length} more`}: ${words}`,
  );
}
