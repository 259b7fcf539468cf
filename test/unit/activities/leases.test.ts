/** Leases inside activities: what the work came to stands, whatever becomes of the lease. */
import { MockActivityEnvironment } from '@temporalio/testing';
import { DefaultLogger } from '@temporalio/worker';
import { withLease } from '../../../activities/leases';
import { Busy, type Store, StoreUnavailable } from '../../../artifacts/store';
import { sha256 } from '../../../experiment/canonical';

const away = (): Promise<never> => Promise.reject(new StoreUnavailable('it is away'));

function under<T>(lease: Store['lease'], work: () => Promise<T>): Promise<unknown> {
  const environment = new MockActivityEnvironment({}, { logger: new DefaultLogger('ERROR') });
  return environment.run(() =>
    withLease({ lease } as Store, { stage: 'adapters', key: sha256('work') }, 'waiting', work),
  );
}

test('a lease that can not be given back changes neither a result nor an error', async () => {
  const lease = () => Promise.resolve({ renew: away, release: away });
  expect(await under(lease, () => Promise.resolve('done'))).toBe('done');
  await expect(under(lease, () => Promise.reject(new Error('the work’s own')))).rejects.toThrow('the work’s own');
});

test('a second comer is told that it is Busy, and trouble of the store as it came', async () => {
  const work = () => Promise.reject(new Error('must not begin'));
  await expect(under(() => Promise.reject(new Busy('held')), work)).rejects.toMatchObject({ type: 'Busy' });
  await expect(under(away, work)).rejects.toThrow(StoreUnavailable);
});
