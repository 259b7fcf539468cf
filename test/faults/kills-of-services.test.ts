/**
 * Kills one of the processes behind `flamingo run` in the middle of a real run (tiny model, real Temporal server, stand-in judge):
 * the command that is running goes on by itself.
 */
import { isRunning } from '../../cli/local/processes';
import { comparedWithUndisturbed, EXPERIMENT, expectResumed, judging, training } from '../support/disturbed-run';
import type { Project } from '../support/project';
import { until } from '../support/until';

const { project, expectUndisturbed } = comparedWithUndisturbed();

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
