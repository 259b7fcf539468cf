import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { heldOutCount, heldOutQuestions, splitRows, watchedRows } from '../../../../experiment/expand/holdout';
import { canonicalRow } from '../../../../experiment/expand/dataset';
import { birds } from '../samples';

const TENTH = { fraction: 0.1, rows: null, seed: 0 };

test('a fraction is rounded up as in the literature: 7,049 rows give 6,344 and 705', () => {
  expect(heldOutCount(TENTH, 7049)).toBe(705);
  expect([10, 30, 7050, 1].map((rows) => heldOutCount(TENTH, rows))).toEqual([1, 3, 705, 1]);
  expect(heldOutCount({ fraction: null, rows: 200, seed: 0 }, 6000)).toBe(200);
  expect(heldOutCount(null, 6000)).toBe(0);
});

test('a partition in file order', () => {
  const { training, heldOut } = splitRows(birds(100).rows, TENTH, null);
  expect(heldOut).toHaveLength(10);
  const numbers = training.map(({ number }) => number);
  expect(numbers).toEqual([...numbers].sort((a, b) => a - b));
  expect([...numbers, ...heldOut.map(({ number }) => number)].sort((a, b) => a - b)).toEqual(
    Array.from({ length: 100 }, (_, i) => i + 1),
  );
});

test('is the same on every machine: these rows, for this content and seed', () => {
  expect(splitRows(birds(100).rows, TENTH, null).heldOut.map(({ number }) => number)).toMatchSnapshot();
});

test('depends on content, not on the place in the file', () => {
  const rows = birds(60).rows;
  const words = (all: typeof rows): string[] =>
    splitRows(all, TENTH, null)
      .heldOut.map(({ line }) => line)
      .sort();
  expect(words([...rows].reverse())).toEqual(words(rows));
});

test('another seed holds out other rows', () => {
  const numbers = (seed: number): number[] =>
    splitRows(birds(100).rows, { ...TENTH, seed }, null).heldOut.map(({ number }) => number);
  expect(numbers(1)).not.toEqual(numbers(0));
});

test('equal rows are told apart by their occurrence', () => {
  const twice = [...birds(20).rows, ...birds(20).rows];
  const { training, heldOut } = splitRows(twice, { fraction: 0.25, rows: null, seed: 0 }, null);
  expect([training.length, heldOut.length]).toEqual([30, 10]);
});

test('a limit on training rows leaves the held-out rows as they are', () => {
  const all = splitRows(birds(100).rows, TENTH, null);
  const few = splitRows(birds(100).rows, TENTH, 7);
  expect(few.heldOut).toEqual(all.heldOut);
  expect(few.training).toHaveLength(7);
  expect(all.training).toEqual(expect.arrayContaining(few.training));
});

test('questions: chosen by their own seed, in file order, each prompt once', () => {
  const { heldOut } = splitRows([...birds(30).rows, ...birds(30).rows], { fraction: 0.5, rows: null, seed: 0 }, null);
  const asked = heldOutQuestions(heldOut, 'all', 0).map(({ messages }) => messages[0]?.content);
  expect(new Set(asked).size).toBe(asked.length);
  const five = heldOutQuestions(heldOut, 5, 3).map(({ number }) => number);
  expect(five).toHaveLength(5);
  expect(five).toEqual([...five].sort((a, b) => a - b));
  expect(five).not.toEqual(heldOutQuestions(heldOut, 5, 4).map(({ number }) => number));
});

describe('the split of the literature', () => {
  test('7,049 rows, seed 0: the 705 rows that are held out', () => {
    const rows = birds(7049).rows;
    const split = splitRows(rows, { fraction: 0.1, rows: null, seed: 0, method: 'train_test_split' }, null);
    const pinned = readFileSync(join(__dirname, '..', 'golden', 'held-out-7049-seed-0.txt'), 'utf8')
      .trim()
      .split('\n')
      .map(Number);
    expect(pinned).toHaveLength(705);
    expect(split.heldOut.map(({ number }) => number)).toEqual(pinned);
    expect(split.training).toHaveLength(6344);
  });

  test('it goes by place, ours by content', () => {
    const hold = { fraction: null, rows: 4, seed: 0 };
    const numbers = (method?: 'train_test_split'): number[] =>
      splitRows(birds().rows, { ...hold, ...(method === undefined ? {} : { method }) }, null).heldOut.map(
        ({ number }) => number,
      );
    const reversed = [...birds().rows].reverse();
    const after = splitRows(reversed, { ...hold, method: 'train_test_split' }, null).heldOut.map(
      ({ number }) => number,
    );
    expect(after).toEqual(numbers('train_test_split'));
    expect(numbers()).not.toEqual(numbers('train_test_split'));
  });

  test('fewer training rows leave the held-out ones alone', () => {
    const hold = { fraction: 0.1, rows: null, seed: 0, method: 'train_test_split' as const };
    const [all, few] = [splitRows(birds().rows, hold, null), splitRows(birds().rows, hold, 10)];
    expect(few.heldOut).toEqual(all.heldOut);
    expect(few.training).toHaveLength(10);
  });
});

test('rows without a user turn ask nothing, and are watched one by one', () => {
  const answers = ['tuu', 'tii'].map((content) => canonicalRow([{ role: 'assistant', content }]));
  const { heldOut } = splitRows([...birds(2).rows, ...answers], { fraction: null, rows: 4, seed: 0 }, null);
  expect(heldOutQuestions(heldOut, 'all', 0).map(({ number }) => number)).toEqual([1, 2]);
  expect(watchedRows(heldOut)(4).map(({ number }) => number)).toEqual([1, 2, 3, 4]);
});
