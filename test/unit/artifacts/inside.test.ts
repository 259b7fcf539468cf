import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isInside, realPathInside } from '../../../artifacts/inside';

let root: string;
let outside: string;

beforeEach(() => {
  const base = realpathSync(mkdtempSync(join(tmpdir(), 'inside-')));
  [root, outside] = [join(base, 'root'), join(base, 'outside')];
  mkdirSync(join(root, 'sub'), { recursive: true });
  mkdirSync(outside);
  writeFileSync(join(root, 'sub', 'file'), '');
  symlinkSync(root, join(base, 'alias'));
  symlinkSync(outside, join(root, 'out'));
  symlinkSync(join(root, 'sub'), join(root, 'in'));
  symlinkSync(join(outside, 'not-yet'), join(root, 'dangling'));
  symlinkSync('circle', join(root, 'circle'));
});
afterEach(() => rmSync(join(root, '..'), { recursive: true }));

test.each([
  ['/a', '/a', true],
  ['/a', '/a/b/c', true],
  ['/a', '/a/..b', true],
  ['/a', '/ab', false],
  ['/a', '/', false],
  ['/a/b', '/a', false],
  ['/a', '/b', false],
])('by name: in %s lies %s: %s', (folder, path, expected) => expect(isInside(folder, path)).toBe(expected));

test.each([
  ['.', '.'],
  ['sub/file', 'sub/file'],
  ['sub/../sub/file', 'sub/file'],
  ['not/there/yet', 'not/there/yet'],
  ['in/file', 'sub/file'],
  ['in/new', 'sub/new'],
  ['..sub', '..sub'],
])('inside: %s', async (path, place) => expect(await realPathInside(root, path)).toBe(join(root, place)));

test('an absolute path, and a folder that is reached by a link, are followed', async () => {
  const alias = join(root, '..', 'alias');
  expect(await realPathInside(root, join(alias, 'sub', 'file'))).toBe(join(root, 'sub', 'file'));
  expect(await realPathInside(alias, 'new')).toBe(join(root, 'new'));
  expect(await realPathInside(alias, join(root, 'new'))).toBe(join(root, 'new'));
});

test.each([
  '..',
  '../outside',
  '/etc',
  'out',
  'out/new',
  'out/../../outside',
  'dangling',
  'circle',
  'sub/file/x',
  'a\0b',
])('outside, or nowhere: %j', async (path) => expect(await realPathInside(root, path)).toBeNull());
