/**
 * Kills real processes in the middle of a real run (tiny model, real Temporal server, stand-in judge) and compares with
 * an undisturbed run: the same command goes on, the result files are the same bytes, and the judge's ledger shows at
 * most the requests in flight paid twice.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { EXIT } from '../../cli/errors';
import { isRunning } from '../../cli/local/processes';
import { Project, type Finished } from '../support/project';
import { makeTinyModel } from '../support/tiny-model';
import { until } from '../support/until';

/** Requests in flight at once, as the tiny experiment declares. */
const IN_FLIGHT = 4;
/** Long enough training and judging to be hit in the middle; the adapter of step 5 is kept before any checkpoint is made. */
const EXPERIMENT = { epochs: 40, configurations: ['base', 'default', 'flamingo'], evaluateAt: [5] };
const ENVIRONMENT = { FLAMINGO_CHECKPOINT_EVERY_STEPS: '10', FLAMINGO_STAND_IN_LATENCY_MS: '120' };

interface Baseline {
  results: Record<string, string>;
  requests: number;
}

let baseline: Baseline;
const projects: Project[] = [];

function project(): Project {
  const made = new Project(ENVIRONMENT);
  projects.push(made);
  return made;
}

beforeAll(async () => {
  makeTinyModel();
  const undisturbed = project();
  const run = await undisturbed.flamingo('run', undisturbed.experiment(EXPERIMENT));
  if (run.code !== EXIT.done) throw new Error(`the undisturbed run failed:\n${run.stderr}\n${undisturbed.logs()}`);
  baseline = { results: undisturbed.results(), requests: undisturbed.ledger().length };
  expect(Object.keys(baseline.results).length).toBeGreaterThan(12);
  expect(baseline.requests).toBeGreaterThan(100);
});

afterEach(async () => {
  await Promise.all(projects.splice(0).map((made) => made.dispose()));
});

/** A checkpoint of the fine-tune exists, and the fine-tune is not finished: training is in full swing. */
function training(run: Project): boolean {
  return checkpointsOf(run).length > 0;
}

function checkpointsOf(run: Project): string[] {
  const adapters = join(run.data, 'store', 'adapters');
  return list(adapters).flatMap((key) =>
    list(join(adapters, key, 'attempts')).flatMap((attempt) =>
      list(join(adapters, key, 'attempts', attempt, 'checkpoints')),
    ),
  );
}

function list(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

function judging(run: Project): boolean {
  return run.ledger().length > 10;
}

function expectUndisturbed(run: Project, finished: Finished): void {
  if (finished.code !== EXIT.done) throw new Error(`exit ${finished.code}\n${finished.stderr}\n${run.logs()}`);
  expect(run.results()).toEqual(baseline.results);
  const again = run.ledger().length - baseline.requests;
  expect(again).toBeGreaterThanOrEqual(0);
  expect(again).toBeLessThanOrEqual(IN_FLIGHT);
}

/** The fine-tune that was interrupted went on from a checkpoint. */
function expectResumed(run: Project): void {
  const text = readFileSync(join(run.folder, 'results', 'tiny', 'provenance.json'), 'utf8');
  const { provenance } = JSON.parse(text) as { provenance: { fineTunes: { resumedFrom: number | null }[] } };
  expect(provenance.fineTunes.map(({ resumedFrom }) => resumedFrom ?? 0).filter((step) => step > 0)).toHaveLength(1);
}

/** Kills `victim` by its process id once `moment` has come; the running command goes on by itself. */
async function killService(victim: string, moment: (run: Project) => boolean): Promise<void> {
  const run = project();
  const { finished } = run.start('run', run.experiment(EXPERIMENT));
  const pid = await until(`${victim} at work`, () => moment(run) && run.pid(victim), 120_000);
  process.kill(pid, 'SIGKILL');
  expectUndisturbed(run, await finished);
  expect(isRunning(pid)).toBe(false);
}

test('SIGKILL of the GPU worker while it trains', () => killService('gpu-worker', training));
test('SIGKILL of the judge worker while it judges', () => killService('judge-worker-stand-in', judging));
test('SIGKILL of the orchestration worker', () => killService('orchestration-worker', training));
test('SIGKILL of the Temporal server', () => killService('temporal', training));
test('SIGKILL of the stand-in judge while it is asked', () => killService('stand-in-judge', judging));

test('SIGKILL of the trainer in the middle of training', async () => {
  const run = project();
  const { finished } = run.start('run', run.experiment(EXPERIMENT));
  const [pid] = await until('the trainer trains', () => training(run) && run.trainerPids(), 120_000);
  process.kill(pid as number, 'SIGKILL');
  expectUndisturbed(run, await finished);
});

test('SIGTERM of the trainer: it saves, and the next attempt goes on at the saved step', async () => {
  const run = project();
  const { finished } = run.start('run', run.experiment(EXPERIMENT));
  const [pid] = await until('the trainer trains', () => training(run) && run.trainerPids(), 120_000);
  process.kill(pid as number, 'SIGTERM');
  expectUndisturbed(run, await finished);
  expectResumed(run);
});

test('SIGTERM of the GPU worker (a preempted machine): it saves, and the next worker goes on at the saved step', async () => {
  const run = project();
  const { finished } = run.start('run', run.experiment(EXPERIMENT));
  const pid = await until('the GPU worker trains', () => training(run) && run.pid('gpu-worker'), 120_000);
  process.kill(pid, 'SIGTERM');
  expectUndisturbed(run, await finished);
  expectResumed(run);
});

test('SIGKILL of `flamingo run` alone: the services end by themselves, the same command goes on', async () => {
  const run = project();
  const file = run.experiment(EXPERIMENT);
  const { child, finished } = run.start('run', file);
  await until('it trains', () => training(run), 120_000);
  child.kill('SIGKILL');
  await finished;
  expectUndisturbed(run, await run.flamingo('run', file));
});

test('SIGKILL of everything at once: the same command goes on', async () => {
  const run = project();
  const file = run.experiment(EXPERIMENT);
  const { child, finished } = run.start('run', file);
  await until('it trains', () => training(run) && run.trainerPids().length > 0, 120_000);
  const { supervisor, services } = run.services as NonNullable<typeof run.services>;
  const pids = [supervisor, ...services.flatMap(({ pid }) => pid ?? []), ...run.trainerPids()];
  child.kill('SIGKILL');
  for (const pid of pids) process.kill(pid, 'SIGKILL');
  await finished;
  expectUndisturbed(run, await run.flamingo('run', file));
});

test.each(['SIGINT', 'SIGHUP'] as const)(
  '%s (Ctrl-C, lost terminal) saves and stops everything; the same command goes on',
  async (signal) => {
    const run = project();
    const file = run.experiment(EXPERIMENT);
    const { child, finished } = run.start('run', file);
    await until('it trains', () => training(run) && run.services, 120_000);
    const { supervisor, services } = run.services as NonNullable<typeof run.services>;
    child.kill(signal);
    expect((await finished).code).toBe(EXIT.interrupted);
    for (const pid of [supervisor, ...services.flatMap((service) => service.pid ?? [])])
      expect(isRunning(pid)).toBe(false);
    expectUndisturbed(run, await run.flamingo('run', file));
  },
);

test('a detached run outlives its terminal, and the same command attaches to it', async () => {
  const run = project();
  const file = run.experiment(EXPERIMENT);
  expect((await run.flamingo('run', file, '--detach')).code).toBe(EXIT.done);
  await until('it trains', () => training(run), 120_000);
  const attached = await run.flamingo('run', file);
  expect(attached.stderr).toContain('attached');
  expectUndisturbed(run, attached);
});
