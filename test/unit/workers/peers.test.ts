import { hostname } from 'node:os';
import { temporal } from '@temporalio/proto';
import {
  pidOf,
  identityOf,
  type orchestrationPollers,
  peerOf,
  requireKin,
  Stranger,
  watchPeers,
} from '../../../workers/peers';

const NOW = 1_700_000_000_000;
const SERVER = 'temporal.lab:7233';
const me = { who: 'gpu@box:1', version: '0.2.0', store: 'aaaa' };
const poller = (identity: string, secondsAgo = 1) => ({ identity, lastSeen: NOW - secondsAgo * 1000 });
const other = (version: string, store: string, who = 'orchestration@vm:7') =>
  `${who} flamingo/${version} store/${store}`;

it('finds in an identity what was put into it', () => {
  const identity = identityOf('gpu', { version: '0.2.0', store: 'aaaa' });
  expect(peerOf(identity)).toEqual({ who: `gpu@${hostname()}:${process.pid}`, version: '0.2.0', store: 'aaaa' });
  expect(peerOf('orchestration@vm:7')).toBeNull();
});

it('finds the process of a worker, also of one of version 0.1.0', () => {
  expect(pidOf(identityOf('judge-stand-in', { version: '0.1.0', store: 'one' }))).toBe(process.pid);
  expect(pidOf('judge-stand-in@host:17')).toBe(17);
  expect(pidOf('a client')).toBeNull();
});

it('works beside its kin, and where nobody is', () => {
  expect(requireKin(me, [poller(other('0.2.0', 'aaaa'))], NOW, SERVER)).toBe(true);
  expect(requireKin(me, [], NOW, SERVER)).toBe(false);
  expect(requireKin(me, [poller('orchestration@vm:7')], NOW, SERVER)).toBe(false);
});

it('refuses another store, with both named', () => {
  const refusal = () => requireKin(me, [poller(other('0.2.0', 'bbbb'))], NOW, SERVER);
  expect(refusal).toThrow(Stranger);
  expect(refusal).toThrow(
    /this worker has the store aaaa, orchestration@vm:7 has the store bbbb; both are at the Temporal server temporal\.lab:7233/,
  );
});

it('refuses another version, with both named', () => {
  expect(() => requireKin(me, [poller(other('0.1.0', 'aaaa'))], NOW, SERVER)).toThrow(
    /this worker is Flamingo 0\.2\.0, orchestration@vm:7 is Flamingo 0\.1\.0; both are at the Temporal server temporal\.lab:7233/,
  );
});

it('is welcome while an upgrade drains, with either version', () => {
  const both = [poller(other('0.1.0', 'aaaa', 'old@vm:1')), poller(other('0.2.0', 'aaaa', 'new@vm:2'), 20)];
  expect(requireKin(me, both, NOW, SERVER)).toBe(true);
  expect(requireKin({ ...me, version: '0.1.0' }, both, NOW, SERVER)).toBe(true);
});

it('goes by who was seen last, and not by who was killed', () => {
  const moved = [poller(other('0.2.0', 'bbbb', 'before@vm:1'), 40), poller(other('0.2.0', 'aaaa', 'now@vm:2'), 3)];
  expect(requireKin(me, moved, NOW, SERVER)).toBe(true);
  expect(requireKin(me, [poller(other('0.2.0', 'bbbb'), 80)], NOW, SERVER)).toBe(false);
});

type Service = Parameters<typeof orchestrationPollers>[0];
const serviceOf = (answer: () => { identity: string }[]): Service =>
  ({
    describeTaskQueue: (request: object) => {
      expect(request).toMatchObject({
        taskQueue: { name: 'flamingo' },
        taskQueueType: temporal.api.enums.v1.TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW,
      });
      const seconds = Math.floor(Date.now() / 1000);
      return Promise.resolve({
        pollers: answer().map(({ identity }) => ({ identity, lastAccessTime: { seconds } })),
      });
    },
  }) as unknown as Service;

const MINE = 'gpu@box:1 flamingo/0.2.0 store/aaaa';

it('refuses at the start when the others are there', async () => {
  const service = serviceOf(() => [{ identity: other('0.2.0', 'bbbb') }]);
  await expect(watchPeers(service, 'default', MINE, SERVER)).rejects.toThrow(Stranger);
});

it('refuses once they come', async () => {
  jest.useFakeTimers();
  try {
    let there: { identity: string }[] = [];
    const watch = await watchPeers(
      serviceOf(() => there),
      'default',
      MINE,
      SERVER,
    );
    const told = jest.fn();
    watch.onStranger(told);
    await jest.advanceTimersByTimeAsync(60_000);
    expect(told).not.toHaveBeenCalled();
    there = [{ identity: other('0.3.0', 'aaaa') }];
    await jest.advanceTimersByTimeAsync(60_000);
    expect(told).toHaveBeenCalledTimes(1);
    expect(String(told.mock.calls[0][0])).toContain('0.3.0');
  } finally {
    jest.useRealTimers();
  }
});

it('tells of others that came before anybody listened', async () => {
  jest.useFakeTimers();
  try {
    let there: { identity: string }[] = [];
    const watch = await watchPeers(
      serviceOf(() => there),
      'default',
      MINE,
      SERVER,
    );
    there = [{ identity: other('0.2.0', 'bbbb') }];
    await jest.advanceTimersByTimeAsync(60_000);
    const told = jest.fn();
    watch.onStranger(told);
    expect(told).toHaveBeenCalledTimes(1);
  } finally {
    jest.useRealTimers();
  }
});

it('does not keep a process that has nothing else to do', async () => {
  const interval = jest.spyOn(global, 'setInterval');
  const watch = await watchPeers(
    serviceOf(() => []),
    'default',
    MINE,
    SERVER,
  );
  const timer = interval.mock.results[0]?.value as NodeJS.Timeout;
  interval.mockRestore();
  expect(timer.hasRef()).toBe(false);
  watch.stop();
});

it('is no worker’s end when the server does not list pollers', async () => {
  const service = { describeTaskQueue: () => Promise.reject(new Error('denied')) } as unknown as Service;
  const watch = await watchPeers(service, 'default', MINE, SERVER);
  watch.stop();
});
