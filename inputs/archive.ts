/**
 * Reads one file out of a password-protected archive of easy-dataset-share, by that very program.
 *
 * Such archives keep text away from scrapers. So what is unpacked goes to a private folder that is removed at once, and
 * only the one member asked for is kept, packed, in the cache.
 */
import { spawn } from 'node:child_process';
import { chmod, mkdir, mkdtemp, opendir, readdir, realpath, rename, rm, stat, writeFile } from 'node:fs/promises';
import { basename, isAbsolute, join, posix, sep } from 'node:path';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { hashFile } from '../artifacts/hash-file';
import { keyOf, sha256, type Sha256 } from '../experiment/canonical';
import { inBytes, readBytes, reason, unreadable, UnreadableInput } from './files';
import {
  MAX_ARCHIVE_BYTES,
  MAX_ARCHIVE_MEMBERS,
  MAX_ARCHIVE_MS,
  MAX_DATASET_BYTES,
  MAX_UNPACKED_BYTES,
} from './limits';

/** An interpreter with easy-dataset-share (that of the trainer's environment), and the variables that it runs with. */
export interface Python {
  path: string;
  env: NodeJS.ProcessEnv;
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
  /** What opening it may take; default: limits.ts. */
  bounds?: Partial<ArchiveBounds>;
}

interface ArchiveBounds {
  /** Of the archive. */
  bytes: number;
  /** Of its members together. */
  unpackedBytes: number;
  members: number;
  ms: number;
}

const BOUNDS: ArchiveBounds = {
  bytes: MAX_ARCHIVE_BYTES,
  unpackedBytes: MAX_UNPACKED_BYTES,
  members: MAX_ARCHIVE_MEMBERS,
  ms: MAX_ARCHIVE_MS,
};

const pack = promisify(gzip);

/** The program's exit code for an archive that is over a bound. */
const OVER_BOUND = 71;

/**
 * Arguments come on standard input: a command line is seen by every user of the machine, and it has the password. The
 * program unpacks everything; so what the archive says of its members is added up first, and zipfile gives no more of
 * a member than that. SystemExit, because the program takes any Exception for a wrong password.
 */
const PROGRAM = `
import json, sys, zipfile
from easy_dataset_share.cli import cli

most_bytes, most_members = map(int, sys.argv[1:])
unpack = zipfile.ZipFile.extractall

def bounded(self, *args, **kwargs):
    members = self.infolist()
    size = sum(member.file_size for member in members)
    if size > most_bytes or len(members) > most_members:
        print(f"its {len(members):,} members have {size:,} bytes together", file=sys.stderr)
        raise SystemExit(${OVER_BOUND})
    return unpack(self, *args, **kwargs)

zipfile.ZipFile.extractall = bounded
cli(json.load(sys.stdin), prog_name="easy-dataset-share")
`;

/**
 * Path of the member as a gzipped file in the cache, whose name has the hash of its bytes: one that was changed there is
 * unpacked anew. Throws `UnreadableInput`.
 */
export async function archiveMember(options: ArchiveMember): Promise<string> {
  const { archiveSha256, member, canaries } = options;
  checkMember(member);
  const folder = join(options.cacheFolder, 'datasets');
  const key = keyOf({ archiveSha256, member, canaries });
  await mkdir(folder, { recursive: true });
  const cached = await intactMember(folder, key);
  if (cached !== null) return cached;
  const bounds = { ...BOUNDS, ...options.bounds };
  const { size } = await stat(options.archive);
  if (size > bounds.bytes) {
    throw unreadable(`${options.archive}: the archive is larger than ${inBytes(bounds.bytes)}, which is the limit`);
  }
  const unpacked = await mkdtemp(join(folder, 'unpacking-'));
  try {
    await chmod(unpacked, 0o700);
    await unprotect(options, bounds, unpacked);
    const label = `${options.archive}: ${member}`;
    const file = await findMember(unpacked, member, options.archive);
    const packed = await pack(await readBytes(file, MAX_DATASET_BYTES, { label, packed: true }));
    const target = join(folder, `${key}-${sha256(packed)}.jsonl.gz`);
    await writeFile(join(unpacked, 'member.gz'), packed);
    await rename(join(unpacked, 'member.gz'), target);
    return target;
  } finally {
    await rm(unpacked, { recursive: true, force: true });
  }
}

/** The cached member, if it is there and its bytes are those of its name; one that is not is removed. */
async function intactMember(folder: string, key: Sha256): Promise<string | null> {
  for await (const { name } of await opendir(folder)) {
    const hash = name.startsWith(key) ? /-([0-9a-f]{64})\.jsonl\.gz$/.exec(name)?.[1] : undefined;
    if (hash === undefined) continue;
    const path = join(folder, name);
    if ((await hashFile(path)) === hash) return path;
    await rm(path);
  }
  return null;
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

async function unprotect(
  { archive, password, canaries, python }: ArchiveMember,
  bounds: ArchiveBounds,
  folder: string,
): Promise<void> {
  const args = ['unprotect-dir', archive, '-p', password, '-o', folder, '--no-gitignore'];
  if (canaries === 'drop') args.push('--remove-canaries');
  const { status, output, late } = await run(python, JSON.stringify(args), bounds);
  if (status === 0) return;
  if (late) throw unreadable(`${archive}: it was not unpacked within ${bounds.ms / 1000} seconds`);
  if (/No module named .?easy_dataset_share/.test(output)) {
    throw new UnreadableInput(`${python.path} has no easy-dataset-share: run \`npm run setup\``);
  }
  const last = output.trim().split('\n').at(-1)?.replaceAll(password, '(password)') ?? '';
  if (status === OVER_BOUND) {
    const most = `${bounds.members.toLocaleString('en')} members of ${inBytes(bounds.unpackedBytes)}`;
    throw unreadable(`${archive}: ${last}; the limit is ${most}`);
  }
  throw new UnreadableInput(`${archive}: easy-dataset-share could not open it: ${last}`);
}

/** `late`: it was ended because its time was over. */
async function run(
  { path, env }: Python,
  input: string,
  { unpackedBytes, members, ms }: ArchiveBounds,
): Promise<{ status: number | null; output: string; late: boolean }> {
  return new Promise((resolve, reject) => {
    const args = ['-c', PROGRAM, String(unpackedBytes), String(members)];
    const child = spawn(path, args, { stdio: ['pipe', 'pipe', 'pipe'], env: { ...env, PYTHONUTF8: '1' } });
    let late = false;
    const clock = setTimeout(() => (late = child.kill('SIGKILL')), ms);
    let output = '';
    const gather = (chunk: Buffer): void => {
      output = (output + chunk.toString('utf8')).slice(-16_384);
    };
    child.stdout.on('data', gather);
    child.stderr.on('data', gather);
    child.on('error', (error) => {
      clearTimeout(clock);
      reject(new UnreadableInput(`${path}: ${reason(error)}; run \`npm run setup\``));
    });
    child.on('close', (status) => {
      clearTimeout(clock);
      resolve({ status, output, late });
    });
    child.stdin.on('error', () => undefined); // the program may end before it reads; its status tells
    child.stdin.end(input);
  });
}
