/** Set-up's way to uv: what pip is asked for, against a stand-in package index on this machine. */
import { execFile, execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { PINS } from '../../../tools/locations.cjs';
import { installationRoot } from '../../../workers/places';

const run = promisify(execFile);
const tools = join(installationRoot(), 'tools');
const requirements = join(tools, 'uv-requirements.txt');
let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'flamingo-uv-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

it('pins the version that set-up asks for, with a hash for each wheel', () => {
  const [pin, ...hashes] = readFileSync(requirements, 'utf8')
    .replaceAll(/^#.*\n/gm, '')
    .trim()
    .split(' \\\n');
  expect(pin).toBe(`uv==${PINS.uv}`);
  expect(hashes.length).toBeGreaterThan(4);
  for (const hash of hashes) expect(hash.trim()).toMatch(/^--hash=sha256:[0-9a-f]{64}$/);
});

/** A wheel that is called like the pinned uv and holds one program. */
function wheel(): string {
  const script = `
import sys, zipfile
with zipfile.ZipFile(sys.argv[1], 'w') as wheel:
    info = 'uv-${PINS.uv}.dist-info'
    wheel.writestr('uv-${PINS.uv}.data/scripts/uv', '#!/bin/sh\\necho uv ${PINS.uv}\\n')
    wheel.writestr(info + '/METADATA', 'Metadata-Version: 2.1\\nName: uv\\nVersion: ${PINS.uv}\\n')
    wheel.writestr(info + '/WHEEL', 'Wheel-Version: 1.0\\nGenerator: test\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n')
    wheel.writestr(info + '/RECORD', '')
`;
  mkdirSync(join(folder, 'index'));
  const path = join(folder, 'index', `uv-${PINS.uv}-py3-none-any.whl`);
  execFileSync('python3', ['-I', '-c', script, path]);
  return path;
}

/** Asks pip as set-up does, with nothing but that wheel to be found. Returns what pip said. */
async function install(asked: string[]): Promise<string> {
  const target = join(folder, 'target');
  const args = ['-I', '-m', 'pip', 'install', '--disable-pip-version-check', '--no-deps', '--target', target, ...asked];
  const env = { PATH: process.env['PATH'], PIP_NO_INDEX: '1', PIP_FIND_LINKS: join(folder, 'index') };
  return run('python3', args, { env }).then(
    ({ stdout }) => stdout,
    (error: { stdout: string; stderr: string }) => error.stdout + error.stderr,
  );
}

it('takes a wheel with a pinned hash, and refuses one with another', async () => {
  const path = wheel();
  const { HASHED } = (await run(process.execPath, [
    '-e',
    `import(${JSON.stringify(join(tools, 'python.mjs'))}).then(({ HASHED }) => console.log(JSON.stringify({ HASHED })))`,
  ]).then(({ stdout }) => JSON.parse(stdout))) as { HASHED: string[] };

  expect(await install(HASHED)).toMatch(/DO NOT MATCH THE HASHES/);
  expect(existsSync(join(folder, 'target'))).toBe(false);

  const own = join(folder, 'requirements.txt');
  const hash = createHash('sha256').update(readFileSync(path)).digest('hex');
  writeFileSync(own, `uv==${PINS.uv} --hash=sha256:${hash}\n`);
  await install(HASHED.map((argument) => (argument === requirements ? own : argument)));
  expect(existsSync(join(folder, 'target', 'bin', 'uv'))).toBe(true);
});
