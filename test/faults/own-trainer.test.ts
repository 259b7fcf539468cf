/**
 * SIGKILL of an experiment's own trainer in the middle of a fine-tune, with the worked example
 * (experiments/own-trainer/train.py): the next attempt goes on from its checkpoint, to the bytes of an undisturbed run.
 */
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { installationRoot } from '../../workers/places';
import { EXIT } from '../../cli/errors';
import { childrenOf, Project, type Finished } from '../support/project';
import { makeTinyModel } from '../support/tiny-model';
import { until } from '../support/until';

const BACKEND = `  precision: fp32
  backend:
    command: ["{python}", mine/train.py]
    files: [mine/train.py]
`;
const projects: Project[] = [];

beforeAll(makeTinyModel);
afterAll(() => Promise.all(projects.map((made) => made.dispose())));

/** A project and its experiment file: 60 steps by the example, which saves after every 20. */
function project(): [Project, string] {
  const made = new Project();
  projects.push(made);
  const file = made.experiment({ configurations: ['default'], epochs: 20 });
  writeFileSync(file, readFileSync(file, 'utf8').replace('  precision: fp32\n', BACKEND));
  mkdirSync(join(made.folder, 'mine'));
  copyFileSync(
    join(installationRoot(), 'experiments', 'own-trainer', 'train.py'),
    join(made.folder, 'mine', 'train.py'),
  );
  return [made, file];
}

function expectDone(run: Project, { code, stderr }: Finished): void {
  if (code !== EXIT.done) throw new Error(`exit ${code}\n${stderr}\n${run.logs()}`);
}

function list(folder: string): string[] {
  return existsSync(folder) ? readdirSync(folder) : [];
}

function attempts(run: Project): string[] {
  const adapters = join(run.data, 'store', 'adapters');
  return list(adapters)
    .map((key) => join(adapters, key, 'attempts'))
    .flatMap((folder) => list(folder).map((attempt) => join(folder, attempt)));
}

test('SIGKILL of the program: the next attempt goes on from its checkpoint, and the results are the same bytes', async () => {
  const [undisturbed, its] = project();
  expectDone(undisturbed, await undisturbed.flamingo('run', its));

  const [run, file] = project();
  const { finished } = run.start('run', file);
  const saved = await until(
    'it has saved',
    () => attempts(run).find((attempt) => existsSync(join(attempt, 'checkpoints', 'step-000020.pt'))),
    180_000,
  );
  // between the worker and the program is its guard
  const [program] = run.trainerPids().flatMap(childrenOf);
  process.kill(program as number, 'SIGKILL');
  expectDone(run, await finished);
  expect(run.results()).toEqual(undisturbed.results());

  const [last] = attempts(run).filter((attempt) => attempt !== saved);
  const [first = ''] = readFileSync(join(last as string, 'progress.jsonl'), 'utf8').split('\n');
  expect((JSON.parse(first) as { step: number }).step).toBeGreaterThan(20);
});
