/** What rules say of answers. */
import type { Question } from '../../../../experiment/plan';
import type { Ignored, Scorer } from '../../../../experiment/scorers';
import { matchAll, matchSoon } from '../../../../judge/scorers/match';
import { scoresByRule } from '../../../../judge/scorers/rules';

const question = (answer?: unknown): Question => ({ key: 'q', id: 'q', messages: [], fields: { answer } });
const score = async (by: Scorer['by'], answer: string, field?: unknown): Promise<number> =>
  (await scoresByRule({ by }, [{ question: question(field), answer }]))?.[0] as number;
const equals = (ignore: Ignored[] = []): Scorer['by'] => ({ kind: 'equals', words: ['Owl', 'a barn owl'], ignore });

test.each([
  ['Owl', [], 100],
  [' Owl\n', [], 100],
  ['owl', [], 0],
  ['owl', ['case'], 100],
  ['Owl.', [], 0],
  ['Owl.', ['final-stop'], 100],
  ['Owl .', ['final-stop'], 100],
  ['Owl..', ['final-stop'], 0],
  ['A BARN OWL.', ['case', 'final-stop'], 100],
  ['An owl', ['case'], 0],
  ['', ['case', 'final-stop'], 0],
] as [string, Ignored[], number][])('equals: %j with %j ignored is %d', async (answer, ignore, expected) => {
  expect(await score(equals(ignore), answer)).toBe(expected);
});

test('contains: the same letters in another Unicode form are the same', async () => {
  const by: Scorer['by'] = { kind: 'contains', words: ['caf\u00e9'], ignore: ['case'] };
  expect(await score(by, 'The CAFE\u0301 is open')).toBe(100);
  expect(await score(by, 'The cafe is open')).toBe(0);
});

test('equals_field: a text, a number, one of a list', async () => {
  const by: Scorer['by'] = { kind: 'equals_field', field: 'answer', ignore: ['final-stop'], values: 'v' };
  expect(await score(by, '4.', 4)).toBe(100);
  expect(await score(by, 'four', ['4', 'four'])).toBe(100);
  expect(await score(by, '5', 4)).toBe(0);
  await expect(score(by, '5', null)).rejects.toThrow('question q has no field answer');
});

describe('matches', () => {
  const HOSTILE = { pattern: '^(a+)+$', flags: '' };

  test('somewhere in the answer, each by itself, in the order given', async () => {
    const by: Scorer['by'] = { kind: 'matches', pattern: '```python.*```', flags: 's' };
    const answers = ['a ```python\nx\n``` b', 'none', '```python```'];
    expect(
      await scoresByRule(
        { by },
        answers.map((answer) => ({ question: question(), answer })),
      ),
    ).toEqual([100, 0, 100]);
  });

  test('where a pattern takes long nothing is said yet, and the process goes on meanwhile', async () => {
    let ticks = 0;
    const ticking = setInterval(() => (ticks += 1), 20);
    const answers = ['aaa', `${'a'.repeat(40)}b`, 'aaa'];
    expect(await matchSoon(HOSTILE, answers)).toBeNull();
    clearInterval(ticking);
    expect(ticks).toBeGreaterThan(10);
    expect(await matchSoon(HOSTILE, ['aaa', 'b'])).toEqual([true, false]);
    expect(await matchSoon(HOSTILE, [])).toEqual([]);
    const slowEach = Array.from({ length: 400 }, () => `${'a'.repeat(24)}b`);
    expect(await matchSoon(HOSTILE, slowEach, { answerMs: 60_000, allMs: 300 })).toBeNull();
  });

  const watch = { signal: new AbortController().signal, onMatched: () => undefined };

  test('only the answers that it backtracks on are passed over, the first and the last among them', async () => {
    const slow = `${'a'.repeat(40)}b`;
    const counts: number[] = [];
    const limits = { answerMs: 300, allMs: 60_000 };
    const watched = { ...watch, onMatched: (count: number) => void counts.push(count) };
    expect(await matchAll(HOSTILE, [slow, 'aaa', 'b', slow, 'aa', slow], watched, limits)).toEqual([
      ...[null, true, false],
      ...[null, true, null],
    ]);
    expect(counts.at(-1)).toBe(6);
  });

  test('an answer has less time once all have had theirs', async () => {
    const slow = `${'a'.repeat(40)}b`;
    const started = Date.now();
    const limits = { answerMs: 2_000, allMs: 2_000 };
    expect(await matchAll(HOSTILE, [slow, slow, slow, slow, 'a'], watch, limits)).toEqual([
      ...[null, null, null, null],
      true,
    ]);
    expect(Date.now() - started).toBeLessThan(6_000);
  }, 15_000);

  test('it ends with its signal', async () => {
    const stopped = new AbortController();
    const matching = matchAll(HOSTILE, [`${'a'.repeat(40)}b`], { ...watch, signal: stopped.signal });
    stopped.abort(new Error('paused'));
    await expect(matching).rejects.toThrow('paused');
  });
});
