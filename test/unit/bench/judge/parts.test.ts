import { chosenParts, PARTS } from '../../../../bench/judge/parts';

const chosen = (only: string[] | null, quick = false): string[] => chosenParts({ only, quick }).map(({ id }) => id);

test('--only takes parts and groups, and keeps the order in which they are run', () => {
  expect(chosen(['rerun', 'limits'])).toEqual(['limits-a', 'limits-b', 'limits-c', 'limits-d', 'limits-e', 'rerun']);
  expect(chosen(['kills'])).toEqual(['kills']);
  expect(chosen(['kills-all', 'limits-peers'])).toEqual(['limits-peers-a', 'limits-peers-b', 'kills-all']);
  expect(chosen(null)).toHaveLength(PARTS.length);
  expect(() => chosen(['h9'])).toThrow("there is no part 'h9'");
});

test('--quick proves fan-out, limits and kills', () => {
  expect(chosen(null, true)).toEqual(['fan-out', 'limits-a', 'kills', 'kills-all']);
  expect(() => chosen(['memory'], true)).toThrow('none of these parts is quick');
});

test('no two parts share a name', () => {
  const ids = PARTS.map(({ id }) => id);
  expect(new Set(ids).size).toBe(ids.length);
});
