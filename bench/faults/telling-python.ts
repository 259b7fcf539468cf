/**
 * The Python of a round's workers: the machine's, but that Flamingo's trainer writes each step that it tells of into a file
 * of its attempt (told_steps.py), as the worker does for an experiment's own trainer. Training stays what it is.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { installationRoot } from '../../workers/places';
import { pythonPath } from '../../workers/toolchain';

/** `folder`: of the round. Returns what stands for the interpreter there. */
export function writeTellingPython(folder: string): string {
  const path = join(folder, 'run', 'python');
  const program = join(installationRoot(), 'bench', 'faults', 'told_steps.py');
  const [python, telling, steps] = [pythonPath(), program, join(folder, 'steps')].map(quoted);
  const trainer = `[ "$1 $2" = "-m flamingo_trainer" ] && shift 2 && exec ${python} ${telling} ${steps} "$@"`;
  writeFileSync(path, `#!/bin/sh\n${trainer}\nexec ${python} "$@"\n`, { mode: 0o755 });
  return path;
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
