import { score } from '../../../../stand-in/scoring';
import { check } from '../../../../bench/judge/contenders/contender';
import { fill, makeItems, OTHER_RUBRIC, RUBRIC } from '../../../../bench/judge/prompts';

test('equal seeds give equal items, all different, of about 300 tokens', () => {
  const items = makeItems(500, 3);
  expect(makeItems(500, 3)).toEqual(items);
  expect(new Set(items.map(({ answer }) => answer)).size).toBe(500);
  for (const { prompt } of items) expect(Math.abs(prompt.length / 4 - 300)).toBeLessThan(3);
});

test('other seeds give other answers, so that nothing is judged already', () => {
  const before = new Set(makeItems(200, 1).map(({ answer }) => answer));
  expect(makeItems(200, 2).filter(({ answer }) => before.has(answer))).toEqual([]);
});

test('the expected verdict is what the stand-in says to the whole prompt', () => {
  for (const { prompt, question, answer, expected } of makeItems(20, 1)) {
    expect(prompt).toBe(fill(RUBRIC, question, answer));
    expect(score(prompt)).toBe(expected);
  }
});

test('marks fall on exactly their share of the items', () => {
  const items = makeItems(1_000, 1, { broken: 0.02, odd: 0.01 });
  const marked = (word: string): number => items.filter(({ question }) => question.includes(`(${word})`)).length;
  expect([marked('broken'), marked('odd')]).toEqual([20, 10]);
  expect(items.slice(0, 500).some(({ question }) => question.includes('(broken)'))).toBe(true);
});

test('the other rubric has other words', () => {
  expect(OTHER_RUBRIC).not.toBe(RUBRIC);
});

test('every verdict is checked', () => {
  const items = makeItems(3, 1);
  const [first, second] = items as [(typeof items)[0], (typeof items)[0]];
  const verdicts = new Map<string, number | null>([
    [first.id, first.expected],
    [second.id, second.expected + 1],
  ]);
  expect(check(items, verdicts)).toEqual({ lost: 1, wrong: 1 });
  expect(check([first], new Map([[first.id, null]]))).toEqual({ lost: 0, wrong: 1 });
});
