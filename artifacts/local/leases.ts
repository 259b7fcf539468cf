/**
 * The local store's leases: a file for each piece of work that names its holder, and when it is given up. How old one is, the
 * file system's own clock tells, against a file that is written now: hosts that share a store may disagree about the time.
 */
import { randomUUID } from 'node:crypto';
import { renameSync, rmSync } from 'node:fs';
import { rm, stat, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { documentOrNull } from '../documents';
import { Busy, type Lease } from '../store';
import { contentOf, createExclusive, readExclusive, removeExclusive } from './create-exclusive';
import { createOnce, readIfPresent, refuseAway, replaceFile } from './files';

const STANDING_LEASE = z.looseObject({
  holder: z.string(),
  host: z.string(),
  pid: z.int().min(1),
  seconds: z.number(),
});
type StandingLease = z.infer<typeof STANDING_LEASE>;

/** `what` is leased, in words for whoever comes second. Throws `Busy`. */
export async function takeLease(
  root: string,
  path: string,
  what: string,
  holder: string,
  seconds: number,
): Promise<Lease> {
  const mine = (): string =>
    JSON.stringify({
      holder,
      host: hostname(),
      pid: process.pid,
      seconds,
    } satisfies StandingLease);
  const isMine = async (): Promise<boolean> => parseLease(await readIfPresent(root, path))?.holder === holder;
  while (!(await createOnce(root, path, mine()))) {
    const text = await readIfPresent(root, path);
    const standing = parseLease(text);
    if (standing?.holder === holder) {
      await replaceFile(root, path, mine());
      break;
    }
    if (standing !== null && (await isAlive(root, path, standing))) {
      throw new Busy(`${what} is being made by ${standing.holder} (process ${standing.pid} on ${standing.host})`);
    }
    // of several who come to one that is over, whoever takes it away or not, one creates the next
    if (text !== null) removeIfStill(path, text);
  }
  return {
    renew: async () => {
      if (await isMine()) await replaceFile(root, path, mine());
    },
    release: async () => {
      if (await isMine()) removeExclusive(path);
    },
  };
}

/** An unreadable lease (its writer was killed in the middle) counts as none. */
function parseLease(text: string | null): StandingLease | null {
  return documentOrNull(text, STANDING_LEASE);
}

/** Takes away this very lease; another one, which took its place since it was read, goes back there. */
function removeIfStill(path: string, text: string): void {
  const aside = `${path}.${randomUUID()}`;
  try {
    renameSync(path, aside);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
    throw error;
  }
  if (readExclusive(aside) !== text) createExclusive(aside, path);
  rmSync(aside, { recursive: true, force: true });
}

/** On this host a dead process frees its lease at once; elsewhere only time tells. */
async function isAlive(root: string, path: string, lease: StandingLease): Promise<boolean> {
  if ((await ageMs(root, path)) >= lease.seconds * 1000) return false;
  if (lease.host !== hostname()) return true;
  try {
    process.kill(lease.pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** By the file system's clock; one that is gone is as old as can be. */
async function ageMs(root: string, path: string): Promise<number> {
  const now = join(root, 'tmp', randomUUID());
  try {
    await writeFile(now, '');
    return (await stat(now)).mtimeMs - (await stat(contentOf(path))).mtimeMs;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    refuseAway(root);
    return Infinity;
  } finally {
    await rm(now, { force: true });
  }
}
