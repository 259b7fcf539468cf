/**
 * The owner's secret: 32 random bytes in `run/secret` in the data folder, or in the file that FLAMINGO_SECRET_FILE names. What
 * has it may have workers run commands; nobody but the owner can read it, a web page not at all.
 */
import { randomBytes, randomUUID } from 'node:crypto';
import { readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import type { ClientRules } from '../activities/clients';
import { contentOf, createExclusive } from '../artifacts/local/create-exclusive';
import { permit } from '../artifacts/permits';
import { PRIVATE_FILE, privateFolderSync } from '../artifacts/private-files';
import type { Store } from '../artifacts/store';
import { DEMAND_KINDS, type DemandKind } from '../experiment/demands';
import { dataFolder } from './places';

const BYTES = 32;
const OTHERS = 0o077;

/** What this worker does for whom. Throws when FLAMINGO_ALLOW_CLIENTS is not what it should be. */
export function clientRules(): ClientRules {
  return { secret: readSecret, allowed: allowedDemands(process.env['FLAMINGO_ALLOW_CLIENTS'] ?? '') };
}

/** The words of FLAMINGO_ALLOW_CLIENTS, between commas. Throws when there is one that means nothing. */
export function allowedDemands(words: string): ReadonlySet<DemandKind> {
  const named = words.split(',').map((word) => word.trim());
  return new Set(
    named.flatMap((word) => {
      if (word === '') return [];
      const kind = DEMAND_KINDS.find((each) => each === word);
      if (kind !== undefined) return kind;
      throw new Error(`FLAMINGO_ALLOW_CLIENTS=${words}: expected some of ${DEMAND_KINDS.join(', ')}, between commas`);
    }),
  );
}

/** Has workers that know the owner's secret run a plan, and write its results to a folder, whoever starts the workflow. */
export async function permitRun(store: Store, run: { ref: { sha256: string }; output: string }): Promise<void> {
  const secret = readSecret() ?? makeSecret();
  await permit(store, secret, 'plan', run.ref.sha256);
  await permit(store, secret, 'output', resolve(run.output));
}

function secretFile(): string {
  return resolve(process.env['FLAMINGO_SECRET_FILE'] || join(dataFolder(), 'run', 'secret'));
}

/** Null when there is none. Throws when it is no secret. */
export function readSecret(): Buffer | null {
  const file = secretFile();
  let secret: Buffer;
  try {
    secret = readFileSync(contentOf(file));
    if ((statSync(contentOf(file)).mode & OTHERS) !== 0)
      throw new Error(
        `${file} can be read by others: it is the owner's secret. Delete it, and the next \`flamingo run\` makes another`,
      );
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
  if (secret.length !== BYTES)
    throw new Error(`${file} is no secret of ${BYTES} bytes: delete it, and the next \`flamingo run\` makes one`);
  return secret;
}

/** Of two commands that make it at once both get the one that stands. */
function makeSecret(): Buffer {
  const file = secretFile();
  privateFolderSync(dirname(file));
  const mine = `${file}.${randomUUID()}`;
  try {
    writeFileSync(mine, randomBytes(BYTES), { mode: PRIVATE_FILE, flag: 'wx' });
    createExclusive(mine, file);
  } finally {
    rmSync(mine, { force: true });
  }
  return readSecret() as Buffer;
}
