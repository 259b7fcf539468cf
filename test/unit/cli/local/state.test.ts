/**
 * The lock and the client files of the embedded services: living processes, dead ones, and ids given to other programs.
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { identityOf, isRunning, processOf, wasStartedWith } from '../../../../cli/local/processes';
import { requireSpace } from '../../../../cli/local/space';
import { LocalFiles, type LocalState } from '../../../../cli/local/state';

let files: LocalFiles;
let lock: string;

beforeEach(() => {
  files = new LocalFiles(mkdtempSync(join(tmpdir(), 'flamingo-local-')));
  lock = join(files.run, 'supervisor.lock');
});
afterEach(() => rmSync(files.data, { recursive: true }));

/** Same id, other start time: another program that was given the id of a dead one. */
const REUSED = `${process.pid} 1`;

async function deadPid(): Promise<number> {
  const child = spawn(process.execPath, ['-e', '']);
  await new Promise((resolve) => child.once('exit', resolve));
  return child.pid as number;
}

test('an identity names a living process, and nobody once it has ended', async () => {
  const child = spawn(process.execPath, ['-e', 'setTimeout(() => {}, 60000)', files.data]);
  const pid = child.pid as number;
  const identity = identityOf(pid);
  expect(processOf(identity)).toBe(pid);
  child.kill('SIGKILL');
  await new Promise((resolve) => child.once('exit', resolve));
  expect(processOf(identity)).toBeNull();
  expect(isRunning(pid)).toBe(false);
  expect(wasStartedWith(pid, files.data)).toBe(false);
});

test('a process is known by the path that it was started with', async () => {
  const script = join(files.data, 'wait.js');
  writeFileSync(script, 'process.stdout.write("up"); setTimeout(() => {}, 60000)');
  const child = spawn(process.execPath, [script]);
  await new Promise((resolve) => child.stdout.once('data', resolve));
  expect(wasStartedWith(child.pid as number, script)).toBe(true);
  expect(wasStartedWith(child.pid as number, join(files.data, 'other.js'))).toBe(false);
  child.kill('SIGKILL');
  await new Promise((resolve) => child.once('exit', resolve));
});

test('the lock is taken once, and released by its owner', () => {
  expect(files.takeLock()).toBe(true);
  expect(files.takeLock()).toBe(false);
  expect(files.lockHolder()).toBe(process.pid);
  files.releaseLock();
  expect(files.lockHolder()).toBeNull();
});

test('a lock of a dead process, or of an id that belongs to another program now, is taken over', async () => {
  for (const stale of [String(await deadPid()), REUSED, '']) {
    writeFileSync(lock, stale);
    expect(files.lockHolder()).toBeNull();
    expect(files.takeLock()).toBe(true);
    expect(files.ownsLock()).toBe(true);
    files.releaseLock();
  }
  expect(readdirSync(files.run)).toEqual(['clients']);
});

test("another process's lock is neither taken nor released", () => {
  const other = identityOf(process.ppid);
  writeFileSync(lock, other);
  expect(files.takeLock()).toBe(false);
  files.releaseLock();
  expect(readFileSync(lock, 'utf8')).toBe(other);
  expect(files.lockHolder()).toBe(process.ppid);
});

test('one who thinks a lock stale, while another has just taken it over, puts it back', () => {
  const other = identityOf(process.ppid);
  writeFileSync(lock, other);
  (files as unknown as { clearStaleLock(stale: string): void }).clearStaleLock(REUSED);
  expect(readFileSync(lock, 'utf8')).toBe(other);
});

test('clients: the living count, files of the dead are cleared away', async () => {
  files.addClient();
  writeFileSync(join(files.run, 'clients', '999'), REUSED);
  writeFileSync(join(files.run, 'clients', '998'), String(await deadPid()));
  expect(files.clients()).toEqual([process.pid]);
  expect(readdirSync(join(files.run, 'clients'))).toEqual([String(process.pid)]);
  files.removeClient();
  expect(files.clients()).toEqual([]);
});

test('too little room says so before anything starts', () => {
  expect(() => requireSpace(files.data, 1)).not.toThrow();
  expect(() => requireSpace(files.data, 2 ** 60)).toThrow(/is full.*\n.*free space/);
});

describe('the end of the services', () => {
  const STATE: LocalState = {
    supervisor: process.pid,
    heartbeat: Date.now(),
    address: '127.0.0.1:1',
    ui: '',
    uiToken: '',
    ports: null,
    serverPid: null,
    serverIdentity: null,
    serverDatabase: null,
    standIn: null,
    standInToken: '',
    accounts: ['stand-in'],
    variables: [],
    allowedClients: '',
    ready: true,
    stopping: false,
    problem: null,
    services: [],
  };

  test('is said when no command uses them', () => {
    expect(files.endUnlessUsed(STATE)).toBe(true);
    expect(files.liveState()).toMatchObject({ ready: false, stopping: true });
  });

  test('is taken back for a command that came meanwhile', () => {
    files.addClient();
    expect(files.endUnlessUsed(STATE)).toBe(false);
    expect(files.liveState()).toMatchObject({ ready: true, stopping: false });
    files.removeClient();
    files.detached = true;
    expect(files.endUnlessUsed(STATE)).toBe(false);
  });

  test('is said before the clients are looked at: a later one reads it', () => {
    let seen: LocalState | null = null;
    jest.spyOn(files, 'clients').mockImplementation(() => {
      seen = files.liveState();
      return [];
    });
    expect(files.endUnlessUsed(STATE)).toBe(true);
    expect(seen).toMatchObject({ stopping: true });
  });
});
