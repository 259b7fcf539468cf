/** Shards that are being read count against the worker's slots until their requests queue at the pace. */
import { Opening } from '../../../judge/loading-shards';

const forever = (): Promise<void> => new Promise(() => undefined);

test('eight that are being read are enough', () => {
  const opening = new Opening();
  for (let shard = 0; shard < 7; shard++) void opening.during(forever);
  expect(opening.full).toBe(false);
  void opening.during(forever);
  expect(opening.full).toBe(true);
});

test('one that is open counts no more, however it ends', async () => {
  const opening = new Opening();
  for (let shard = 0; shard < 6; shard++) void opening.during(forever);
  let end: () => void = () => undefined;
  const judged = opening.during(async (opened) => {
    opened();
    await new Promise<void>((resolve) => (end = resolve));
    return 'judged';
  });
  void opening.during(forever);
  expect(opening.full).toBe(false);
  end();
  await expect(judged).resolves.toBe('judged');
  void opening.during(forever);
  expect(opening.full).toBe(true);
});

test('one that ends before it is open counts no more', async () => {
  const opening = new Opening();
  for (let shard = 0; shard < 7; shard++) void opening.during(forever);
  await expect(opening.during(() => Promise.reject(new Error('no such file')))).rejects.toThrow('no such file');
  expect(opening.full).toBe(false);
});
