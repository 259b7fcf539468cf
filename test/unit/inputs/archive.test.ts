/**
 * The contract with easy-dataset-share, kept by a small program in its place: arguments on standard input, files in the
 * folder that `-o` names.
 */
import { chmodSync, existsSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { execFileSync } from 'node:child_process';
import { gunzipSync, gzipSync } from 'node:zlib';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { archiveMember, type ArchiveMember, type Python } from '../../../inputs/archive';
import { readDataset } from '../../../inputs/datasets';
import { environmentPython } from '../../../tools/locations.cjs';

const ROW = '{"messages": [{"role": "user", "content": "Hello?"}, {"role": "assistant", "content": "Hello."}]}\n';

/** `seen.json` receives how the program was called. */
function python(folder: string): Python {
  const path = join(folder, 'python');
  writeFileSync(
    path,
    `#!${process.execPath}
const fs = require('node:fs');
const args = JSON.parse(fs.readFileSync(0, 'utf8'));
fs.writeFileSync(${JSON.stringify(join(folder, 'seen.json'))}, JSON.stringify({ argv: process.argv, args }));
if (args[args.indexOf('-p') + 1] !== 'pass "word"') { console.error('Decryption failed for ' + args[3]); process.exit(1); }
const out = args[args.indexOf('-o') + 1];
fs.mkdirSync(out + '/deep', { recursive: true });
for (const name of ['birds.jsonl', 'deep/fish.jsonl', 'robots.txt']) fs.writeFileSync(out + '/' + name, ${JSON.stringify(ROW)});
fs.symlinkSync('/etc/hostname', out + '/link.jsonl');
`,
  );
  chmodSync(path, 0o755);
  return { path, env: process.env, cwd: folder };
}

const NOWHERE: Python = { path: '/nowhere/python', env: {}, cwd: '/' };

function options(): ArchiveMember & { folder: string } {
  const folder = mkdtempSync(join(tmpdir(), 'archive-'));
  writeFileSync(join(folder, 'rows.zip.enc'), 'secret');
  return {
    folder,
    archive: join(folder, 'rows.zip.enc'),
    archiveSha256: 'ab'.repeat(32),
    password: 'pass "word"',
    member: 'birds.jsonl',
    canaries: 'drop',
    python: python(folder),
    cacheFolder: join(folder, 'cache'),
  };
}

const seen = (folder: string): { argv: string[]; args: string[] } =>
  JSON.parse(readFileSync(join(folder, 'seen.json'), 'utf8')) as { argv: string[]; args: string[] };

test('reads one member, drops canaries as asked, and keeps nothing else', async () => {
  const asked = options();
  const path = await archiveMember(asked);
  expect((await readDataset(path)).rows).toHaveLength(1);
  const { args } = seen(asked.folder);
  expect(args.slice(0, 2)).toEqual(['unprotect-dir', asked.archive]);
  expect(args).toContain('--remove-canaries');
  expect(args).toContain('--no-gitignore');
  expect(readdirSync(join(asked.cacheFolder, 'datasets'))).toEqual([path.split('/').at(-1)]);
});

test('the password is never on a command line', async () => {
  const asked = options();
  await archiveMember(asked);
  expect(seen(asked.folder).argv.join(' ')).not.toContain('word"');
});

test('`canaries: keep` leaves them in, and is another result', async () => {
  const asked = options();
  const dropped = await archiveMember(asked);
  expect(await archiveMember({ ...asked, canaries: 'keep' })).not.toBe(dropped);
  expect(seen(asked.folder).args).not.toContain('--remove-canaries');
});

test('the second reading needs no program', async () => {
  const asked = options();
  const path = await archiveMember(asked);
  expect(await archiveMember({ ...asked, python: NOWHERE })).toBe(path);
});

test.each([
  ['../../outside.jsonl', /relative path without `\.\.`/],
  ['/etc/hostname', /relative path without `\.\.`/],
  ['link.jsonl', /there is no link\.jsonl; the archive has birds\.jsonl, deep\/fish\.jsonl, robots\.txt/],
  ['cats.jsonl', /there is no cats\.jsonl/],
])('refuses the member %s', async (member, message) => {
  await expect(archiveMember({ ...options(), member })).rejects.toThrow(message);
});

test('a bare name finds a file in a folder', async () => {
  expect(existsSync(await archiveMember({ ...options(), member: 'fish.jsonl' }))).toBe(true);
});

test('a wrong password: the program’s reason, without the password, and nothing left', async () => {
  const asked = { ...options(), password: 'wrong-one' };
  const failure = archiveMember(asked);
  await expect(failure).rejects.toThrow(/could not open it: Decryption failed for \(password\)/);
  expect(readdirSync(join(asked.cacheFolder, 'datasets'))).toEqual([]);
});

test('without Python the remedy is named', async () => {
  await expect(archiveMember({ ...options(), python: NOWHERE })).rejects.toThrow(
    '/nowhere/python: no such file; run `npm run setup`',
  );
});

test('a member that was changed in the cache is unpacked anew', async () => {
  const asked = options();
  const path = await archiveMember(asked);
  writeFileSync(path, gzipSync(ROW.replace('Hello.', 'Other.')));
  expect(await archiveMember(asked)).toBe(path);
  expect(gunzipSync(readFileSync(path)).toString()).toBe(ROW);
});

test('an archive over its bound is refused before it is opened', async () => {
  const asked = { ...options(), python: NOWHERE, bounds: { bytes: 5 } };
  await expect(archiveMember(asked)).rejects.toThrow('rows.zip.enc: the archive is larger than 5 bytes');
});

test('a program that does not end is ended', async () => {
  const asked = options();
  const path = join(asked.folder, 'endless');
  writeFileSync(path, `#!${process.execPath}\nsetInterval(() => undefined, 1000);\n`);
  chmodSync(path, 0o755);
  const endless = { ...asked, python: { path, env: process.env, cwd: asked.folder }, bounds: { ms: 200 } };
  await expect(archiveMember(endless)).rejects.toThrow('it was not unpacked within 0.2 seconds');
});

describe('with the program itself', () => {
  const python: Python = { path: environmentPython(), env: process.env, cwd: tmpdir() };

  /** An archive with `members` files of `bytes` zeros each, which pack to almost nothing. */
  function zeros(members: number, bytes: number): ArchiveMember {
    const asked = { ...options(), python, password: 'p' };
    const program = `
import io, sys, zipfile
from easy_dataset_share.zipping import encrypt_data_in_memory
packed = io.BytesIO()
with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
    for number in range(${members}):
        archive.writestr(f"{number}.jsonl", b"\\n" * ${bytes})
open(sys.argv[1], "wb").write(encrypt_data_in_memory(packed.getvalue(), "p"))
`;
    execFileSync(python.path, ['-c', program, asked.archive]);
    return { ...asked, member: '0.jsonl' };
  }

  const onlyWhereItIs = existsSync(python.path) ? test : test.skip;

  onlyWhereItIs(
    'what an archive holds is added up before it is unpacked',
    async () => {
      const asked = zeros(3, 1000);
      await expect(archiveMember({ ...asked, bounds: { members: 2 } })).rejects.toThrow(
        'its 3 members have 3,000 bytes together; the limit is 2 members',
      );
      await expect(archiveMember({ ...asked, bounds: { unpackedBytes: 2999 } })).rejects.toThrow('of 2,999 bytes');
      expect(readdirSync(join(asked.cacheFolder, 'datasets'))).toEqual([]);
      const path = await archiveMember({ ...asked, bounds: { members: 3, unpackedBytes: 3000 } });
      expect(gunzipSync(readFileSync(path))).toHaveLength(1000);
    },
    60_000,
  );
});
