/**
 * Processes of this machine by id. An id is given again to other programs, so what is remembered longer is an identity:
 * id and start time.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
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

/**
 * Whether the process itself listens on the TCP port, and not some other program that took the port first. Null where the
 * system does not say: it has neither a readable /proc nor `lsof`.
 */
export function listensOn(pid: number, port: number): boolean | null {
  try {
    const sockets = new Set(readdirSync(`/proc/${pid}/fd`).map((fd) => linkOf(`/proc/${pid}/fd/${fd}`)));
    return listeners(pid, port).some((inode) => sockets.has(`socket:[${inode}]`));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EACCES') return null;
    if (existsSync('/proc/self/fd')) return false; // it has ended
  }
  const flags = ['-nP', '-a', '-p', String(pid), `-iTCP:${port}`, '-sTCP:LISTEN', '-t'];
  const env = environmentFor('helper', process.env);
  const { status, error } = spawnSync('lsof', flags, { stdio: 'ignore', env });
  return error === undefined ? status === 0 : null;
}

/** Inodes of the sockets that listen on the port, as the process sees the network. */
function listeners(pid: number, port: number): string[] {
  const ending = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  const tables = ['tcp', 'tcp6'].map((table) => `/proc/${pid}/net/${table}`).filter((file) => existsSync(file));
  return tables.flatMap((file) => {
    const rows = readFileSync(file, 'utf8').split('\n').slice(1);
    const fields = rows.map((row) => row.trim().split(/\s+/));
    return fields.flatMap(([, local, , state, , , , , , inode]) =>
      local?.endsWith(ending) === true && state === LISTENING && inode !== undefined ? [inode] : [],
    );
  });
}

/** As the kernel's tables write it. */
const LISTENING = '0A';

/** '' for one that was closed meanwhile. */
function linkOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return '';
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
