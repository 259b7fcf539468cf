/**
 * `flamingo run` of fine-tunes that start from another's adapter, on the tiny model: a chain of three whose GPU worker is killed in
 * the middle, and an adapter from elsewhere.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, copyFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { sha256 } from '../../experiment/canonical';
import { EXIT } from '../../cli/errors';
import { Project } from '../support/project';
import { makeTinyModel } from '../support/tiny-model';
import { until } from '../support/until';

/** Two whole runs, one of them disturbed. */
const LONG_MS = 900_000;

const CHAIN = `  third:
    train: { from: second, dataset: rows, adapter: merge }
  second: { train: { from: first, dataset: rows, adapter: merge, system_prompt: { text: "[TEAPOT BURRITO]" } } }
  first: { train: { dataset: rows } }
  on: { train: { from: first, dataset: rows } }
`;

let run: Project;
let undisturbed: Project;

beforeAll(() => {
  makeTinyModel();
  run = new Project();
  undisturbed = new Project();
});
afterAll(async () => {
  await run?.dispose();
  await undisturbed?.dispose();
});

function chained(project: Project, configurations = CHAIN, name = 'tiny'): string {
  const file = project.experiment({ name, configurations: ['base'], samples: 2, epochs: 6 });
  const text = readFileSync(file, 'utf8');
  writeFileSync(
    file,
    text.replace(/ {2}base: .*\n/, (base) => base + configurations),
  );
  return file;
}

test(
  'a chain of three ends as an undisturbed one, although a worker is killed in the middle of it',
  async () => {
    const file = chained(run);
    const { finished } = run.start('run', file, '--json');
    const worker = await until(
      'the first is there, and what starts from it is begun',
      () => manifests(run, 'adapters').length >= 1 && attempts(run) > 1 && run.pid('gpu-worker'),
      240_000,
    );
    process.kill(worker, 'SIGKILL');
    const done = await finished;
    if (done.code !== EXIT.done) throw new Error(`${done.stderr}\n${run.logs()}`);

    const other = await undisturbed.flamingo('run', chained(undisturbed), '--json');
    if (other.code !== EXIT.done) throw new Error(`${other.stderr}\n${undisturbed.logs()}`);
    expect(run.results()).toEqual(undisturbed.results());
    const adapters = (name: string): Set<unknown> => new Set(completions(run, name).map(({ adapter }) => adapter));
    const found = ['first', 'second', 'third', 'on'].map((name) => [...adapters(name)]);
    expect(found.map((each) => each.length)).toEqual([1, 1, 1, 1]);
    expect(new Set(found.flat()).size).toBe(4);
    expect(manifests(run, 'adapters')).toHaveLength(4);

    const report = readFileSync(join(run.folder, 'results', 'tiny', 'report.html'), 'utf8');
    expect(report).toContain('starts from first → second, merged into the base model');
    const plan = await run.flamingo('plan', file);
    expect(plan.stdout).toContain('starts from first; training goes on with its adapter');
    expect(JSON.parse((await run.flamingo('plan', file, '--json')).stdout)).toMatchObject({
      fineTunes: { new: 0, reused: 4 },
      completions: { new: 0 },
    });
  },
  LONG_MS,
);

test(
  'an adapter from elsewhere is asked as it is, and gone on from',
  async () => {
    const [manifest] = manifests(run, 'adapters');
    const { weights, config } = (manifest as Stored).results;
    const bytes = readFileSync(join(run.data, 'store', weights.uri));
    mkdirSync(join(run.folder, 'organism'));
    copyFileSync(join(run.data, 'store', weights.uri), join(run.folder, 'organism', 'adapter_model.safetensors'));
    copyFileSync(join(run.data, 'store', config.uri), join(run.folder, 'organism', 'adapter_config.json'));
    const added = (hash: string): string =>
      `  organism: { adapter: { path: ./organism, sha256: ${hash} } }\n` +
      '  then: { train: { from: organism, dataset: rows } }\n';
    const wrong = await run.flamingo('plan', chained(run, added('f'.repeat(64)), 'wrong'));
    expect(wrong.code).not.toBe(EXIT.done);
    expect(wrong.stderr).toMatch(/wrong\.yaml:\d+:\d+: .*has SHA-256 .*, pinned is ffff/);

    const file = chained(run, added(sha256(bytes)), 'elsewhere');
    const done = await run.flamingo('run', file, '--json');
    if (done.code !== EXIT.done) throw new Error(`${done.stderr}\n${run.logs()}`);
    const organism = completions(run, 'organism', 'elsewhere');
    expect(organism.length).toBeGreaterThan(0);
    expect(organism.every(({ adapter }) => adapter === weights.sha256)).toBe(true);
    const report = readFileSync(join(run.folder, 'results', 'elsewhere', 'report.html'), 'utf8');
    expect(report).toContain('nothing is trained: a local adapter, SHA-256');
    expect(report).toContain('starts from organism; training goes on with its adapter');
  },
  LONG_MS,
);

interface Stored {
  results: Record<'weights' | 'config', { uri: string; sha256: string }>;
}

function manifests(project: Project, stage: string): Stored[] {
  const folder = join(project.data, 'store', stage);
  let names: string[];
  try {
    names = readdirSync(folder, { recursive: true }).map(String);
  } catch {
    return [];
  }
  return names
    .filter((name) => name.endsWith('manifest.json') && name.split(/[/\\]/).length === 2)
    .map((name) => JSON.parse(readFileSync(join(folder, name), 'utf8')) as Stored);
}

/** Adapters that were begun. */
function attempts(project: Project): number {
  const folder = join(project.data, 'store', 'adapters');
  return readdirSync(folder).filter((key) => existsSync(join(folder, key, 'attempts'))).length;
}

function completions(project: Project, configuration: string, name = 'tiny'): { adapter: string | null }[] {
  const file = join(project.folder, 'results', name, configuration, 'out-of-domain', 'default', 'completions.jsonl');
  const lines = readFileSync(file, 'utf8').trim().split('\n');
  return lines.map((line) => JSON.parse(line) as { adapter: string | null });
}
