/** Where set-up puts things, and what the rest of the program says when one is missing. */
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cacheFolder, dataFolder, installationRoot } from '../../../workers/places';
import { NotSetUp } from '../../../gpu-activities/process/not-set-up';
import { bundledModelPath, pythonPath } from '../../../workers/toolchain';
import * as locations from '../../../tools/locations.cjs';

const before = { ...process.env };
let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'flamingo-locations-'));
  process.env['FLAMINGO_CACHE'] = join(folder, 'cache');
  delete process.env['TEMPORAL_CLI_PATH'];
  delete process.env['FLAMINGO_TRAINER_PYTHON'];
});
afterEach(() => {
  process.env = { ...before };
  rmSync(folder, { recursive: true, force: true });
});

/** A program that answers `--version` as the Temporal CLI of that server version does. */
function fakeTemporal(path: string, server: string): string {
  mkdirSync(join(path, '..'), { recursive: true });
  writeFileSync(path, `#!/bin/sh\necho "temporal version 0.0.0-DEV (Server ${server}, UI 2.50.1)"\n`);
  chmodSync(path, 0o755);
  return path;
}

it('finds the cache and the data folder where the environment says', () => {
  expect(cacheFolder()).toBe(join(folder, 'cache'));
  delete process.env['FLAMINGO_CACHE'];
  process.env['XDG_CACHE_HOME'] = '/var/tmp/xdg';
  expect(cacheFolder()).toBe('/var/tmp/xdg/flamingo');
  process.env['FLAMINGO_HOME'] = folder;
  expect(dataFolder()).toBe(folder);
  expect(installationRoot()).toBe(join(__dirname, '..', '..', '..'));
});

it.each([
  ['1.31.2', '1.31', true],
  ['1.30.9', '1.31', false],
  ['2.0', '1.31.5', true],
  ['1.31', '1.31.1', false],
  ['3.11.7+', '3.11', true],
  ['3.9.18', '3.11', false],
  ['1.26.8', '1.26.4', true],
])('atLeast(%s, %s) is %s', (version, minimum, expected) => {
  expect(locations.atLeast(version, minimum)).toBe(expected);
});

it('names the environment by its lock, and counts one without its marker as unfinished', () => {
  const python = locations.environmentPython();
  expect(python).toMatch(/cache\/python\/[0-9a-f]{12}-[a-z0-9-]+\/bin\/python$/);
  mkdirSync(join(python, '..'), { recursive: true });
  writeFileSync(python, '');
  expect(pythonPath).toThrow(NotSetUp);
  expect(pythonPath).toThrow('npm run setup');
  writeFileSync(locations.environmentMarker(), '{}');
  expect(pythonPath()).toBe(python);
});

it('says which model is missing, and which there are', () => {
  expect(() => bundledModelPath('smollm2-135m-instruct')).toThrow(/is missing \(.*models.*npm run setup/);
  expect(() => bundledModelPath('gpt-7')).toThrow(/no bundled model 'gpt-7'; known: smollm2-135m-instruct/);
  mkdirSync(locations.modelFolder('smollm2-135m-instruct'), { recursive: true });
  expect(bundledModelPath('smollm2-135m-instruct')).toContain(join(folder, 'cache', 'models'));
});

describe('the Temporal binary', () => {
  it('is the named one first, then a recent enough one on PATH, then the cached one', () => {
    fakeTemporal(locations.cachedTemporal(), '1.31.2');
    process.env['PATH'] = `${join(folder, 'bin')}:/usr/bin:/bin`;
    expect(locations.findTemporal()).toMatchObject({ from: 'cache', server: '1.31.2', passedOver: null });
    fakeTemporal(join(folder, 'bin', 'temporal'), '1.32.0');
    expect(locations.findTemporal()).toMatchObject({ from: 'PATH', server: '1.32.0' });
    process.env['TEMPORAL_CLI_PATH'] = fakeTemporal(join(folder, 'mine'), '1.31.5');
    expect(locations.findTemporal()).toMatchObject({ from: 'TEMPORAL_CLI_PATH', path: join(folder, 'mine') });
  });

  it('passes over an old one on PATH and says so, but refuses an old one that was named', () => {
    process.env['PATH'] = `${join(folder, 'bin')}:/usr/bin:/bin`;
    const old = fakeTemporal(join(folder, 'bin', 'temporal'), '1.29.1');
    expect(locations.findTemporal()).toMatchObject({
      path: null,
      passedOver: expect.stringContaining('server 1.29.1'),
    });
    process.env['TEMPORAL_CLI_PATH'] = old;
    expect(() => locations.findTemporal()).toThrow(/has server 1.29.1, needed is 1.31 or newer/);
  });
});
