/** What is said of a judge account that nobody judges for. */
import type { Client } from '@temporalio/client';
import { watchJudgeWorkers, whatIsMissing } from '../../../cli/judge-workers';

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
])('says %s', async (_, seen, line) => {
  const said = await whatIsMissing(serverWith(seen), 'anthropic');
  if (line === null) expect(said).toBeNull();
  else expect(said).toMatch(line);
});

it('says it after ten seconds, once, and not once it is told to stop', async () => {
  jest.useFakeTimers();
  try {
    const said: string[] = [];
    const stop = watchJudgeWorkers(serverWith({}), ['anthropic'], (line) => said.push(line));
    await jest.advanceTimersByTimeAsync(9_000);
    expect(said).toEqual([]);
    await jest.advanceTimersByTimeAsync(60_000);
    expect(said).toHaveLength(1);
    stop();
    expect(jest.getTimerCount()).toBe(0);
  } finally {
    jest.useRealTimers();
  }
});
