import { CancelledFailure } from '@temporalio/activity';
import { MockActivityEnvironment } from '@temporalio/testing';
import { DefaultLogger } from '@temporalio/worker';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { OneTrainer } from '../../../gpu-activities/process/one-trainer';
import type { Attempt } from '../../../artifacts/store';
import {
  AttemptFailed,
  failureOf as failureOfAttempt,
  runOperation,
  toTemporalFailure,
  type GpuHeartbeat,
  type TrainerHost,
} from '../../../gpu-activities/operation';
import { failure as temporalFailure, FAILURES } from '../../../workflows/failures';
import { installationRoot } from '../../../workers/places';
import { NotSetUp } from '../../../gpu-activities/process/not-set-up';
import { until } from '../../support/until';

const folder = mkdtempSync(join(tmpdir(), 'flamingo-trainer-'));
afterAll(() => rmSync(folder, { recursive: true }));

const trainers: OneTrainer[] = [];
afterEach(async () => {
  await Promise.all(trainers.splice(0).map((trainer) => trainer.close()));
});

function trainer(behaviour: string, giveUp: () => void = () => undefined): OneTrainer {
  const made = new OneTrainer(
    () => ({
      command: process.execPath,
      args: [join(installationRoot(), 'test', 'support', 'fake-trainer.mjs'), behaviour],
      env: process.env,
      logFile: join(folder, 'trainer.log'),
      readyDeadlineMs: 1_000,
    }),
    giveUp,
  );
  trainers.push(made);
  return made;
}

const state = (): GpuHeartbeat => ({ phase: 'starting', detail: 'test', step: 0, of: 0, host: 'here' });
const operation = { op: 'finetune' } as unknown as Parameters<typeof runOperation>[1];

function mockEnvironment(): MockActivityEnvironment {
  // failing attempts are what these tests are about: their log lines would only hide real ones
  return new MockActivityEnvironment({ startToCloseTimeoutMs: 60_000 }, { logger: new DefaultLogger('ERROR') });
}

function run(host: OneTrainer, environment = mockEnvironment()) {
  return environment.run(() => runOperation(host, operation, state(), () => undefined));
}

async function failureOf(host: OneTrainer): Promise<AttemptFailed> {
  const error: unknown = await run(host).catch((reason: unknown) => reason);
  if (!(error instanceof AttemptFailed)) throw new Error(`expected a failed attempt, got ${String(error)}`);
  return error;
}

test('an operation that works is committed, and its progress is in every heartbeat', async () => {
  const environment = mockEnvironment();
  const beats: GpuHeartbeat[] = [];
  environment.on('heartbeat', (beat: GpuHeartbeat) => beats.push(beat));
  const { committed } = (await run(trainer('works'), environment)) as Awaited<ReturnType<typeof runOperation>>;
  expect(committed).toMatchObject({ adapter: { sha256: 'a' }, steps: 10 });
  expect(beats.at(-1)).toMatchObject({ phase: 'training', step: 10, of: 10, loss: 0.1, host: 'here' });
  expect(beats.every((beat) => typeof beat === 'object')).toBe(true);
});

test('one trainer serves one operation after the other', async () => {
  const host = trainer('works');
  await run(host);
  const first = (await host.acquire()).pid;
  await run(host);
  expect((await host.acquire()).pid).toBe(first);
});

test('the next operation of the other backend gets a trainer of its own, once the last one is gone', async () => {
  const host = trainer('works');
  const first = await host.acquire();
  const second = await host.acquire('unsloth');
  expect(second.pid).not.toBe(first.pid);
  expect(first.ended).not.toBeNull();
  expect((await host.acquire('unsloth')).pid).toBe(second.pid);
  expect((await host.acquire()).pid).not.toBe(second.pid);
  expect(second.ended).not.toBeNull();
});

test('a recipe with backend unsloth is trained by that backend', async () => {
  const backends: string[] = [];
  const host = trainer('works');
  const acquire = host.acquire.bind(host);
  host.acquire = (backend = 'transformers') => (backends.push(backend), acquire(backend));
  const through = { op: 'finetune', recipe: { backend: 'unsloth' } } as unknown as typeof operation;
  for (const each of [operation, through])
    await mockEnvironment().run(() => runOperation(host, each, state(), () => undefined));
  expect(backends).toEqual(['transformers', 'unsloth']);
});

test('a host without the environment says how to make it, and is not at fault', async () => {
  let gaveUp = 0;
  const host = new OneTrainer(
    () => {
      throw new NotSetUp('run `uv sync`');
    },
    () => (gaveUp += 1),
  );
  for (let round = 0; round < 3; round++) {
    const failure = await failureOf(host);
    expect(failure.end).toBe('hopeless');
    expect(toTemporalFailure(failure)).toMatchObject({ nonRetryable: true, message: 'run `uv sync`' });
  }
  expect(gaveUp).toBe(0);
});

test.each([
  ['fails-data', 'hopeless', 'TrainingFailed', true],
  ['fails-config', 'hopeless', 'TrainingFailed', true],
  ['fails-nan', 'hopeless', 'TrainingFailed', true],
  ['fails-oom', 'oom', 'OutOfMemory', false],
  ['fails-cuda', 'host', 'HostFailure', false],
  ['fails-internal', 'died', 'TrainerDied', false],
  ['dies', 'died', 'TrainerDied', false],
  ['babbles', 'died', 'TrainerDied', false],
  ['exits', 'host', 'HostFailure', false],
  ['never-ready', 'host', 'HostFailure', false],
])('a trainer that %s: %s, %s, nonRetryable %s', async (behaviour, end, type, nonRetryable) => {
  const failure = await failureOf(trainer(behaviour));
  expect(failure.end).toBe(end);
  expect(toTemporalFailure(failure)).toMatchObject({ type, nonRetryable });
});

test('a dead trainer is replaced for the next operation', async () => {
  const host = trainer('works');
  (await host.acquire()).kill();
  await run(host).catch(() => undefined);
  expect(await run(host)).toMatchObject({ committed: { steps: 10 } });
});

test('a trainer that reports a CUDA error is not used again', async () => {
  const host = trainer('fails-cuda');
  const poisoned = await host.acquire();
  await failureOf(host);
  const next = await host.acquire();
  expect(next.pid).not.toBe(poisoned.pid);
  await until('the end of the broken trainer', () => poisoned.ended ?? undefined);
});

test('a host that fails twice in a row gives up its worker', async () => {
  let gaveUp = 0;
  const host = trainer('exits', () => (gaveUp += 1));
  await failureOf(host);
  expect(gaveUp).toBe(0);
  await failureOf(host);
  expect(gaveUp).toBe(1);
});

test('an operation that works in between forgives the host', async () => {
  let gaveUp = 0;
  const host = trainer('works', () => (gaveUp += 1));
  for (let round = 0; round < 3; round++) {
    await run(host);
    host.discard(await host.acquire(), true);
  }
  expect(gaveUp).toBe(0);
  host.discard(await host.acquire(), true);
  expect(gaveUp).toBe(1);
});

async function interruptedBy(reason: ConstructorParameters<typeof CancelledFailure>[0]): Promise<unknown> {
  const environment = mockEnvironment();
  const training = new Promise<void>((resolve) => {
    environment.on('heartbeat', ({ step }: GpuHeartbeat) => {
      if (step > 0) resolve();
    });
  });
  const ended = run(trainer('endless'), environment).catch((error: unknown) => error);
  await training;
  environment.cancel(reason as never);
  return ended;
}

test('a worker that shuts down has the trainer save, and hands over as Preempted, retryable', async () => {
  const failure = (await interruptedBy('WORKER_SHUTDOWN')) as AttemptFailed;
  expect(failure).toBeInstanceOf(AttemptFailed);
  expect(failure.end).toBe('preempted');
  expect(failure.checkpointStep).toBeGreaterThan(0);
  expect(toTemporalFailure(failure)).toMatchObject({ type: 'Preempted', nonRetryable: false });
});

test('a cancelled or paused activity ends as cancelled, after the trainer has saved', async () => {
  const failure = (await interruptedBy('CANCELLED')) as AttemptFailed;
  expect(failure.end).toBe('cancelled');
  expect(failure.checkpointStep).toBeGreaterThan(0);
  expect(toTemporalFailure(failure)).toBeInstanceOf(CancelledFailure);
});

test('a SIGTERM to the trainer itself (its machine is taken away) is a preemption', async () => {
  const host = trainer('endless');
  const ended = failureOf(host);
  await new Promise((resolve) => setTimeout(resolve, 300));
  const leaving = await host.acquire();
  process.kill(leaving.pid, 'SIGTERM');
  expect((await ended).end).toBe('preempted');
  const next = await host.acquire();
  expect(next.pid).not.toBe(leaving.pid);
  // two of them would not fit into one GPU's memory
  expect(leaving.ended).not.toBeNull();
});

const full = Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' });

test.each<[string, () => Promise<object>]>([
  ['the worker can not write', () => Promise.reject(full)],
  ['the trainer can not', () => Promise.resolve({ event: 'failed', kind: 'internal', message: 'OSError: [Errno 28]' })],
])('one that is told to stop while the disk is full and %s ends as cancelled', async (_, end) => {
  const environment = mockEnvironment();
  const nothing = () => undefined;
  const operate = () => {
    environment.cancel();
    return end();
  };
  const acquired = { pid: 1, ready: { device: 'fake', versions: {} }, run: operate, stop: nothing, kill: nothing };
  const acquire = () => Promise.resolve(acquired) as unknown as ReturnType<TrainerHost['acquire']>;
  const host: TrainerHost = { acquire, discard: nothing, retire: () => Promise.resolve(), hostFailed: nothing };
  const ended = environment.run(() => runOperation(host, operation, state(), nothing));
  await expect(ended).rejects.toMatchObject({ end: 'cancelled' });
});

test('an attempt that was stopped is told as stopped, also where the store can not take its record', async () => {
  const attempt = { write: () => Promise.reject(full) } as unknown as Attempt;
  const stopped = new CancelledFailure('CANCELLED');
  expect(await failureOfAttempt(attempt, new AttemptFailed('cancelled', stopped, 3))).toBe(stopped);
  const leaving = temporalFailure(FAILURES.Preempted, 'the machine goes');
  expect(await failureOfAttempt(attempt, new AttemptFailed('preempted', leaving, 3))).toBe(leaving);
  // one that died is counted before it is told
  await expect(failureOfAttempt(attempt, new AttemptFailed('died', new Error('x'), null))).rejects.toBe(full);
});
