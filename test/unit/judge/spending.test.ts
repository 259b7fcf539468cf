/** What is spent is summed up; a damaged record is named instead of being counted as nothing. */
import { ArtifactDamaged } from '../../../artifacts/store';
import { capReached, recordSpending, spentUsd } from '../../../judge/spending';
import { STORAGES } from '../../support/stores';

test.each(STORAGES)('spending is summed up, half a last line aside, in the %s store', async (_, make) => {
  const storage = make();
  const store = await storage.open();
  expect(await spentUsd(store, 'demo')).toBe(0);
  await recordSpending(store, 'demo', { shard: 'a', usd: 0.25 });
  await recordSpending(store, 'demo', { shard: 'b', usd: 0.5 });
  expect(await spentUsd(store, 'demo')).toBe(0.75);
  expect(await capReached(store, 'demo', 0.7)).toContain('$0.75 of the cap of $0.70 are spent');
  const whole = await store.readRecord('spending', 'demo');
  await store.writeRecord('spending', 'demo', `${whole}{"usd": 4`);
  expect(await spentUsd(store, 'demo')).toBe(0.75);
  for (const line of ['{"usd"', '[]', '{"usd": "1"}', '{"usd": -3}']) {
    await store.writeRecord('spending', 'demo', `${whole}${line}\n`);
    await expect(spentUsd(store, 'demo')).rejects.toThrow(ArtifactDamaged);
    await expect(spentUsd(store, 'demo')).rejects.toThrow(
      /^spending\/demo:3 in the store is no row: .* Mend or remove/,
    );
  }
  storage.remove();
});
