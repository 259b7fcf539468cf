/** Processes of this machine, from /proc. */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { isRunning } from '../../cli/local/processes';

/** All that it has started, and what they have started: parents before their children. */
export function descendantsOf(pid: number): number[] {
  const parents = new Map(processIds().map((each) => [each, parentOf(each)]));
  const found: number[] = [];
  for (const queue = [pid]; queue.length > 0;) {
    const next = queue.shift();
    for (const [child, parent] of parents) {
      if (parent !== next) continue;
      found.push(child);
      queue.push(child);
    }
  }
  return found;
}

/** Running processes that have to do with a folder: it is in their command line, their environment, or they work in it. */
export function processesOf(folder: string): number[] {
  return processIds()
    .filter((pid) => pid !== process.pid && isRunning(pid))
    .filter(
      (pid) =>
        textOf(pid, 'cmdline').includes(folder) ||
        textOf(pid, 'environ').includes(folder) ||
        workingFolder(pid).startsWith(folder),
    );
}

export function childrenOf(pid: number): number[] {
  return processIds().filter((each) => parentOf(each) === pid);
}

export function commandLineOf(pid: number): string {
  return textOf(pid, 'cmdline').replaceAll('\0', ' ').trim();
}

function processIds(): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number);
}

function parentOf(pid: number): number | null {
  const stat = textOf(pid, 'stat');
  // the second field is the program's name in brackets, in which anything may stand
  return stat === '' ? null : Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
}

/** '' for one that has ended. */
function textOf(pid: number, name: string): string {
  try {
    return readFileSync(`/proc/${pid}/${name}`, 'utf8');
  } catch {
    return '';
  }
}

function workingFolder(pid: number): string {
  try {
    return readlinkSync(`/proc/${pid}/cwd`);
  } catch {
    return '';
  }
}
