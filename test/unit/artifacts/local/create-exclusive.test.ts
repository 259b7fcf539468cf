/**
 * Exclusive creation with hard links and, where link(2) is refused, without: whole, once, never replaced, also when creators
 * run side by side or are killed.
 */
import { spawn } from 'node:child_process';
import fs, { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { transformFileSync } from '@swc/core';
import {
  createExclusive,
  readExclusive,
  removeExclusive,
  replaceExclusive,
  wayIn,
} from '../../../../artifacts/local/create-exclusive';

let folder: string;
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'exclusive-'))));
afterEach(() => {
  jest.restoreAllMocks();
  rmSync(folder, { recursive: true });
});

function refuseLinks(code = 'EPERM'): void {
  jest.spyOn(fs, 'linkSync').mockImplementation(() => {
    throw Object.assign(new Error(`${code}: link`), { code });
  });
}

function finished(text: string): string {
  const path = join(folder, `finished-${text}`);
  writeFileSync(path, text);
  return path;
}

describe.each<[string, () => void]>([
  ['with hard links', () => undefined],
  ['without', refuseLinks],
])('%s', (way, begin) => {
  beforeEach(begin);

  test('the first stays, whole, and nothing else is left', () => {
    const place = join(folder, 'place');
    expect(createExclusive(finished('a'), place)).toBe(true);
    expect(createExclusive(finished('b'), place)).toBe(false);
    expect(readExclusive(place)).toBe('a');
    expect(readdirSync(folder).sort()).toEqual(['finished-a', 'finished-b', 'place']);
    expect(statSync(place).isDirectory()).toBe(way === 'without');
  });

  test('it is replaced, removed, and may come again', () => {
    const place = join(folder, 'place');
    createExclusive(finished('a'), place);
    replaceExclusive(finished('b'), place);
    expect(readExclusive(place)).toBe('b');
    removeExclusive(place);
    removeExclusive(place);
    expect(() => readExclusive(place)).toThrow('ENOENT');
    replaceExclusive(finished('c'), place);
    expect(readExclusive(place)).toBe('c');
    expect(createExclusive(finished('d'), place)).toBe(false);
    expect(readExclusive(place)).toBe('c');
  });

  test('what was moved aside can come back, unless there is another', () => {
    const [place, aside] = [join(folder, 'place'), join(folder, 'aside')];
    createExclusive(finished('a'), place);
    fs.renameSync(place, aside);
    expect(createExclusive(aside, place)).toBe(true);
    expect(createExclusive(aside, place)).toBe(false);
    expect(readExclusive(place)).toBe('a');
  });

  test('which way it is, is tried out without a trace', () => {
    expect(wayIn(folder)).toBe(way === 'without' ? 'folders' : 'links');
    expect(readdirSync(folder)).toEqual([]);
  });
});

test('both ways respect each other', () => {
  const [linked, renamed] = [join(folder, 'linked'), join(folder, 'renamed')];
  createExclusive(finished('a'), linked);
  refuseLinks();
  createExclusive(finished('a'), renamed);
  expect(createExclusive(finished('b'), linked)).toBe(false);
  jest.restoreAllMocks();
  expect(createExclusive(finished('b'), renamed)).toBe(false);
  expect([linked, renamed].map(readExclusive)).toEqual(['a', 'a']);
});

test.each(['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK', 'EXDEV'])('%s means no links', (code) => {
  refuseLinks(code);
  expect(createExclusive(finished('a'), join(folder, 'place'))).toBe(true);
});

test('a full disk is no lack of links', () => {
  refuseLinks('ENOSPC');
  expect(() => createExclusive(finished('a'), join(folder, 'place'))).toThrow('ENOSPC');
});

test('where neither works the reason is the system’s', () => {
  refuseLinks();
  jest.spyOn(fs, 'renameSync').mockImplementation(() => {
    throw Object.assign(new Error('EIO: rename'), { code: 'EIO' });
  });
  expect(() => wayIn(folder)).toThrow('EIO');
  expect(readdirSync(folder)).toEqual([]);
});

const PLACES = 60;
const LENGTH = 200_000;

/** Creates all places, each with `LENGTH` times its own letter, and prints the number of each that it is told it was first at. */
function creator(letter: string): Promise<{ won: number[]; kill: () => void }> & { kill: () => void } {
  const module = join(folder, 'create-exclusive.js');
  const options = { jsc: { parser: { syntax: 'typescript' as const } }, module: { type: 'commonjs' as const } };
  const source = join(__dirname, '../../../../artifacts/local/create-exclusive.ts');
  writeFileSync(module, transformFileSync(source, options).code);
  const program = `
    const fs = require('node:fs');
    fs.linkSync = () => { throw Object.assign(new Error('EPERM'), { code: 'EPERM' }); };
    const { createExclusive } = require(${JSON.stringify(module)});
    const own = ${JSON.stringify(join(folder, `own-${letter}`))};
    fs.writeFileSync(own, ${JSON.stringify(letter)}.repeat(${LENGTH}));
    for (let number = 0; number < ${PLACES}; number++) {
      if (createExclusive(own, ${JSON.stringify(join(folder, 'places'))} + '/' + number)) fs.writeSync(1, number + '\\n');
    }
  `;
  const child = spawn(process.execPath, ['-e', program], { stdio: ['ignore', 'pipe', 'inherit'] });
  let said = '';
  child.stdout.on('data', (chunk: Buffer) => (said += chunk.toString()));
  const kill = (): void => void child.kill('SIGKILL');
  const ended = new Promise<{ won: number[]; kill: () => void }>((resolve) =>
    child.on('close', () => resolve({ won: said.split('\n').slice(0, -1).map(Number), kill })),
  );
  return Object.assign(ended, { kill });
}

const winnerOf = (number: number): string => {
  const text = readFileSync(join(folder, 'places', String(number), 'content'), 'utf8');
  expect(text).toBe((text[0] as string).repeat(LENGTH));
  return text[0] as string;
};

test('of processes side by side exactly one is told that it was the first, and its bytes are there', async () => {
  mkdirSync(join(folder, 'places'));
  const letters = ['a', 'b', 'c', 'd'];
  const all = await Promise.all(letters.map(creator));
  const told = all.flatMap(({ won }, index) => won.map((number) => [number, letters[index]] as const));
  expect(told.map(([number]) => number).sort((a, b) => a - b)).toEqual(Array.from({ length: PLACES }, (_, at) => at));
  for (const [number, letter] of told) expect(winnerOf(number)).toBe(letter);
  expect(readdirSync(join(folder, 'places'))).toHaveLength(PLACES);
}, 60_000);

test('a process that is killed leaves each place whole or empty, and others go on', async () => {
  mkdirSync(join(folder, 'places'));
  for (let round = 0; round < 6; round++) {
    const dying = creator('x');
    setTimeout(dying.kill, 60 + 15 * round);
    await dying;
    for (const name of readdirSync(join(folder, 'places'))) if (/^\d+$/.test(name)) winnerOf(Number(name));
  }
  const before = readdirSync(join(folder, 'places'))
    .filter((name) => /^\d+$/.test(name))
    .map(Number);
  const { won } = await creator('y');
  expect([...before, ...won].sort((a, b) => a - b)).toEqual(Array.from({ length: PLACES }, (_, at) => at));
  for (const number of before) expect(winnerOf(number)).toBe('x');
  for (const number of won) expect(winnerOf(number)).toBe('y');
}, 60_000);
