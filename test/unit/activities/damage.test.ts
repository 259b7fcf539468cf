import { CancelledFailure } from '@temporalio/activity';
import { MockActivityEnvironment } from '@temporalio/testing';
import { DefaultLogger } from '@temporalio/worker';
import { refusingDamage } from '../../../activities/damage';
import { InvalidReference } from '../../../artifacts/reference';
import { isExpected } from '../../../activities/judge-failures';
import { JournalUnwritable } from '../../../artifacts/journal';
import { ArtifactDamaged, StoreUnavailable } from '../../../artifacts/store';
import { failure, FAILURES } from '../../../workflows/failures';

test.each([
  [new ArtifactDamaged('rows.jsonl has SHA-256 a'), 'DamagedArtifact'],
  [new InvalidReference('the reference to a plan is none'), 'InvalidInput'],
])('%s is told as a failure that is not retried', async (error, type) => {
  const { read } = refusingDamage({ read: () => Promise.reject(error) });
  await expect(read()).rejects.toMatchObject({ type, nonRetryable: true, message: error.message });
});

const TROUBLE = [
  Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' }),
  new JournalUnwritable('it was deleted'),
  new StoreUnavailable('the bucket does not answer'),
  failure(FAILURES.StoreUnavailable, 'No space left on device, says the trainer'),
];

const environment = (): MockActivityEnvironment =>
  new MockActivityEnvironment({}, { logger: new DefaultLogger('ERROR') });

test.each(TROUBLE)('%s is told as trouble of the store, and retried', async (error) => {
  const { write } = refusingDamage({ write: () => Promise.reject(error) });
  await expect(environment().run(write)).rejects.toMatchObject({
    type: 'StoreUnavailable',
    nonRetryable: false,
    message: error.message,
  });
  expect(isExpected(error)).toBe(true); // so it counts towards no limit of attempts
});

test.each(TROUBLE)('an activity that was told to stop ends as stopped in spite of %s', async (error) => {
  const stopped = environment();
  const { write } = refusingDamage({
    write: () => {
      stopped.cancel();
      return Promise.reject(error);
    },
  });
  await expect(stopped.run(write)).rejects.toBeInstanceOf(CancelledFailure);
});

test('results and other errors pass', async () => {
  const { double, fail } = refusingDamage({
    double: (number: number) => Promise.resolve(2 * number),
    fail: () => Promise.reject(new Error('disk')),
  });
  expect(await double(3)).toBe(6);
  await expect(fail()).rejects.not.toHaveProperty('nonRetryable');
});
