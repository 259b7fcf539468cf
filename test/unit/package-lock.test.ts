/**
 * package-lock.json must install on every platform and from any registry. npm leaves out packages for other platforms
 * when the registry that it was written from lacks them, and `npm ci` fails there.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { installationRoot } from '../../workers/places';

interface Entry {
  version: string;
  resolved?: string;
  integrity?: string;
  optional?: boolean;
  dependencies?: Record<string, string>;
  optionalDependencies?: Record<string, string>;
}

const read = (file: string): unknown => JSON.parse(readFileSync(join(installationRoot(), file), 'utf8'));
const { packages } = read('package-lock.json') as { packages: Record<string, Entry> };
const manifest = read('package.json') as {
  dependencies: Record<string, string>;
  devDependencies: Record<string, string>;
};

/** The entry that `name` resolves to for the package at `from`, as Node looks upwards. */
function resolved(from: string, name: string): Entry | undefined {
  for (let at = from; ; at = at.slice(0, Math.max(0, at.lastIndexOf('/node_modules/')))) {
    const entry = packages[at === '' ? `node_modules/${name}` : `${at}/node_modules/${name}`];
    if (entry !== undefined || at === '') return entry;
  }
}

it('holds every optional package of every package: the builds for all platforms', () => {
  const wanted = Object.entries(packages).flatMap(([path, { optionalDependencies }]) =>
    Object.keys(optionalDependencies ?? {}).map((name) => ({ path, name })),
  );
  expect(wanted.length).toBeGreaterThan(40);
  expect(wanted.filter(({ path, name }) => resolved(path, name) === undefined)).toEqual([]);
});

it.each([
  [
    '@swc/core',
    '1.16.18',
    ['darwin-arm64', 'darwin-x64', 'linux-arm64-gnu', 'linux-x64-gnu', 'linux-x64-musl', 'win32-x64-msvc'],
  ],
  [
    'unrs-resolver',
    '1.12.2',
    ['darwin-arm64', 'darwin-x64', 'linux-arm64-gnu', 'linux-x64-gnu', 'linux-x64-musl', 'win32-x64-msvc'],
  ],
])('holds %s %s with its builds', (name, version, platforms) => {
  expect(packages[`node_modules/${name}`]?.version).toBe(version);
  const prefix = name === '@swc/core' ? '@swc/core-' : '@unrs/resolver-binding-';
  for (const platform of platforms) expect(packages[`node_modules/${prefix}${platform}`]).toMatchObject({ version });
});

it('names no registry but the public one, and has a hash for every package', () => {
  for (const [path, entry] of Object.entries(packages)) {
    if (path === '') continue;
    if (entry.resolved !== undefined) expect(entry.resolved).toMatch(/^https:\/\/registry\.npmjs\.org\//);
    expect(`${path} ${entry.integrity}`).toMatch(/ sha512-/);
  }
});

it('pins every direct dependency exactly, and all of Temporal to one version', () => {
  const direct = { ...manifest.dependencies, ...manifest.devDependencies };
  for (const [name, version] of Object.entries(direct)) {
    expect(`${name} ${version}`).toMatch(/ \d+\.\d+\.\d+$/);
    expect(packages[`node_modules/${name}`]?.version).toBe(version);
  }
  const temporal = Object.keys(packages).filter((path) => path.includes('@temporalio/'));
  expect(new Set(temporal.map((path) => packages[path]?.version)).size).toBe(1);
  // two copies of protobufjs break the replay of JSON histories
  expect(Object.keys(packages).filter((path) => path.endsWith('/protobufjs'))).toEqual(['node_modules/protobufjs']);
});
