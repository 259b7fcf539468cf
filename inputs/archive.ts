/**
 * Reads one file out of a password-protected archive of easy-dataset-share, by that very program.
 *
 * Such archives keep text away from scrapers. So what is unpacked goes to a private folder that is removed at once, and
 * only the one member asked for is kept, packed, in the cache.
 */
import { spawn } from 'node:child_process';
import { chmod, mkdtemp, readdir, readFile, realpath, rename, rm, writeFile } from 'node:fs/promises';
import { basename, isAbsolute, join, posix, resolve, sep } from 'node:path';
import { gzipSync } from 'node:zlib';
import { PRIVATE_FILE, privateFolder } from '../artifacts/private-files';
import { keyOf, type Sha256 } from '../experiment/canonical';
import { reason, unpack, UnreadableInput } from './files';

/** An interpreter with easy-dataset-share (that of the trainer's environment), and with which variables and where it runs. */
export interface Python {
  path: string;
  env: NodeJS.ProcessEnv;
  /** A folder in which nothing lies that Python would import. */
  cwd: string;
}

export interface ArchiveMember {
  archive: string;
  /** SHA-256 of the archive's bytes. */
  archiveSha256: Sha256;
  password: string;
  /** Path inside the archive. */
  member: string;
  canaries: 'drop' | 'keep';
  python: Python;
  cacheFolder: string;
}

/** Arguments come on standard input: a command line is seen by every user of the machine, and it has the password. */
const PROGRAM =
  'import json, sys; from easy_dataset_share.cli import cli; cli(json.load(sys.stdin), prog_name="easy-dataset-share")';

/** Path of the member as a gzipped file in the cache. Throws `UnreadableInput`. */
export async function archiveMember(options: ArchiveMember): Promise<string> {
  const { archiveSha256, member, canaries } = options;
  checkMember(member);
  const folder = join(options.cacheFolder, 'datasets');
  const target = join(folder, `${keyOf({ archiveSha256, member, canaries })}.jsonl.gz`);
  if ((await readIfThere(target)) !== null) return target;
  await privateFolder(folder);
  const unpacked = await mkdtemp(join(folder, 'unpacking-'));
  try {
    await chmod(unpacked, 0o700);
    await unprotect(options, unpacked);
    const bytes = await readFile(await findMember(unpacked, member, options.archive));
    await writeFile(join(unpacked, 'member.gz'), gzipSync(bytes), { mode: PRIVATE_FILE });
    await rename(join(unpacked, 'member.gz'), target);
    return target;
  } finally {
    await rm(unpacked, { recursive: true, force: true });
  }
}

function checkMember(member: string): void {
  const parts = member.split(/[/\\]/);
  if (isAbsolute(member) || posix.isAbsolute(member) || parts.includes('..') || parts.includes('')) {
    throw new UnreadableInput(`the archive member ${JSON.stringify(member)} must be a relative path without \`..\``);
  }
}

/** The member at its path, or the only file of that name when the path is a bare name. Never outside the folder. */
async function findMember(folder: string, member: string, archive: string): Promise<string> {
  const root = await realpath(folder);
  const files = (await readdir(root, { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
  const exact = files.filter((path) => path === join(root, ...member.split('/')));
  const found = exact.length > 0 ? exact : files.filter((path) => !member.includes('/') && basename(path) === member);
  const there = files
    .map((path) =>
      path
        .slice(root.length + 1)
        .split(sep)
        .join('/'),
    )
    .sort();
  const [path] = found;
  if (path === undefined || found.length > 1) {
    const what = found.length > 1 ? `${found.length} files are called` : 'there is no';
    throw new UnreadableInput(`${archive}: ${what} ${member}; the archive has ${there.join(', ') || 'no files'}`);
  }
  if (!(await realpath(path)).startsWith(root + sep))
    throw new UnreadableInput(`${archive}: ${member} points outside the archive`);
  return path;
}

async function unprotect({ archive, password, canaries, python }: ArchiveMember, folder: string): Promise<void> {
  const args = ['unprotect-dir', resolve(archive), '-p', password, '-o', resolve(folder), '--no-gitignore'];
  if (canaries === 'drop') args.push('--remove-canaries');
  const { status, output } = await run(python, JSON.stringify(args));
  if (status === 0) return;
  if (/No module named .?easy_dataset_share/.test(output)) {
    throw new UnreadableInput(`${python.path} has no easy-dataset-share: run \`npm run setup\``);
  }
  const last = output.trim().split('\n').at(-1)?.replaceAll(password, '(password)') ?? '';
  throw new UnreadableInput(`${archive}: easy-dataset-share could not open it: ${last}`);
}

async function run({ path, env, cwd }: Python, input: string): Promise<{ status: number | null; output: string }> {
  return new Promise((done, reject) => {
    const child = spawn(path, ['-c', PROGRAM], {
      cwd,
      stdio: ['pipe', 'pipe', 'pipe'],
      env: { ...env, PYTHONUTF8: '1' },
    });
    let output = '';
    const gather = (chunk: Buffer): void => {
      output = (output + chunk.toString('utf8')).slice(-16_384);
    };
    child.stdout.on('data', gather);
    child.stderr.on('data', gather);
    child.on('error', (error) => reject(new UnreadableInput(`${path}: ${reason(error)}; run \`npm run setup\``)));
    child.on('close', (status) => done({ status, output }));
    child.stdin.on('error', () => undefined); // the program may end before it reads; its status tells
    child.stdin.end(input);
  });
}

async function readIfThere(path: string): Promise<Buffer | null> {
  try {
    return unpack(await readFile(path), path);
  } catch {
    return null; // absent, or damaged: unpacked anew
  }
}
