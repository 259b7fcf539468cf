/** The build and its staleness check, on a small tree of its own. */
import { execFile, execFileSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { installationRoot } from '../../../workers/places';
import { isStale } from '../../../tools/staleness.cjs';

const BUILD = join(installationRoot(), 'tools', 'build.mjs');
const run = promisify(execFile);
let root: string;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'flamingo-build-'));
  put('package-lock.json', '{}');
  put('cli/main.ts', `import { answer } from '../experiment/answer';\nconsole.log(answer satisfies number);\n`);
  put('experiment/answer.ts', `export const answer: number = 42;\n`);
  symlinkSync(join(installationRoot(), 'node_modules'), join(root, 'node_modules'));
});

afterEach(() => rmSync(root, { recursive: true, force: true }));

function put(path: string, content: string): void {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), content);
}

function build(): Promise<{ stderr: string }> {
  const script = `import(${JSON.stringify(BUILD)}).then(({ build }) => build({ root: ${JSON.stringify(root)} }))`;
  return run(process.execPath, ['-e', script]);
}

const runMain = (): string =>
  execFileSync(process.execPath, [join(root, 'dist/cli/main.js')], { encoding: 'utf8' }).trim();

it('builds what is missing, and nothing when nothing changed', async () => {
  expect(isStale(root)).toBe(true);
  expect((await build()).stderr).toContain('built 2 files');
  expect(runMain()).toBe('42');
  expect(isStale(root)).toBe(false);
  expect((await build()).stderr).toBe('');
});

it('compiles a changed file alone, and removes what a deleted one left', async () => {
  await build();
  const untouched = statSync(join(root, 'dist/cli/main.js')).mtimeMs;
  put('experiment/answer.ts', `export const answer: number = 7;\n`);
  put('experiment/extra.ts', `export const extra = 1;\n`);
  expect(isStale(root)).toBe(true);
  await build();
  expect(runMain()).toBe('7');
  expect(statSync(join(root, 'dist/cli/main.js')).mtimeMs).toBe(untouched);
  rmSync(join(root, 'experiment/extra.ts'));
  expect(isStale(root)).toBe(true);
  await build();
  expect(existsSync(join(root, 'dist/experiment/extra.js'))).toBe(false);
});

it('notices a file that was replaced by an older one of the same size', async () => {
  await build();
  put('experiment/answer.ts', `export const answer: number = 41;\n`);
  utimesSync(join(root, 'experiment/answer.ts'), new Date('2020-01-01'), new Date('2020-01-01'));
  expect(isStale(root)).toBe(true);
});

it('counts an interrupted build as stale: the stamp goes first and comes last', async () => {
  await build();
  put('experiment/answer.ts', `export const answer: number = ;\n`);
  await expect(build()).rejects.toThrow(/answer\.ts/);
  expect(existsSync(join(root, 'dist/build-stamp.json'))).toBe(false);
  put('experiment/answer.ts', `export const answer: number = 8;\n`);
  await build();
  expect(runMain()).toBe('8');
});

it('is made once when several processes start at the same time', async () => {
  const ends = await Promise.all([build(), build(), build()]);
  expect(ends.filter(({ stderr }) => stderr.includes('built'))).toHaveLength(1);
  expect(runMain()).toBe('42');
  expect(existsSync(join(root, 'dist/.lock'))).toBe(false);
});

it('is never stale where there are no sources, as in an image', () => {
  rmSync(join(root, 'cli'), { recursive: true });
  expect(isStale(root)).toBe(false);
});

it('loads what a file of the command line imports when it is first used, and no sooner', async () => {
  put('experiment/heavy.ts', `console.log('loaded');\nexport const heavy = 'used';\n`);
  put(
    'cli/main.ts',
    `import {\n  heavy,\n} from '../experiment/heavy';\nconsole.log('started');\nif (process.argv[2]) console.log(heavy);\n`,
  );
  await build();
  const main = join(root, 'dist/cli/main.js');
  expect(runMain()).toBe('started');
  expect(execFileSync(process.execPath, [main, 'x'], { encoding: 'utf8' })).toBe('started\nloaded\nused\n');
});

it('leaves a dynamic import to Node, which can load vega only so', async () => {
  put(
    'cli/main.ts',
    `import pLimit from 'p-limit';
     void import('vega').then(async (vega) => console.log(await pLimit(1)(async () => typeof vega.View)));`,
  );
  await build();
  expect(runMain()).toBe('function');
  expect(readFileSync(join(root, 'dist/cli/main.js'), 'utf8')).toContain("import('vega')");
});

it('bundles the style and the script of the page, and again when anything beside them changes', async () => {
  put('report/page/words.ts', `export const word: string = 'tea';\n`);
  put('report/page/script.ts', `import { word } from './words';\ndocument.title = word;\n`);
  put('report/page/page.css', 'p { color: red }\n');
  put('report/page/tsconfig.json', '{}');
  await build();
  const script = (): string => readFileSync(join(root, 'dist/report/page/script.js'), 'utf8');
  const style = (): string => readFileSync(join(root, 'dist/report/page/page.css'), 'utf8');
  expect(script()).toMatch(/^\(\(\) => \{.*"tea".*\}\)\(\);\n$/s);
  expect(script()).not.toMatch(/require|import|export/);
  expect(style()).toMatch(/p \{\s+color: red;\s+\}/);
  expect(existsSync(join(root, 'dist/report/page/tsconfig.json'))).toBe(false);
  put('report/page/words.ts', `export const word: string = 'cake';\n`);
  await build();
  expect(script()).toContain('"cake"');
  put('report/page/page.css', 'p { color: blue }\n');
  expect(isStale(root)).toBe(true);
  await build();
  expect(style()).toContain('blue');
});
