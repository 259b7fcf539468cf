/**
 * Kills `flamingo run` itself, alone and with everything behind it, or interrupts it, in the middle of a real run (tiny model, real
 * Temporal server, stand-in judge): the same command, typed again, goes on.
 */
import { EXIT } from '../../cli/errors';
import { isRunning } from '../../cli/local/processes';
import { comparedWithUndisturbed, EXPERIMENT, training } from '../support/disturbed-run';
import { until } from '../support/until';

const { project, expectUndisturbed } = comparedWithUndisturbed();

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
