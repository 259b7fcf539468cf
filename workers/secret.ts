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
import { ALLOWANCES, type Allowance } from '../experiment/demands';
import { dataFolder } from './places';

const BYTES = 32;
const OTHERS = 0o077;

/** What this worker does for whom. Throws when the environment does not say it as it should. */
export function clientRules(): ClientRules {
  return { secret: readSecret, allowed: allowedByEnvironment(process.env) };
}

/**
 * What workers with this environment do for every client. Throws when FLAMINGO_ALLOW_CLIENTS has a word that means nothing,
 * and when a variable is set that it took the place of: a worker that silently refuses is hard to find.
 */
export function allowedByEnvironment(env: NodeJS.ProcessEnv): ReadonlySet<Allowance> {
  const words = env['FLAMINGO_ALLOW_CLIENTS'] ?? '';
  if (env['FLAMINGO_ALLOW_COMMANDS'] === '1') throw replaced('FLAMINGO_ALLOW_COMMANDS=1', 'commands');
  if (env['FLAMINGO_ALLOW_PRIVATE_URLS'] === '1') throw replaced('FLAMINGO_ALLOW_PRIVATE_URLS=1', 'private-urls');
  const allowed = words.split(',').flatMap((part): Allowance[] => {
    const word = part.trim();
    if (word === '') return [];
    const known = ALLOWANCES.find((each) => each === word);
    if (known === undefined)
      throw new Error(`FLAMINGO_ALLOW_CLIENTS=${words}: expected some of ${ALLOWANCES.join(', ')}, between commas`);
    return known === 'private-urls' ? ['urls', known] : [known];
  });
  return new Set(allowed);
}

function replaced(setting: string, word: Allowance): Error {
  return new Error(
    `${setting} is no longer read: unset it. FLAMINGO_ALLOW_CLIENTS=${word} (words between commas) does that for every client ` +
      'of the server; what the owner’s own commands start needs neither (SECURITY.md)',
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
    if ((statSync(mine).mode & OTHERS) !== 0) {
      throw new Error(
        `the file system of ${dirname(file)} keeps no permissions, so everybody could read the owner's secret there: ` +
          'name a file on another one in FLAMINGO_SECRET_FILE, such as ~/.config/flamingo-secret',
      );
    }
    createExclusive(mine, file);
  } finally {
    rmSync(mine, { force: true });
  }
  return readSecret() as Buffer;
}
