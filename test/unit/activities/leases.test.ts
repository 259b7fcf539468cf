/** What becomes of work under a lease when the store is away as it ends. */
import { MockActivityEnvironment } from '@temporalio/testing';
import { withLease } from '../../../activities/leases';
import { type Store, StoreUnavailable, type WorkKey } from '../../../artifacts/store';
import { sha256 } from '../../../experiment/canonical';

const work: WorkKey = { stage: 'adapters', key: sha256('work') };

function storeWhoseRelease(fails: Error): Pick<Store, 'lease'> {
  return { lease: () => Promise.resolve({ renew: () => Promise.resolve(), release: () => Promise.reject(fails) }) };
}

function under(fails: Error, what: () => Promise<string>): Promise<string> {
  return new MockActivityEnvironment().run(() => withLease(storeWhoseRelease(fails) as Store, work, what));
}

test('a lease that can not be given back in an outage changes nothing about how the work ended', async () => {
  const outage = new StoreUnavailable('the bucket does not answer');
  expect(await under(outage, () => Promise.resolve('done'))).toBe('done');
  await expect(under(outage, () => Promise.reject(new Error('stopped')))).rejects.toThrow('stopped');
});

test('any other failure of giving it back is told', async () => {
  await expect(under(new Error('a bug'), () => Promise.resolve('done'))).rejects.toThrow('a bug');
});
