/**
 * Which Flamingo runs here, for the provenance of its reports: version, and commit where it runs from a clone.
 */
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { ProgramVersion } from '../report/report-input';
import { environmentFor } from '../tools/environments.cjs';
import { installationRoot } from './places';

/** Read once, at the first report of this process: a clone may be changed while the code that it had runs on. */
export function programVersion(): Promise<ProgramVersion> {
  running ??= readVersion();
  return running;
}

let running: Promise<ProgramVersion> | undefined;

/** The commit is best effort: an installation need not be a clone. */
async function readVersion(): Promise<ProgramVersion> {
  const root = installationRoot();
  const { version } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as { version: string };
  try {
    const git = (...args: string[]) =>
      promisify(execFile)('git', ['-C', root, ...args], { env: environmentFor('helper', process.env) });
    const { stdout: commit } = await git('rev-parse', 'HEAD');
    const { stdout: changes } = await git('status', '--porcelain', '--untracked-files=no');
    return { version, commit: commit.trim() + (changes === '' ? '' : ' with uncommitted changes') };
  } catch {
    return { version, commit: null };
  }
}
