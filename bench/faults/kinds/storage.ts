/** The store's disk is full or read-only, and stored files are deleted or changed behind everybody's back. */
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Deployment } from '../deployment';
import { filesBelow } from '../files';
import { AT_ONCE, NOTHING_TO_UNDO, type FaultKind } from './kind';

/** How long the moment is waited for in which nobody has a file open for writing. */
const READ_ONLY_SECONDS = 15;
/** The judge is asked only now and then. */
const ASKED_MS = 20_000;
const MADE_ANEW = 'what it belongs to is made anew';

/** What can be made again. Journals hold what was paid and is nowhere else; leases, records and the store's id are no results. */
const CAN_BE_MADE_AGAIN =
  /^(blobs\/|completions\/.*rows\.jsonl$|adapters\/.*\/adapter\/adapter_model\.safetensors$|(completions|judgements|adapters)\/.*manifest\.json)/;

export const STORAGE_KINDS: FaultKind[] = [
  {
    name: 'store-full',
    does: 'The store’s disk is full to the last byte: at any moment, or while the judge is asked',
    undone: 'there is room again',
    targets: ['store'],
    lasts: [5, 30],
    needs: 'disk',
    losesRequests: true,
    holdsCheckpoints: true,
    begin: async ({ deployment, over, tellMoment }, { chance }) => {
      const { disk } = deployment;
      if (chance < 0.5) await askedInTime(deployment, over);
      tellMoment(`${await inFlight(deployment)} requests to the judge`);
      disk.fill();
      return () => disk.empty();
    },
  },
  {
    name: 'store-read-only',
    does: 'The store’s disk is mounted read-only, at a moment at which nobody writes',
    undone: 'it is mounted for writing',
    targets: ['store'],
    lasts: [5, 30],
    needs: 'disk',
    losesRequests: true,
    holdsCheckpoints: true,
    begin: async ({ deployment: { disk } }) =>
      (await disk.makeReadOnly(READ_ONLY_SECONDS)) ? () => disk.makeWritable() : null,
  },
  {
    name: 'object-deleted',
    does: 'A stored file is deleted',
    undone: MADE_ANEW,
    targets: ['store'],
    lasts: AT_ONCE,
    needs: 'nothing',
    losesRequests: false,
    begin: async ({ deployment }, { chance }) => damaged(deployment.storedFiles, chance, (path) => rmSync(path)),
  },
  {
    name: 'object-flipped',
    does: 'A byte of a stored file is changed, its size stays',
    undone: MADE_ANEW,
    targets: ['store'],
    lasts: AT_ONCE,
    needs: 'nothing',
    losesRequests: false,
    begin: async ({ deployment }, { chance }) => damaged(deployment.storedFiles, chance, flip),
  },
];

/** Returns when requests to the judge are in flight, or at last when none are. */
async function askedInTime(deployment: Deployment, over: () => boolean): Promise<void> {
  for (const until = Date.now() + ASKED_MS; Date.now() < until && !over(); await sleep(50))
    if ((await inFlight(deployment)) > 0) return;
}

async function inFlight(deployment: Deployment): Promise<number> {
  const { inFlight: requests } = (await deployment.control('GET', '/stats')) as { inFlight: number };
  return requests;
}

/** Does `harm` to one file of those that can be made again. */
function damaged(store: string, chance: number, harm: (path: string) => void): typeof NOTHING_TO_UNDO | null {
  const files = filesBelow(store).filter((path) => CAN_BE_MADE_AGAIN.test(path));
  const path = files[Math.floor(chance * files.length)];
  if (path === undefined) return null;
  try {
    harm(join(store, path));
  } catch (error) {
    // a temporary file may be gone by now, and a full disk takes nothing
    if (['ENOENT', 'EROFS', 'ENOSPC'].includes((error as NodeJS.ErrnoException).code ?? '')) return null;
    throw error;
  }
  return NOTHING_TO_UNDO;
}

function flip(path: string): void {
  const bytes = readFileSync(path);
  const place = Math.floor(bytes.length / 2);
  if (bytes.length > 0) bytes[place] = (bytes[place] as number) ^ 1;
  writeFileSync(path, bytes, { flag: 'r+' });
}
