/**
 * Processes of this machine by id. An id is given again to other programs, so what is remembered longer is an identity:
 * id and start time.
 */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { environmentFor } from '../../tools/environments.cjs';

/** State letter and start time (clock ticks since boot) of a process; null where there is no /proc, or no process. */
function look(pid: number): { state: string; start: string } | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // the second field is the program's name in brackets, in which anything may stand
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return { state: fields[0] as string, start: fields[19] as string };
  } catch {
    return null;
  }
}

/** Whether a process with this id exists. A killed child that nobody has reaped yet no longer runs. */
export function isRunning(pid: number): boolean {
  if (!Number.isInteger(pid) || pid <= 0) return false;
  try {
    process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
  return look(pid)?.state !== 'Z';
}

/** `PID START`, or `PID` where the system has no /proc. */
export function identityOf(pid: number): string {
  const seen = look(pid);
  return seen === null ? String(pid) : `${pid} ${seen.start}`;
}

/** The id of the process with this identity, null when it has ended. */
export function processOf(identity: string): number | null {
  const pid = Number(identity.split(' ')[0]);
  return isRunning(pid) && identityOf(pid) === identity ? pid : null;
}

/**
 * Guards against an id that was given to some other program: whether the process' command line, its parts
 * joined by blanks, holds `words`.
 */
export function wasStartedWith(pid: number, words: string): boolean {
  return isRunning(pid) && (commandLine(pid)?.includes(words) ?? false);
}

function commandLine(pid: number): string | null {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
  } catch {
    // no /proc on this platform
  }
  try {
    const env = environmentFor('helper', process.env);
    return execFileSync('ps', ['-ww', '-o', 'command=', '-p', String(pid)], { encoding: 'utf8', env });
  } catch {
    return null;
  }
}

/** Does nothing when there is no such process any more. */
export function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
