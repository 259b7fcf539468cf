/** A worker's process ends once its main has, whatever that left open. */
import { runProcess } from '../../../workers/worker-process';

test('what a failed worker left open does not hold its process for long', async () => {
  jest.useFakeTimers();
  const exit = jest.spyOn(process, 'exit').mockReturnValue(undefined as never);
  const destroy = jest.spyOn(process.stdin, 'destroy').mockReturnValue(process.stdin);
  const write = jest.spyOn(process.stderr, 'write').mockReturnValue(true);
  const { exitCode } = process;
  try {
    runProcess(() => Promise.reject(new Error('no device')));
    await jest.advanceTimersByTimeAsync(10_000);
    expect(write).toHaveBeenCalledWith('no device\n');
    expect(destroy).toHaveBeenCalled();
    expect(process.exitCode).toBe(1);
    expect(exit).toHaveBeenCalledTimes(1);
  } finally {
    process.exitCode = exitCode;
    jest.useRealTimers();
    jest.restoreAllMocks();
  }
});
