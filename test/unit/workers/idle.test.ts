import { endWhenIdle, idleLimit, noExperimentIsOpen } from '../../../workers/idle';

beforeEach(() => jest.useFakeTimers());
afterEach(() => jest.useRealTimers());

/** A worker that has been idle since `since.at`. */
function idling(limitMs: number, nothingOpen: () => Promise<boolean>) {
  const since = { at: Date.now() };
  const end = jest.fn();
  const stop = endWhenIdle({ limitMs, idleMs: () => Date.now() - since.at, nothingOpen, end });
  return { since, end, stop };
}

it('ends a worker that has had nothing to do for so long, once', async () => {
  const { end } = idling(60_000, () => Promise.resolve(true));
  await jest.advanceTimersByTimeAsync(59_000);
  expect(end).not.toHaveBeenCalled();
  await jest.advanceTimersByTimeAsync(120_000);
  expect(end).toHaveBeenCalledTimes(1);
});

it('begins anew with each activity', async () => {
  const { since, end } = idling(60_000, () => Promise.resolve(true));
  for (let round = 0; round < 5; round += 1) {
    await jest.advanceTimersByTimeAsync(50_000);
    since.at = Date.now();
  }
  expect(end).not.toHaveBeenCalled();
  await jest.advanceTimersByTimeAsync(66_000);
  expect(end).toHaveBeenCalledTimes(1);
});

it('waits for what is still open, and for a server that does not answer', async () => {
  const answers = [() => Promise.reject(new Error('no server')), () => Promise.resolve(false)];
  const { end } = idling(60_000, () => (answers.shift() ?? (() => Promise.resolve(true)))());
  await jest.advanceTimersByTimeAsync(69_000);
  expect(end).not.toHaveBeenCalled();
  await jest.advanceTimersByTimeAsync(20_000);
  expect(end).toHaveBeenCalledTimes(1);
});

it('ends nothing after it was stopped', async () => {
  const { end, stop } = idling(60_000, () => Promise.resolve(true));
  stop();
  await jest.advanceTimersByTimeAsync(200_000);
  expect(end).not.toHaveBeenCalled();
});

it('takes the limit from the environment', () => {
  expect(idleLimit({})).toBeNull();
  expect(idleLimit({ FLAMINGO_EXIT_WHEN_IDLE: '10m' })).toBe(600_000);
  expect(() => idleLimit({ FLAMINGO_EXIT_WHEN_IDLE: 'soon' })).toThrow('FLAMINGO_EXIT_WHEN_IDLE=soon');
});

it('asks Temporal for open experiments', async () => {
  const asked: string[] = [];
  const service = (count: number) =>
    ({
      countWorkflowExecutions: ({ query }: { query: string }) => {
        asked.push(query);
        return Promise.resolve({ count });
      },
    }) as unknown as Parameters<typeof noExperimentIsOpen>[0];
  expect(await noExperimentIsOpen(service(0), 'default')).toBe(true);
  expect(await noExperimentIsOpen(service(2), 'default')).toBe(false);
  expect(asked[0]).toContain("'experiment'");
});
