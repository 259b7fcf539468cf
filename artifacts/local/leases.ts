/** The local store's leases: a file for each piece of work that names its holder, and when it is given up. */
import { hostname } from 'node:os';
import { z } from 'zod';
import { documentOrNull } from '../documents';
import { Busy, type Lease } from '../store';
import { removeExclusive } from './create-exclusive';
import { createOnce, readIfPresent, replaceFile } from './files';

const STANDING_LEASE = z.looseObject({ holder: z.string(), host: z.string(), pid: z.int().min(1), until: z.number() });
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
      until: Date.now() + seconds * 1000,
    } satisfies StandingLease);
  const isMine = async (): Promise<boolean> => parseLease(await readIfPresent(path))?.holder === holder;
  if (!(await createOnce(root, path, mine()))) {
    const standing = parseLease(await readIfPresent(path));
    if (standing !== null && standing.holder !== holder && isAlive(standing)) {
      throw new Busy(`${what} is being made by ${standing.holder} (process ${standing.pid} on ${standing.host})`);
    }
    await replaceFile(root, path, mine());
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

/** On this host a dead process frees its lease at once; elsewhere only time tells. */
function isAlive(lease: StandingLease): boolean {
  if (lease.until < Date.now()) return false;
  if (lease.host !== hostname()) return true;
  try {
    process.kill(lease.pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
