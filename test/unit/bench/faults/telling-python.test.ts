/** What stands for the interpreter: only Flamingo's trainer is started otherwise. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { writeTellingPython } from '../../../../bench/faults/telling-python';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "flamingo-that's a folder-"));
  mkdirSync(join(folder, 'run'));
  const python = join(folder, 'a python');
  writeFileSync(python, '#!/bin/sh\nfor each in "$@"; do echo "$each"; done\n', { mode: 0o755 });
  process.env['FLAMINGO_TRAINER_PYTHON'] = python;
});
afterEach(() => {
  delete process.env['FLAMINGO_TRAINER_PYTHON'];
  rmSync(folder, { recursive: true });
});

function started(...args: string[]): string[] {
  return execFileSync(writeTellingPython(folder), args, { encoding: 'utf8' }).trim().split('\n');
}

test('the trainer writes its steps into the round’s folder', () => {
  const [program, ...rest] = started('-m', 'flamingo_trainer', 'serve', 'unsloth');
  expect(program).toMatch(/told_steps\.py$/);
  expect(rest).toEqual([join(folder, 'steps'), 'serve', 'unsloth']);
});

test.each([[['mine/train.py', 'a file.json']], [['-m', 'venv', 'x']], [['-c', 'print(1)']]])(
  '%j is started as it is',
  (args) => {
    expect(started(...args)).toEqual(args);
  },
);
