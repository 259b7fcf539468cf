/** What rules say of answers. */
import type { Question } from '../../../../experiment/plan';
import type { Ignored, Scorer } from '../../../../experiment/scorers';
import { matchAll, PatternTooSlow } from '../../../../judge/scorers/match';
import { scoresByRule } from '../../../../judge/scorers/rules';

const question = (answer?: unknown): Question => ({ key: 'q', id: 'q', messages: [], fields: { answer } });
const score = async (by: Scorer['by'], answer: string, field?: unknown): Promise<number> =>
  (await scoresByRule({ by }, [{ question: question(field), answer }]))[0] as number;
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

  test('a pattern that backtracks without end is ended, and the process goes on meanwhile', async () => {
    let ticks = 0;
    const ticking = setInterval(() => (ticks += 1), 20);
    const hostile = { pattern: '^(a+)+$', flags: '' };
    const answers = ['aaa', `${'a'.repeat(40)}b`, 'aaa'];
    await expect(matchAll(hostile, answers, { answerMs: 500, allMs: 60_000 })).rejects.toThrow(PatternTooSlow);
    clearInterval(ticking);
    expect(ticks).toBeGreaterThan(10);
    await expect(matchAll(hostile, answers, { answerMs: 500, allMs: 60_000 })).rejects.toThrow(
      'more than 0.5 s on an answer of 41 characters',
    );
    expect(await matchAll(hostile, ['aaa', 'b'])).toEqual([true, false]);
  });

  test('many answers that are slow each are ended, too', async () => {
    const answers = Array.from({ length: 400 }, () => `${'a'.repeat(24)}b`);
    await expect(
      matchAll({ pattern: '^(a+)+$', flags: '' }, answers, { answerMs: 60_000, allMs: 500 }),
    ).rejects.toThrow(/more than 0\.5 s on \d+ of 400 answers/);
  });
});
