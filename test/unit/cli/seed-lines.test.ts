import { judgedPooledLine, judgedSeedLines } from '../../../cli/seed-lines';

test('a table without training seeds is not spoken of', () => {
  expect(judgedSeedLines('a.csv', { column: null, leftOut: null })).toEqual([]);
});

test.each([
  [{ column: 'seed', leftOut: null }, /^a\.csv: seed is taken for training seeds, .*; --no-seeds pools their rows$/],
  [
    { column: null, leftOut: { column: 'Seed', count: 1001, configurations: 2002 } },
    /^a\.csv: Seed has 1001 values, more than the 1000 that are taken for training seeds: the rows of a group are pooled/,
  ],
  [
    { column: null, leftOut: { column: 'seed', count: 300, configurations: 600 } },
    /^a\.csv: groups and their seeds are 600, more than the 500 configurations of a table: the rows of a group are pooled/,
  ],
])('%j is said', (seeds, line) => {
  const lines = judgedSeedLines('a.csv', seeds);
  expect(lines).toHaveLength(1);
  expect(lines[0]).toMatch(line);
});

test('a table that was judged without its seeds is named', () => {
  expect(judgedPooledLine('a.csv', 'judge-a-0123456789')).toMatch(
    /^a\.csv: it was judged as judge-a-0123456789, .*--no-seeds/,
  );
});
