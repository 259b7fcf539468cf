/** What is spent is summed up; damaged lines are counted and said. */
import type { Store } from '../../../artifacts/store';
import { capReached, recordSpending, ShardSpending, spending, spentUsd } from '../../../judge/spending';
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
  // the next line stands by itself, and half a one is damage that is counted
  await recordSpending(store, 'demo', { shard: 'c', usd: 1 });
  expect(await spending(store, 'demo')).toEqual({ usd: 1.75, damagedLines: 1 });
  for (const line of ['{"usd"', '[]', '{"usd": "1"}', '{"usd": -3}']) {
    await store.writeRecord('spending', 'demo', `${whole}${line}\n`);
    expect(await spending(store, 'demo')).toEqual({ usd: 0.75, damagedLines: 1 });
    expect(await capReached(store, 'demo', 0.5)).toContain('1 damaged lines of the record are not counted');
  }
  storage.remove();
});

test('a shard’s spending is recorded one at a time, and in the end wholly, also after a record that was refused', async () => {
  const lines: number[] = [];
  const answers: ((refusal?: Error) => void)[] = [];
  const appendRecord = (_folder: string, _name: string, line: string): Promise<void> =>
    new Promise((resolve, reject) =>
      answers.push((refusal) => {
        if (refusal !== undefined) return reject(refusal);
        lines.push((JSON.parse(line) as { usd: number }).usd);
        resolve();
      }),
    );
  let spent = 1;
  const shard = new ShardSpending({ appendRecord } as unknown as Store, 'demo', 'a', () => spent);
  const beats = [shard.record(), shard.record(), shard.record()];
  expect(answers).toHaveLength(1);
  answers[0]!();
  await Promise.all(beats);
  spent = 3;
  const refused = shard.record();
  answers[1]!(new Error('it is full'));
  await expect(refused).rejects.toThrow('it is full');
  const running = shard.record();
  spent = 7;
  const all = shard.recordAll();
  answers[2]!();
  await running;
  await new Promise(setImmediate);
  answers[3]!();
  await all;
  expect(lines).toEqual([1, 2, 4]);
});
