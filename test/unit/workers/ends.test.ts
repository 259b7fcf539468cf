/** What ends a running worker besides a signal, and what it says of that. */
import type { Logger } from 'pino';
import { askedEnds, saidOfEnds, watchEnds, type AskedEnds, type Watched } from '../../../workers/ends';
import { Stranger } from '../../../workers/peers';
import { until } from '../../support/until';

const info = jest.fn();
const shutdown = jest.fn();
beforeEach(() => jest.clearAllMocks());

const watched = (more: Partial<Watched> = {}): Watched => ({
  ...{ idleMs: () => 0, nothingOpen: async () => true, peers: null, shutdown, ...more },
  logger: { info } as unknown as Logger,
});
const NONE: AskedEnds = { idle: null, spot: null };

test('the environment asks for ends, which are said at the start', () => {
  expect(askedEnds({})).toEqual(NONE);
  const asked = askedEnds({ FLAMINGO_EXIT_WHEN_IDLE: '10m', FLAMINGO_SPOT: 'auto' });
  expect(asked).toMatchObject({ idle: { limitMs: 600_000, text: '10m' }, spot: { cloud: 'auto' } });
  expect(saidOfEnds(asked)).toEqual({ endsWhenIdle: '10m', spot: 'notices of whichever cloud this is' });
  expect(saidOfEnds(NONE)).toEqual({ endsWhenIdle: null, spot: null });
});

test('one without work shuts down, says why, and has not failed', async () => {
  const ends = watchEnds({ idle: { limitMs: 60, text: '60ms' }, spot: null }, watched({ idleMs: () => 100 }));
  await until('the end', () => shutdown.mock.calls.length > 0);
  expect(info).toHaveBeenCalledWith('no work for 60ms: the worker ends');
  ends.check();
  ends.stop();
});

test('one that is a stranger shuts down and throws it', () => {
  let tell = (error: Stranger): void => void error;
  const peers = { onStranger: (told: typeof tell) => void (tell = told), stop: () => undefined };
  const ends = watchEnds(NONE, watched({ peers }));
  ends.check();
  tell(new Stranger('another store'));
  expect(shutdown).toHaveBeenCalledTimes(1);
  expect(() => ends.check()).toThrow('another store');
  ends.stop();
});

test('after a signal nothing else ends it, and when it is over nobody hears signals for it', async () => {
  const before = process.listenerCount('SIGTERM');
  const ends = watchEnds({ idle: { limitMs: 60, text: '60ms' }, spot: null }, watched({ idleMs: () => 100 }));
  expect(process.listenerCount('SIGTERM')).toBe(before + 1);
  process.emit('SIGTERM');
  await new Promise((resolve) => setTimeout(resolve, 200));
  expect(shutdown).not.toHaveBeenCalled();
  ends.stop();
  expect(process.listenerCount('SIGTERM')).toBe(before);
});
