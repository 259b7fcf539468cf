import { faultsOfRound, type KindOutline } from '../../../../bench/faults/schedule';

const KINDS: KindOutline[] = Array.from({ length: 7 }, (_, index) => ({
  name: `kind-${index}`,
  targets: ['one', 'two'],
  lasts: index % 2 === 0 ? [0, 0] : [5, 10],
}));

const rounds = (seed: number, count = 20) =>
  Array.from({ length: count }, (_, round) => faultsOfRound(seed, round, KINDS, 3));

test('a seed makes the same faults again, another one others', () => {
  expect(rounds(4)).toEqual(rounds(4));
  expect(rounds(4)).not.toEqual(rounds(5));
});

test('a round alone is what it is among others, so that a failing one can be played by itself', () => {
  expect(faultsOfRound(4, 11, KINDS, 3)).toEqual(rounds(4)[11]);
});

test('moments ascend, and each fault lasts as long as its kind may', () => {
  for (const faults of rounds(1)) {
    const moments = faults.map(({ at }) => at);
    expect(moments).toEqual([...moments].sort((a, b) => a - b));
    for (const { kind, lasts, chance } of faults) {
      const [least, most] = KINDS.find(({ name }) => name === kind)!.lasts;
      expect(lasts).toBeGreaterThanOrEqual(least * 1000);
      expect(lasts).toBeLessThanOrEqual(most * 1000);
      expect(chance).toBeLessThan(1);
    }
  }
});

test('every kind is used as often as any other, on either target', () => {
  const faults = rounds(9, 14 * 7).flat();
  const times = (of: (fault: (typeof faults)[number]) => string) => {
    const counts = new Map<string, number>();
    for (const fault of faults) counts.set(of(fault), (counts.get(of(fault)) ?? 0) + 1);
    return counts;
  };
  expect(new Set(times(({ kind }) => kind).values())).toEqual(new Set([42]));
  expect(times(({ target }) => target).size).toBe(2);
});

test('without kinds there are no faults', () => {
  expect(faultsOfRound(1, 0, [], 6)).toEqual([]);
});
