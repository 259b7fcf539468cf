/** What is said of workers that a request needs and that nobody runs. */
import type { Client } from '@temporalio/client';
import type { Reuse } from '../../../artifacts/reuse';
import { gpuQueuesOf, missingGpu, missingJudge, orchestrationComes, watchWorkers } from '../../../cli/needed-workers';
import type { Plan } from '../../../experiment/plan';
import type { Spec } from '../../../experiment/spec';

/** A server on which each of these queues has a poller that was seen so many seconds ago. */
function serverWith(seen: Record<string, number>): Client {
  return {
    options: { namespace: 'default' },
    workflowService: {
      describeTaskQueue: async ({ taskQueue: { name } }: { taskQueue: { name: string } }) => ({
        pollers:
          seen[name] === undefined
            ? []
            : [{ identity: 'judge@vm:7', lastAccessTime: { seconds: Date.now() / 1000 - seen[name] } }],
      }),
    },
  } as unknown as Client;
}

const QUEUE = 'flamingo-judge-anthropic';
const CHECKS = 'flamingo-judge-anthropic-check';

it.each([
  ['nothing where checks are taken', { [QUEUE]: 1, [CHECKS]: 1 }, null],
  ['that there is none', {}, /^No judge worker of anthropic runs so far: flamingo worker judge --account anthropic$/],
  ['that there is none any more', { [QUEUE]: 200, [CHECKS]: 200 }, /^No judge worker/],
  ['that it is an old one, which takes shards only', { [QUEUE]: 1 }, /is of version 0\.1\.0, .* update it/],
])('says of a judge worker %s', async (_, seen, line) => {
  const said = await missingJudge(serverWith(seen), 'anthropic');
  if (line === null) expect(said).toBeNull();
  else expect(said).toMatch(line);
});

it('names the variable that the stand-in’s worker needs', async () => {
  expect(await missingJudge(serverWith({}), 'stand-in')).toMatch(
    /: FLAMINGO_STAND_IN_URL=http:\/\/HOST:PORT flamingo worker judge --account stand-in$/,
  );
});

it('says of a GPU worker which queue it serves', async () => {
  expect(await missingGpu(serverWith({ 'flamingo-gpu': 1 }), 'flamingo-gpu')).toBeNull();
  expect(await missingGpu(serverWith({}), 'flamingo-gpu')).toMatch(/: flamingo worker gpu$/);
  expect(await missingGpu(serverWith({}), 'flamingo-gpu-80gb')).toMatch(
    /: flamingo worker gpu --queue flamingo-gpu-80gb$/,
  );
});

it('says all that is missing at once, each once, and nothing once it is told to stop', async () => {
  jest.useFakeTimers();
  try {
    const said: string[] = [];
    const needed = { accounts: ['anthropic'], gpuQueues: ['flamingo-gpu'] };
    const stop = await watchWorkers(serverWith({}), needed, (line) => said.push(line));
    expect(said).toEqual([
      expect.stringMatching(/^No orchestration worker .*: flamingo worker orchestration$/),
      expect.stringMatching(/^No GPU worker/),
      expect.stringMatching(/^No judge worker/),
    ]);
    await jest.advanceTimersByTimeAsync(60_000);
    expect(said).toHaveLength(3);
    stop();
    expect(jest.getTimerCount()).toBe(0);
  } finally {
    jest.useRealTimers();
  }
});

it('says nothing where all are there, or the server lists no pollers', async () => {
  const say = jest.fn();
  const there = serverWith({ flamingo: 1, 'flamingo-gpu': 1, [CHECKS]: 1 });
  const mute = {
    options: {},
    workflowService: { describeTaskQueue: () => Promise.reject(new Error('denied')) },
  } as unknown as Client;
  for (const server of [there, mute])
    (await watchWorkers(server, { accounts: ['anthropic'], gpuQueues: ['flamingo-gpu'] }, say))();
  expect(say).not.toHaveBeenCalled();
});

it('waits for an orchestration worker no longer than it is told', async () => {
  expect(await orchestrationComes(serverWith({}), 20, 1)).toBe(false);
  const seen: Record<string, number> = {};
  const comes = orchestrationComes(serverWith(seen), 60_000, 1);
  seen['flamingo'] = 0;
  expect(await comes).toBe(true);
});

describe('the queues of GPU workers', () => {
  const none = { new: 0, reused: 1 };
  const some = { new: 1, reused: 0 };
  const nothing = { fineTunes: none, completions: none, measurements: none, byJudge: {}, cells: {} };
  const spec = { execution: { gpuQueue: 'flamingo-gpu' } } as Spec;
  const plan = { handoffs: { probe: { queue: 'flamingo-gpu-probe' } } } as unknown as Plan;
  it.each<[string, object, string[]]>([
    ['nothing is to be done', {}, []],
    ['a fine-tune’s answers are all stored', { fineTunes: some }, []],
    ['answers are to be generated', { completions: some }, ['flamingo-gpu']],
    ['a program waits on a queue of its own', { handoffs: { probe: some } }, ['flamingo-gpu-probe']],
    [
      'its model is to be trained',
      { fineTunes: some, handoffs: { probe: some } },
      ['flamingo-gpu', 'flamingo-gpu-probe'],
    ],
  ])('%s', (_, reuse, queues) => {
    expect(gpuQueuesOf(plan, spec, { ...nothing, ...reuse } as unknown as Reuse)).toEqual(queues);
  });
});
