/**
 * The check of the stack (.dependency-cruiser.cjs) refuses an upward import and a circle, and finds neither in this tree.
 */
import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { installationRoot } from '../../workers/places';
import { SOURCE_FOLDERS } from '../../tools/staleness.cjs';

const root = installationRoot();
let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'flamingo-stack-'));
  for (const file of ['.dependency-cruiser.cjs', 'tsconfig.json']) copyFileSync(join(root, file), join(folder, file));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function plant(files: Record<string, string>): void {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  }
}

/** What the check says of these folders; `code` is the number of violations. */
function check(cwd: string, folders: readonly string[]): { code: number | null; output: string } {
  const program = join(root, 'node_modules', 'dependency-cruiser', 'bin', 'dependency-cruise.mjs');
  const { status, stdout, stderr } = spawnSync(process.execPath, [program, '--output-type', 'err', ...folders], {
    cwd,
    encoding: 'utf8',
    env: { ...process.env, NO_COLOR: '1' },
  });
  return { code: status, output: stdout + stderr };
}

it('refuses an import from a floor above, of a type too', () => {
  plant({
    'cli/words.ts': 'export interface Words { text: string }\n',
    'experiment/spec.ts': "import type { Words } from '../cli/words';\nexport type Spec = Words;\n",
  });
  const { code, output } = check(folder, ['cli', 'experiment']);
  expect(output).toMatch(/\S+-imports-only-from-below: experiment\/spec\.ts → cli\/words\.ts/);
  expect(code).toBe(1);
});

it('refuses files that import one another in a circle', () => {
  plant({
    'judge/one.ts': "import { two } from './two';\nexport const one = (): number => two();\n",
    'judge/two.ts': "import { one } from './one';\nexport const two = (): number => one();\n",
  });
  const { code, output } = check(folder, ['judge']);
  expect(output).toMatch(/no-circular: judge\/one\.ts →/);
  expect(code).toBeGreaterThan(0);
});

it('refuses what an experiment and the tools may not know', () => {
  plant({
    'experiment/spec.ts': "import { readFileSync } from 'node:fs';\nexport const read = readFileSync;\n",
    'tools/set-up.cjs': "require('../judge/client.cjs');\n",
    'judge/client.cjs': 'module.exports = {};\n',
    'artifacts/store.ts': "export * from '../tools/locations.cjs';\n",
    'tools/locations.cjs': 'module.exports = {};\n',
  });
  const { code, output } = check(folder, ['artifacts', 'experiment', 'judge', 'tools']);
  expect(output).toContain('experiment-is-pure: experiment/spec.ts → fs');
  expect(output).toContain('tools-stand-alone: tools/set-up.cjs → judge/client.cjs');
  expect(output).toContain('tools-are-for-programs: artifacts/store.ts → tools/locations.cjs');
  expect(code).toBe(3);
});

it('lets a floor import from those below it', () => {
  plant({
    'cli/words.ts': "import type { Spec } from '../experiment/spec';\nexport type Words = Spec;\n",
    'experiment/spec.ts': 'export interface Spec { text: string }\n',
  });
  expect(check(folder, ['cli', 'experiment']).code).toBe(0);
});

it('finds nothing to refuse in this tree', () => {
  const { code, output } = check(root, SOURCE_FOLDERS);
  expect(output).toContain('no dependency violations found');
  expect(code).toBe(0);
}, 60_000);
