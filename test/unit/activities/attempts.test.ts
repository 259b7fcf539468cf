import { earlierAttempts, hopelessAfter, recordAttempt } from '../../../activities/attempts';
import { sha256 } from '../../../experiment/canonical';
import { STORAGES } from '../../support/stores';

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

test.each(STORAGES)('an attempt without a record lost its worker, in the %s store', async (_, make) => {
  const storage = make();
  const attempt = await (await storage.open()).attempt({ stage: 'adapters', key: sha256('recipe') }, 'a1');
  expect(await earlierAttempts([attempt])).toMatchObject([{ end: 'host' }]);
  for (const text of [
    '{"end":',
    '[]',
    'null',
    '{"end": "eaten", "message": "", "checkpointStep": null}',
    '{"end": "oom"}',
  ]) {
    await attempt.write('ended.json', text);
    expect(await earlierAttempts([attempt])).toMatchObject([{ end: 'host' }]);
  }
  await recordAttempt(attempt, { end: 'oom', message: 'full', checkpointStep: 3 });
  expect(await earlierAttempts([attempt])).toEqual([{ end: 'oom', message: 'full', checkpointStep: 3 }]);
  storage.remove();
});
