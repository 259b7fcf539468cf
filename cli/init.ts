/**
 * `flamingo init [FILE]`: writes an experiment file to start from, an own one or a copy of a study's.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Command } from 'commander';
import { cut } from '../experiment/excerpt';
import { installationRoot } from '../workers/places';
import { InvalidUse } from './errors';
import { print, printJson, say } from './output';
import pc from './paint';
import { copyStudy, lackingFiles, nextWithCopy, shippedStudies, shippedStudy, withSchemaOf } from './shipped-studies';

interface Options {
  from?: string;
  list?: boolean;
  json?: boolean;
}

/** Characters of a study's description in the list. */
const SHOWN = 400;

export function initCommand(): Command {
  return new Command('init')
    .description('write a commented experiment file to start from, or a copy of a study that ships with Flamingo')
    .argument('[file]', 'where to write it; default experiment.yaml, or STUDY.yaml with --from')
    .option('--from <study>', 'copy this study, with the small files that it names')
    .option('--list', 'list the studies, and write nothing')
    .option('--json', 'with --list, print them as JSON')
    .addHelpText(
      'after',
      `
Examples:
  flamingo init my-experiment.yaml
  flamingo init --list
  flamingo init --from flamingo my-flamingo.yaml`,
    )
    .action(async (file: string | undefined, options: Options) => {
      const root = installationRoot();
      if (options.list) return listStudies(root, options.json === true);
      if (options.json) throw new InvalidUse('--json goes with --list');
      const target = file ?? (options.from === undefined ? 'experiment.yaml' : `${options.from}.yaml`);
      try {
        if (options.from === undefined) await writeTemplate(root, target);
        else {
          const study = await shippedStudy(root, options.from);
          for (const written of await copyStudy(root, study.path, target)) say(`Wrote ${written}`);
        }
      } catch (error) {
        const { code, message } = error as NodeJS.ErrnoException;
        if (error instanceof InvalidUse) throw error;
        throw new InvalidUse(
          code === 'EEXIST'
            ? `${target} exists already; nothing was changed`
            : `${target} can not be written: ${message}`,
        );
      }
      if (options.from === undefined) say(`Wrote ${target}. Next: flamingo validate ${target}`);
      else say(`Next: ${nextWithCopy(target, await lackingFiles(target))}`);
    });
}

async function writeTemplate(root: string, target: string): Promise<void> {
  const template = await readFile(join(root, 'experiments', 'template.yaml'), 'utf8');
  await writeFile(target, withSchemaOf(root, template, target), { flag: 'wx' });
}

async function listStudies(root: string, json: boolean): Promise<void> {
  const studies = await shippedStudies(root);
  if (json) return printJson(studies);
  for (const { name, description } of studies) {
    print(pc.bold(name));
    if (description !== '') print(`  ${cut(description.replace(/\s+/g, ' '), SHOWN)}`);
  }
}
