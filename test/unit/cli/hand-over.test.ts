import { type Client, WorkflowExecutionAlreadyStartedError, WorkflowNotFoundError } from '@temporalio/client';
import { handOver, leave, priorityOf } from '../../../cli/hand-over';

it('makes the experiment the fairness key of all its work', () => {
  expect(priorityOf('demo', undefined)).toEqual({ fairnessKey: 'demo' });
  expect(priorityOf('demo', 2)).toEqual({ fairnessKey: 'demo', priorityKey: 2 });
});

it('keeps to the 64 bytes that the server takes', () => {
  expect(priorityOf('a'.repeat(80), 3).fairnessKey).toBe('a'.repeat(64));
});

describe('without an orchestration worker', () => {
  const request = { plan: { uri: 'a', sha256: 'b', bytes: 1 }, store: 'one', output: 'results' } as never;
  const leaveWith = (start: jest.Mock): Promise<boolean> =>
    leave({ workflow: { start } } as unknown as Client, 'demo', request, 2);

  it('starts the workflow with the request as its input, which the server keeps', async () => {
    const start = jest.fn().mockResolvedValue({});
    expect(await leaveWith(start)).toBe(true);
    expect(start).toHaveBeenCalledWith(
      'experiment',
      expect.objectContaining({
        args: [request],
        taskQueue: 'flamingo',
        priority: { fairnessKey: 'demo', priorityKey: 2 },
      }),
    );
  });

  it('leaves one that is open as it is', async () => {
    const open = new WorkflowExecutionAlreadyStartedError('open', 'demo', 'experiment');
    expect(await leaveWith(jest.fn().mockRejectedValue(open))).toBe(false);
  });
});

it('says what is being done where a request is under way for long, such as while a judge does not answer', async () => {
  jest.useFakeTimers();
  const said = jest.spyOn(process.stderr, 'write').mockReturnValue(true);
  let answer: (applied: unknown) => void = () => undefined;
  const update = new Promise((resolve) => (answer = resolve));
  const gone = { describe: () => Promise.reject(new WorkflowNotFoundError('none', 'id', undefined)) };
  const client = { workflow: { executeUpdateWithStart: () => update, getHandle: () => gone } };
  const handed = handOver(client as unknown as Client, 'demo', {});
  await jest.advanceTimersByTimeAsync(14_000);
  expect(said).not.toHaveBeenCalled();
  await jest.advanceTimersByTimeAsync(2_000);
  expect(said).toHaveBeenCalledWith(expect.stringContaining('the judges are being checked'));
  answer({ changed: [] });
  expect(await handed).toEqual({ changed: [] });
  await jest.advanceTimersByTimeAsync(60_000);
  expect(said).toHaveBeenCalledTimes(1);
  jest.useRealTimers();
});
