import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { earlierAttempts, hopelessAfter, recordAttempt } from '../../../activities/attempts';

type Attempts = Parameters<typeof hopelessAfter>[0];
const died = { end: 'died', message: 'the trainer was ended by SIGSEGV', checkpointStep: null } as const;
const advanced = { ...died, checkpointStep: 40 } as const;
const preempted = { end: 'preempted', message: '', checkpointStep: null } as const;

const times = <T>(count: number, item: T): T[] => Array.from({ length: count }, () => item);

test.each<[string, Attempts, boolean]>([
  ['four deaths without progress', times(4, died), false],
  ['five', times(5, died), true],
  ['out of memory counts', [...times(4, died), { ...died, end: 'oom' }], true],
  ['progress in between starts the count anew', [...times(4, died), advanced, ...times(4, died)], false],
  ['preemptions never count', times(50, preempted), false],
  [
    'and neither add to deaths nor break a row of them',
    [...times(2, died), ...times(9, preempted), ...times(3, died)],
    true,
  ],
  ['host failures never count', times(50, { ...died, end: 'host' }), false],
])('%s', (_what, attempts, hopeless) => {
  expect(hopelessAfter(attempts) !== null).toBe(hopeless);
});

test('the reason quotes the last failure', () => {
  expect(hopelessAfter(times(5, died))).toContain('SIGSEGV');
});

test('an attempt without a record lost its worker', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'flamingo-attempt-'));
  expect(await earlierAttempts([folder])).toMatchObject([{ end: 'host' }]);
  await recordAttempt(folder, { end: 'oom', message: 'full', checkpointStep: 3 });
  expect(await earlierAttempts([folder])).toEqual([{ end: 'oom', message: 'full', checkpointStep: 3 }]);
  rmSync(folder, { recursive: true });
});
