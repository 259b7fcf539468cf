/**
 * `flamingo init FILE`: writes an experiment file to start from.
 */
import { copyFile, constants } from 'node:fs/promises';
import { join } from 'node:path';
import { Command } from 'commander';
import { installationRoot } from '../workers/places';
import { InvalidUse } from './errors';
import { say } from './output';

export function initCommand(): Command {
  return new Command('init')
    .description('write a commented experiment file to start from')
    .argument('[file]', 'where to write it', 'experiment.yaml')
    .addHelpText('after', '\nExample:\n  flamingo init my-experiment.yaml')
    .action(async (file: string) => {
      try {
        await copyFile(join(installationRoot(), 'experiments', 'template.yaml'), file, constants.COPYFILE_EXCL);
      } catch (error) {
        const { code, message } = error as NodeJS.ErrnoException;
        throw new InvalidUse(
          code === 'EEXIST' ? `${file} exists already; nothing was changed` : `${file} can not be written: ${message}`,
        );
      }
      say(`Wrote ${file}. Next: flamingo validate ${file}`);
    });
}
