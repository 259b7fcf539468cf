/** A fine-tune by a program of the experiment's own: its surroundings, its end, and what the next attempt finds. */
import { CancelledFailure } from '@temporalio/activity';
import { MockActivityEnvironment } from '@temporalio/testing';
import { DefaultLogger } from '@temporalio/worker';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LocalStore } from '../../../../artifacts/local/store';
import { trainerFolder } from '../../../../tools/locations.cjs';
import { installationRoot } from '../../../../workers/places';
import { pythonPath } from '../../../../workers/toolchain';
import type { Recipe } from '../../../../experiment/plan';
import { progressOf, redactor } from '../../../../gpu-activities/command/output';
import { trainByCommand, type CommandWork } from '../../../../gpu-activities/command/train';
import { OneTrainer } from '../../../../gpu-activities/process/one-trainer';
import { unitsIn } from '../../../../artifacts/s3/workspace';
import { keptFolder, placesIn } from '../../../../gpu-activities/command/places';
import { AttemptFailed, toTemporalFailure, type GpuHeartbeat } from '../../../../gpu-activities/operation';
import { isRunning } from '../../../../cli/local/processes';

const folder = mkdtempSync(join(tmpdir(), 'flamingo-own-trainer-'));
const support = join(installationRoot(), 'test', 'support');
let store: LocalStore;
let attempts = 0;

beforeAll(async () => {
  store = await LocalStore.open(join(folder, 'store'));
});
const hosts: OneTrainer[] = [];
afterEach(async () => {
  delete process.env['OWN_TRAINER_TOKEN'];
  await Promise.all(hosts.splice(0).map((host) => host.close()));
});
afterAll(() => rmSync(folder, { recursive: true }));

function host(): OneTrainer {
  const made = new OneTrainer(
    () => ({
      command: process.execPath,
      args: [join(support, 'fake-trainer.mjs'), 'works'],
      env: process.env,
      logFile: join(folder, 'trainer.log'),
    }),
    () => undefined,
  );
  hosts.push(made);
  return made;
}

interface Run {
  work: CommandWork;
  environment: MockActivityEnvironment;
  beats: GpuHeartbeat[];
  /** Steps at which what was made could be made safe. */
  renewed: number[];
  ended: ReturnType<typeof trainByCommand>;
}

/** One attempt by test/support/own-trainer.mjs, which behaves as `behaviour` says. */
async function start(
  behaviour: string,
  changes: Partial<CommandWork> = {},
  limits: object = {},
  prepare: (work: CommandWork) => void = () => undefined,
): Promise<Run> {
  const attemptFolder = join(folder, `attempt-${attempts++}`);
  mkdirSync(attemptFolder);
  const program = await store.putBytes(readFileSync(join(support, 'own-trainer.mjs')), '.mjs');
  const work: CommandWork = {
    recipe: {
      backend: {
        command: [process.execPath, 'lib/own-trainer.mjs', behaviour],
        files: {},
        environment: ['OWN_TRAINER_TOKEN'],
      },
    } as unknown as Recipe as CommandWork['recipe'],
    trainer: { files: { 'lib/own-trainer.mjs': program }, graceSeconds: 20, silenceSeconds: 30, ...limits },
    programs: { python: pythonPath, trainerFolder: trainerFolder(), env: process.env },
    model: { path: '/model' },
    rows: '/rows',
    ...{ further: {}, loaded: [], keepSteps: [], until: null },
    attemptFolder,
    earlier: [],
    whole: { until: Infinity },
    ...changes,
  };
  prepare(work);
  process.env['OWN_TRAINER_TOKEN'] ??= 'a-token-for-tests';
  const environment = new MockActivityEnvironment(
    { startToCloseTimeoutMs: 60_000 },
    { logger: new DefaultLogger('ERROR') },
  );
  const beats: GpuHeartbeat[] = [];
  const renewed: number[] = [];
  environment.on('heartbeat', (beat: GpuHeartbeat) => beats.push({ ...beat }));
  const state: GpuHeartbeat = { phase: 'starting', detail: 'test', step: 0, of: 0, host: 'here' };
  const ended = environment.run<[], Awaited<Run['ended']>, () => Run['ended']>(() =>
    trainByCommand(store, host(), work, state, () => void renewed.push(state.checkpoint ?? 0)),
  );
  ended.catch(() => undefined);
  return { work, environment, beats, renewed, ended };
}

async function failureOf({ ended }: Run): Promise<AttemptFailed> {
  const error: unknown = await ended.catch((reason: unknown) => reason);
  if (!(error instanceof AttemptFailed)) throw new Error(`expected a failed attempt, got ${String(error)}`);
  return error;
}

async function running({ beats }: Run, step = 1): Promise<GpuHeartbeat> {
  for (let waited = 0; waited < 300; waited++) {
    const beat = beats.find((each) => each.phase === 'training' && each.step >= step);
    if (beat !== undefined) return beat;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error('the program did not get going');
}

const log = ({ attemptFolder }: CommandWork): string => readFileSync(join(attemptFolder, 'trainer.log'), 'utf8');

test('it gets our rows and settings, and its adapter and its log are taken', async () => {
  const run = await start('works');
  const { committed } = await run.ended;
  const { attemptFolder } = run.work;
  expect(committed).toMatchObject({
    adapter: { path: join(attemptFolder, 'adapter'), sha256: 'b' },
    steps: 5,
    rowsTruncated: 1,
    trainedTokens: 50,
  });
  const settings = JSON.parse(readFileSync(join(attemptFolder, 'input', 'settings.json'), 'utf8')) as object;
  expect(settings).toMatchObject({
    version: 1,
    model: '/model',
    rows: join(attemptFolder, 'input', 'rows.jsonl'),
    steps: join(attemptFolder, 'input', 'steps.jsonl'),
    optimizer_steps: 5,
    pad_token_id: 0,
    adapter: join(attemptFolder, 'produced'),
    checkpoints: join(attemptFolder, 'checkpoints'),
  });
  const lines = readFileSync(committed.log as string, 'utf8')
    .trim()
    .split('\n');
  expect(lines.map((line) => JSON.parse(line) as object)).toEqual(
    [1, 2, 3, 4, 5].map((step) => ({ step, loss: 1 / step, learningRate: 0.1 })),
  );
  expect(log(run.work)).toContain('going on at 0');
});

test('it gets further rows and adapters of others, as copies', async () => {
  const made = join(folder, 'given');
  mkdirSync(made);
  writeFileSync(join(made, 'kl.jsonl'), '{"messages": []}\n');
  writeFileSync(join(made, 'other.jsonl'), '{"messages": [1]}\n');
  for (const name of ['teacher', 'before']) {
    mkdirSync(join(made, name));
    writeFileSync(join(made, name, 'adapter_config.json'), '{"r": 4}');
    writeFileSync(join(made, name, 'adapter_model.safetensors'), name);
  }
  const adapter = (name: string) => ({ path: join(made, name), sha256: name, configSha256: 'c' });
  const run = await start('works', {
    further: { kl: join(made, 'kl.jsonl'), 'kl.messages': join(made, 'other.jsonl') },
    loaded: [{ name: 'teacher', adapter: adapter('teacher'), merged: [adapter('before')] }],
  });
  await run.ended;
  const { attemptFolder } = run.work;
  const input = join(attemptFolder, 'input');
  const settings = JSON.parse(readFileSync(join(input, 'settings.json'), 'utf8')) as Record<string, object>;
  expect(settings).toMatchObject({
    datasets: {
      kl: {
        rows: join(input, 'datasets', 'kl.jsonl'),
        messages: join(input, 'messages', 'kl.jsonl'),
        truncated: 0,
      },
      'kl.messages': {
        rows: join(input, 'datasets', 'kl.messages.jsonl'),
        messages: join(input, 'messages', 'kl.messages.jsonl'),
      },
    },
    loads: {
      teacher: {
        adapter: join(attemptFolder, '.loads', 'teacher', 'adapter'),
        merged: [join(attemptFolder, '.loads', 'teacher', 'merged-1')],
        sha256: ['before', 'teacher'],
      },
    },
    evaluate_at: {},
    until: null,
  });
  expect(readFileSync(join(input, 'messages', 'kl.jsonl'), 'utf8')).toBe('{"messages": []}\n');
  expect(readFileSync(join(input, 'messages', 'kl.messages.jsonl'), 'utf8')).toBe('{"messages": [1]}\n');
  // the rows as tokens lie where no messages do: `prepare` writes them before the messages are handed out
  expect(existsSync(join(input, 'datasets'))).toBe(false);
  // copies of adapters are made anew by each attempt, and are not synced
  const synced = [...(await unitsIn(attemptFolder)).values()].flat().map(({ path }) => path);
  expect(synced).toContain('input/messages/kl.jsonl');
  expect(synced.filter((path) => path.includes('teacher'))).toEqual([]);
  const config = join(attemptFolder, '.loads', 'teacher', 'adapter', 'adapter_config.json');
  expect(JSON.parse(readFileSync(config, 'utf8'))).toEqual({
    r: 4,
    base_model_name_or_path: '/model',
    revision: null,
  });
});

test('adapters of steps are taken in, also those that an attempt before left', async () => {
  const first = await start('saves', { keepSteps: [2, 4] });
  const { trainerPid } = await running(first, 3);
  process.kill(-(trainerPid as number), 'SIGKILL');
  await failureOf(first);
  writeFileSync(join(first.work.attemptFolder, 'checkpoints', 'count'), '3');
  const second = await start('works', { keepSteps: [2, 4], earlier: [first.work.attemptFolder] });
  const { committed } = await second.ended;
  expect(log(second.work)).toContain('going on at 3');
  const steps = committed.kept ?? [];
  expect(steps.map(({ step, sha256 }) => [step, sha256])).toEqual([
    [2, 'b-2'],
    [4, 'b-4'],
  ]);
  expect(committed.adapter?.sha256).toBe('b');
  const told = readFileSync(join(steps[1]?.path as string, 'training-log.jsonl'), 'utf8');
  expect(told.trim().split('\n')).toHaveLength(4);

  // one that is asked for now, and was passed before, can only be had from the beginning
  const third = await start('works', { keepSteps: [1], earlier: [second.work.attemptFolder] });
  await third.ended;
  expect(log(third.work)).toContain('going on at 0');
});

test('where only a step is lacking it goes no further, and leaves no finished adapter', async () => {
  const run = await start('works', { keepSteps: [3], until: 3 });
  const { committed } = await run.ended;
  expect(committed.adapter).toBeUndefined();
  expect(committed.kept?.map(({ step }) => step)).toEqual([3]);
  expect(existsSync(join(run.work.attemptFolder, 'produced', 'adapter_config.json'))).toBe(false);
});

test('checkpoints and adapters of steps of an attempt that was given other adapters are not taken over', async () => {
  const given = join(folder, 'other-given');
  mkdirSync(given);
  writeFileSync(join(given, 'adapter_config.json'), '{}');
  const loaded = (sha256: string): CommandWork['loaded'] => [
    { name: 'teacher', adapter: { path: given, sha256, configSha256: 'c' }, merged: [] },
  ];
  const keepSteps = [2];
  const ofOne = ({ attemptFolder }: CommandWork): string => join(keptFolder(placesIn(attemptFolder), 2), 'of-one');
  const first = await start('saves-and-exits-1', { loaded: loaded('one'), keepSteps });
  await failureOf(first);
  mkdirSync(keptFolder(placesIn(first.work.attemptFolder), 2), { recursive: true });
  writeFileSync(ofOne(first.work), '');
  const earlier = [first.work.attemptFolder];
  const same = await start('works', { loaded: loaded('one'), keepSteps, earlier });
  await same.ended;
  expect(log(same.work)).toContain('going on at 1');
  expect(existsSync(ofOne(same.work))).toBe(true);
  const other = await start('works', { loaded: loaded('two'), keepSteps, earlier });
  await other.ended;
  expect(log(other.work)).toContain('going on at 0');
  expect(existsSync(ofOne(other.work))).toBe(false);
});

test('a checkpoint of a step whose adapter was not left is not gone on from, and beginning anew is no progress', async () => {
  const keepSteps = [3];
  const first = await start('saves-before-it-leaves', { keepSteps });
  expect((await failureOf(first)).checkpointStep).toBe(3);
  const earlier = [first.work.attemptFolder];
  const again = await start('saves-before-it-leaves', { keepSteps, earlier });
  expect((await failureOf(again)).checkpointStep).toBeNull();
  expect(log(again.work)).toContain('going on at 0');
  const second = await start('works', { keepSteps, earlier });
  await second.ended;
  expect(log(second.work)).toContain('going on at 0');
  expect(existsSync(keptFolder(placesIn(second.work.attemptFolder), 3))).toBe(true);

  // with the adapter there it goes on from that checkpoint
  mkdirSync(keptFolder(placesIn(first.work.attemptFolder), 3), { recursive: true });
  writeFileSync(join(keptFolder(placesIn(first.work.attemptFolder), 3), 'adapter_config.json'), '{}');
  const third = await start('works', { keepSteps, earlier });
  await third.ended;
  expect(log(third.work)).toContain('going on at 3');
});

test('each checkpoint can be made safe as soon as it is told of', async () => {
  const run = await start('saves');
  await running(run, 5);
  run.environment.cancel();
  await failureOf(run);
  expect(run.renewed).toEqual(expect.arrayContaining([1, 2, 3, 4, 5]));
});

test('every environment variable that it has is one of a fixed few or named in the file', async () => {
  process.env['ANTHROPIC_API_KEY'] = 'not-for-programs';
  try {
    const run = await start('tells-its-environment');
    await run.ended;
    const names = JSON.parse(log(run.work).split('\n')[0] as string) as string[];
    expect(names).toContain('OWN_TRAINER_TOKEN');
    expect(names).not.toContain('ANTHROPIC_API_KEY');
    expect(
      names.filter(
        (name) => !/^(PATH|HOME|USER|LANG|LC_|TZ|TMPDIR|LD_LIB|CUDA|NVIDIA|HF_|DO_NOT|TOKEN|PYTHONUN|OWN_)/.test(name),
      ),
    ).toEqual([]);
  } finally {
    delete process.env['ANTHROPIC_API_KEY'];
  }
});

test.each([
  [65, 'hopeless', 'TrainingFailed', true],
  [78, 'hopeless', 'TrainingFailed', true],
  [127, 'hopeless', 'TrainingFailed', true],
  [71, 'oom', 'OutOfMemory', false],
  [75, 'died', 'TrainerDied', false], // nothing to continue from: that may not go on for ever
  [1, 'died', 'TrainerDied', false],
  [137, 'died', 'TrainerDied', false],
])('exit code %s: %s, %s, nonRetryable %s', async (code, end, type, nonRetryable) => {
  const run = await start(`exits-${code}`);
  const failure = await failureOf(run);
  expect(failure.end).toBe(end);
  expect(failure.checkpointStep).toBeNull();
  expect(toTemporalFailure(failure)).toMatchObject({ type, nonRetryable });
  expect(failure.message).toContain('no such thing, said with [OWN_TRAINER_TOKEN]');
  expect(log(run.work)).not.toContain('a-token-for-tests');
});

test('a program that is not there says so', async () => {
  const backend = { command: ['no-such-program-anywhere'], files: {}, environment: [] };
  const run = await start('works', { recipe: { backend } as unknown as CommandWork['recipe'] });
  const failure = await failureOf(run);
  expect([failure.end, failure.message]).toEqual(['hopeless', expect.stringContaining('can not be started')]);
});

test('a variable that the worker does not have is named', async () => {
  const backend = { command: ['node'], files: {}, environment: ['NO_SUCH_VARIABLE_HERE'] };
  const run = await start('works', { recipe: { backend } as unknown as CommandWork['recipe'] });
  expect((await failureOf(run)).message).toContain('NO_SUCH_VARIABLE_HERE');
});

test('a worker that shuts down stops it by SIGTERM, and the next attempt goes on from its checkpoint', async () => {
  const first = await start('endless');
  await running(first, 3);
  first.environment.cancel('WORKER_SHUTDOWN');
  const failure = await failureOf(first);
  expect(failure.end).toBe('preempted');
  expect(failure.checkpointStep).toBeGreaterThanOrEqual(3);
  expect(first.work.whole.until).toBe(Infinity); // it left by itself
  const kept = join(first.work.attemptFolder, 'checkpoints', 'count');
  const count = Number(readFileSync(kept, 'utf8'));
  writeFileSync(kept, '4'); // one step before the end
  const second = await start('works', { earlier: [first.work.attemptFolder] });
  const { committed } = await second.ended;
  expect(log(second.work)).toContain('going on at 4');
  expect(readFileSync(kept, 'utf8')).toBe('4'); // a copy: the first attempt's own is as it left it
  const steps = readFileSync(committed.log as string, 'utf8')
    .trim()
    .split('\n').length;
  expect(steps).toBe(Math.max(5, count));
});

test('killed by SIGKILL it has died, and the next attempt goes on from the checkpoint that it told of', async () => {
  const first = await start('saves');
  const { trainerPid } = await running(first, 3);
  process.kill(-(trainerPid as number), 'SIGKILL'); // its whole process group, the guard too
  const failure = await failureOf(first);
  expect(failure.end).toBe('died');
  expect(failure.checkpointStep).toBeGreaterThanOrEqual(3);
  expect(first.work.whole.until).toBeLessThanOrEqual(Date.now()); // what it wrote since then may be half a checkpoint
  writeFileSync(join(first.work.attemptFolder, 'checkpoints', 'count'), '4'); // one step before the end
  const second = await start('works', { earlier: [first.work.attemptFolder] });
  await second.ended;
  expect(log(second.work)).toContain('going on at 4');
});

test('a cancelled activity ends as cancelled', async () => {
  const run = await start('endless');
  await running(run);
  run.environment.cancel('CANCELLED');
  const failure = await failureOf(run);
  expect(failure.end).toBe('cancelled');
  expect(toTemporalFailure(failure)).toBeInstanceOf(CancelledFailure);
});

test('one that does not hear SIGTERM is killed after its grace', async () => {
  const run = await start('deaf', {}, { graceSeconds: 1 });
  const { trainerPid } = await running(run);
  run.environment.cancel('WORKER_SHUTDOWN');
  expect((await failureOf(run)).end).toBe('preempted');
  expect(isRunning(trainerPid as number)).toBe(false);
});

test('one that says nothing for too long is ended, and counts as having died', async () => {
  const run = await start('silent', {}, { silenceSeconds: 1 });
  const failure = await failureOf(run);
  expect([failure.end, failure.message]).toEqual(['died', expect.stringContaining('silent for 1 s')]);
});

test('a checkpoint that it wrote without a word counts as progress', async () => {
  const failure = await failureOf(await start('saves-and-exits-1'));
  expect([failure.end, failure.checkpointStep]).toEqual(['died', 0]);
  const nothing = await failureOf(await start('exits-1'));
  expect(nothing.checkpointStep).toBeNull();
  const stopped = await failureOf(await start('saves-and-exits-75'));
  expect(stopped.end).toBe('preempted');
});

test('the same file written anew by a later attempt is no progress', async () => {
  const first = await start('saves-and-exits-1');
  await failureOf(first);
  const second = await failureOf(await start('saves-and-exits-1', { earlier: [first.work.attemptFolder] }));
  expect([second.end, second.checkpointStep]).toEqual(['died', null]);
  const stopped = await failureOf(await start('saves-and-exits-75', { earlier: [first.work.attemptFolder] }));
  expect(stopped.end).toBe('died');
});

test('a process that it leaves behind with its pipes open does not hold up its end', async () => {
  const started = Date.now();
  const run = await start('leaves-a-helper');
  expect((await run.ended).committed.steps).toBe(5);
  expect(Date.now() - started).toBeLessThan(13_000);
}, 30_000);

test('a copy of checkpoints that was cut off is made again', async () => {
  const before = join(folder, 'cut-off');
  mkdirSync(join(before, 'checkpoints'), { recursive: true });
  writeFileSync(join(before, 'checkpoints', 'count'), '4');
  const run = await start('works', { earlier: [before] }, {}, ({ attemptFolder }) => {
    mkdirSync(join(attemptFolder, 'checkpoints.partial'));
    writeFileSync(join(attemptFolder, 'checkpoints.partial', 'stale'), 'half');
  });
  await run.ended;
  expect(log(run.work)).toContain('going on at 4');
  expect(existsSync(join(run.work.attemptFolder, 'checkpoints', 'stale'))).toBe(false);
});

test('the newest attempt with checkpoints is the one that is taken over', async () => {
  const folders = ['2', '3', null].map((count, index) => {
    const made = join(folder, `earlier-${index}`);
    mkdirSync(join(made, 'checkpoints'), { recursive: true });
    if (count !== null) writeFileSync(join(made, 'checkpoints', 'count'), count);
    return made;
  });
  const run = await start('works', { earlier: folders });
  await run.ended;
  expect(log(run.work)).toContain('going on at 3');
  expect(existsSync(join(folders[2] as string, 'checkpoints', 'count'))).toBe(false);
});

test('lines of progress', () => {
  expect(progressOf('{"step": 3, "loss": 0.5, "learning_rate": 1e-5, "checkpoint": true, "own": "kept out"}')).toEqual({
    step: 3,
    loss: 0.5,
    learningRate: 1e-5,
    checkpoint: true,
  });
  expect(progressOf('{"step": 3, "loss": null}')).toEqual({ step: 3, checkpoint: false });
  for (const line of ['step 3', '{"step": 1.5}', '{"step": -1}', '{"loss": 1}', '{"step": 3', '[3]', 'null'])
    expect(progressOf(line)).toBeNull();
});

test('values of variables are not in the log, the longest first', () => {
  const redact = redactor({ SHORT: 'abc', TOKEN: 'abcdef', LONGER: 'abcdef-ghi' });
  expect(redact('abc abcdef abcdef-ghi')).toBe('abc [TOKEN] [LONGER]');
});
