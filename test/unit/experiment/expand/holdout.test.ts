import { canonicalRow, datasetOf, rowsText } from '../../../../experiment/expand/dataset';
import { heldOutCount, heldOutQuestions, splitRows } from '../../../../experiment/expand/holdout';
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

test('canonical form: as Python writes it with ensure_ascii=False', () => {
  const row = canonicalRow([
    { role: 'user', content: 'Ü "quoted" \\ \n\t\u0001 \u2028 😀' },
    { role: 'assistant', content: 'ok' },
  ]);
  expect(row.line).toBe(
    '{"messages": [{"role": "user", "content": "Ü \\"quoted\\" \\\\ \\n\\t\\u0001 \u2028 😀"}, {"role": "assistant", "content": "ok"}]}',
  );
  expect(rowsText(datasetOf([row]).rows)).toBe(`${row.line}\n`);
});
