import { refusingDamage } from '../../../activities/damage';
import { InvalidReference } from '../../../artifacts/reference';
import { ArtifactDamaged } from '../../../artifacts/store';

test.each([
  [new ArtifactDamaged('rows.jsonl has SHA-256 a'), 'DamagedArtifact'],
  [new InvalidReference('the reference to a plan is none'), 'InvalidInput'],
])('%s is told as a failure that is not retried', async (error, type) => {
  const { read } = refusingDamage({ read: () => Promise.reject(error) });
  await expect(read()).rejects.toMatchObject({ type, nonRetryable: true, message: error.message });
});

test('results and other errors pass', async () => {
  const { double, fail } = refusingDamage({
    double: (number: number) => Promise.resolve(2 * number),
    fail: () => Promise.reject(new Error('disk')),
  });
  expect(await double(3)).toBe(6);
  await expect(fail()).rejects.not.toHaveProperty('nonRetryable');
});
