import { sha256 } from '../../../experiment/canonical';
import { judgeShardSize, shardsOf } from '../../../experiment/shards';

const items = Array.from({ length: 23 }, (_, index) => ({ id: sha256(String(index)) }));

test('every item is in one shard, all full but the last', () => {
  const shards = shardsOf(items, new Set(), 5);
  expect(shards.map((shard) => shard.items.length)).toEqual([5, 5, 5, 5, 3]);
  expect(shards.flatMap((shard) => shard.items)).toEqual(items);
});

test('finished shards taken away leave the others as they were: a restart makes the same shards', () => {
  const all = shardsOf(items, new Set(), 5);
  for (const finished of [[0], [1, 3], [4], [0, 1, 2, 3]]) {
    const done = new Set(finished.flatMap((index) => all[index]?.items.map(({ id }) => id) ?? []));
    const rest = shardsOf(items, done, 5);
    expect(rest).toEqual(all.filter((_, index) => !finished.includes(index)));
  }
});

test('more items only add shards', () => {
  const done = new Set(items.map(({ id }) => id));
  const more = [...items, { id: sha256('new') }];
  expect(shardsOf(more, done, 5)).toHaveLength(1);
});

describe('the size of live judge shards', () => {
  const shards = (groups: number[]): number => {
    const size = judgeShardSize(groups);
    expect(size).toBeGreaterThanOrEqual(50);
    return groups.reduce((sum, count) => sum + Math.ceil(count / size), 0);
  };

  test('a configuration has at most 100, however its judgements are grouped', () => {
    for (const judgements of [1, 64, 800, 4_000, 16_000, 1_000_000]) {
      expect(shards([judgements])).toBeLessThanOrEqual(81);
      for (const groups of [4, 12, 36, 100]) {
        expect(shards(Array.from({ length: groups }, () => Math.ceil(judgements / groups)))).toBeLessThanOrEqual(100);
      }
    }
  });

  test('with more groups than that each has one', () => {
    expect(shards(Array.from({ length: 130 }, () => 900))).toBe(130);
  });
});
