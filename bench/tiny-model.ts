/**
 * The tiny random model of the tests and of the fault campaign, made once a machine by the trainer's own program and kept
 * in the cache.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { cacheFolder } from '../workers/places';
import { pythonPath } from '../workers/toolchain';
import { pythonOptions } from '../tools/start-python.cjs';

export const TINY_MODEL = join(cacheFolder(), 'tests', 'tiny-model-1');

/** Returns when `TINY_MODEL` is there, at once when it was. */
export function makeTinyModel(): void {
  if (existsSync(TINY_MODEL)) return;
  const temporary = `${TINY_MODEL}.${process.pid}`;
  mkdirSync(dirname(TINY_MODEL), { recursive: true });
  execFileSync(pythonPath(), ['-m', 'flamingo_trainer', 'tiny-model', temporary], {
    ...pythonOptions('trainer', process.env),
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  try {
    renameSync(temporary, TINY_MODEL);
  } catch {
    rmSync(temporary, { recursive: true, force: true }); // another process was first
  }
}
