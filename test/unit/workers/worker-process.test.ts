/** A worker's process ends once its main has, whatever that left open. */
import { StoreMisconfigured } from '../../../artifacts/store';
import { runProcess } from '../../../workers/worker-process';

test('a setting that a person has to change ends it with code 2', async () => {
  jest.spyOn(process, 'exit').mockReturnValue(undefined as never);
  jest.spyOn(process.stdin, 'destroy').mockReturnValue(process.stdin);
  jest.spyOn(process.stderr, 'write').mockReturnValue(true);
  jest.useFakeTimers();
  const { exitCode } = process;
  try {
    runProcess(() => Promise.reject(new StoreMisconfigured('set AWS_REGION')));
    await jest.advanceTimersByTimeAsync(10_000);
    expect(process.exitCode).toBe(2);
  } finally {
    process.exitCode = exitCode;
    jest.useRealTimers();
    jest.restoreAllMocks();
  }
});

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
