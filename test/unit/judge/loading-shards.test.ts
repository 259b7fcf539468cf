/** Shards that are being loaded count against the worker's slots until their requests queue at the pace. */
import { LoadingShards } from '../../../judge/loading-shards';

const forever = (): Promise<void> => new Promise(() => undefined);

test('eight that are being loaded are enough', () => {
  const loading = new LoadingShards();
  for (let shard = 0; shard < 7; shard++) void loading.during(forever);
  expect(loading.full).toBe(false);
  void loading.during(forever);
  expect(loading.full).toBe(true);
});

test('one that is loaded counts no more, however it ends', async () => {
  const loading = new LoadingShards();
  for (let shard = 0; shard < 6; shard++) void loading.during(forever);
  let end: () => void = () => undefined;
  const judged = loading.during(async (loaded) => {
    loaded();
    await new Promise<void>((resolve) => (end = resolve));
    return 'judged';
  });
  void loading.during(forever);
  expect(loading.full).toBe(false);
  end();
  await expect(judged).resolves.toBe('judged');
  void loading.during(forever);
  expect(loading.full).toBe(true);
});

test('one that ends before it is loaded counts no more', async () => {
  const loading = new LoadingShards();
  for (let shard = 0; shard < 7; shard++) void loading.during(forever);
  await expect(loading.during(() => Promise.reject(new Error('no such file')))).rejects.toThrow('no such file');
  expect(loading.full).toBe(false);
});
