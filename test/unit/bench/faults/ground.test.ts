import { seedOf, turnOf, turnsOf } from '../../../../bench/faults/ground';

const words = (able: { s3: boolean; postgresql: boolean }): string[] =>
  turnsOf(able).map(({ server, store }) => `${server}/${store}`);

test('every third round is on PostgreSQL, and both stores come to be with it', () => {
  expect(words({ s3: true, postgresql: true })).toEqual([
    'embedded/folder',
    'embedded/s3',
    'postgresql/folder',
    'embedded/s3',
    'embedded/folder',
    'postgresql/s3',
  ]);
  expect(words({ s3: false, postgresql: true })).toEqual(['embedded/folder', 'embedded/folder', 'postgresql/folder']);
});

test('what a machine has not takes no turn', () => {
  expect(words({ s3: true, postgresql: false })).toEqual(['embedded/folder', 'embedded/s3']);
  expect(words({ s3: false, postgresql: false })).toEqual(['embedded/folder']);
});

test('rounds on the same ground are counted through, so that none has another’s faults', () => {
  const turns = turnsOf({ s3: true, postgresql: true });
  const rounds = Array.from({ length: 40 }, (_, round) => turnOf(round, turns));
  const keys = rounds.map(({ ground, nth }) => `${seedOf(1, ground)} ${nth}`);
  expect(new Set(keys).size).toBe(rounds.length);
  for (const { ground } of rounds.slice(0, 6)) {
    const nths = rounds.filter((each) => seedOf(1, each.ground) === seedOf(1, ground)).map(({ nth }) => nth);
    expect(nths).toEqual(nths.map((_, index) => index));
  }
});
