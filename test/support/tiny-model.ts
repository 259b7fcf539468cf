/**
 * The tiny random model of the tests, made once a machine by the trainer's own program and kept in the cache.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { cacheFolder } from '../../workers/places';
import { pythonPath } from '../../workers/toolchain';
import { pythonOptions } from '../../tools/start-python.cjs';

const folder = join(cacheFolder(), 'tests', 'tiny-model-1');

/** Its folder; `makeTinyModel` must have run (jest's global set-up does it). */
export function tinyModel(): string {
  if (!existsSync(folder)) throw new Error(`${folder} is missing: run the tests through npm test`);
  return folder;
}

export function makeTinyModel(): void {
  if (existsSync(folder)) return;
  const temporary = `${folder}.${process.pid}`;
  mkdirSync(dirname(folder), { recursive: true });
  execFileSync(pythonPath(), ['-m', 'flamingo_trainer', 'tiny-model', temporary], {
    ...pythonOptions('trainer', process.env),
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  try {
    renameSync(temporary, folder);
  } catch {
    rmSync(temporary, { recursive: true, force: true }); // another test process was first
  }
}
