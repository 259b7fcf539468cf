/**
 * `flamingo setup`: the same as `npm run setup`, which is where it is done: it has to work before anything is installed.
 */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { Command } from 'commander';
import { environmentFor } from '../tools/environments.cjs';
import { installationRoot } from '../workers/places';
import { EXIT, InvalidUse } from './errors';

export function setupCommand(): Command {
  return new Command('setup')
    .description('make what is missing: packages, Python environment, Temporal binary, small model')
    .addHelpText('after', '\nExample:\n  flamingo setup')
    .action(async () => {
      const script = join(installationRoot(), 'tools', 'setup.mjs');
      if (!existsSync(script))
        throw new InvalidUse('this installation is complete as it is; set-up belongs to a clone of the repository');
      const child = spawn(process.execPath, [script], {
        stdio: 'inherit',
        env: environmentFor('set-up', process.env),
      });
      // Ctrl-C reaches set-up from the terminal itself; it says what stays, and its end is ours
      process.on('SIGINT', () => undefined);
      process.exitCode = await new Promise<number>((resolve, reject) => {
        child.once('error', reject);
        child.once('close', (code) => resolve(code ?? EXIT.failed));
      });
    });
}
