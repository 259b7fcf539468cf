/** Which tokens speak for which word of a metric. */
import {
  areApart,
  beginsAWord,
  describeWords,
  tellsNoProbabilities,
  wordReader,
} from '../../../experiment/word-scores';

const read = (words: Record<string, number>, others: string[] = []) => {
  const reader = wordReader(words, others);
  return (...texts: string[]) => texts.map(reader);
};

test('a word counts in whatever case, and nothing that only looks like it', () => {
  const yesNo = read({ YES: 100, NO: 0 });
  expect(yesNo('YES', 'yes', 'Yes', 'yEs', 'NO', 'no')).toEqual([100, 100, 100, 100, 0, 0]);
  const others = [
    '',
    'Y',
    'N',
    'YESS',
    'NOT',
    'None',
    'YES.',
    '"YES"',
    'ＹＥＳ',
    'Ｎｏ',
    'ye\u200Bs',
    'Y\u0000S',
    '1',
    '50',
  ];
  expect(yesNo(...others)).toEqual(others.map(() => null));
  // the Kelvin sign is a k in lower case
  expect(read({ OK: 1, BAD: 0 })('O\u212A', 'ok')).toEqual([null, 1]);
});

test('a word of several tokens is known by its beginning of two letters, unless that may be another one', () => {
  const said = read({ UNSAFE: 0, UNCLEAR: 50, SAFE: 100 });
  expect(said('SA', 'safe', 'UNS', 'UNC', 'S')).toEqual([100, 100, 0, 50, null]);
  expect(said('UN', 'un', 'Un')).toEqual(['undecided', null, null]);
  expect(read({ A: 100, B: 0 })('A', 'b', 'C')).toEqual([100, 0, null]);
  expect(read({ 1: 0, 2: 50, 3: 100 })('1', '3', '10', '4')).toEqual([0, 100, null, null]);
});

test('the beginning of any other reply is none of a word in capitals', () => {
  const correct = read({ CORRECT: 100, INCORRECT: 0 });
  expect(correct('In', 'in', 'Inc', 'Co', 'correct')).toEqual([null, null, null, null, 100]);
  expect(correct('IN', 'INC', 'COR', 'Incorrect')).toEqual([0, 0, 100, 0]);
  const notable = read({ NOTABLE: 100, MINOR: 0 });
  expect(notable('No', 'no', 'Not', 'NOT', 'Notable')).toEqual([null, null, null, 100, 100]);
  // a word is begun as it is written
  expect(read({ Correct: 100, wrong: 0 })('Corr', 'CORR', 'corr', 'wro', 'Wro')).toEqual([100, null, null, 0, null]);
});

test('a verdict word is none of the words, and its beginning may be either', () => {
  const said = read({ REFUTES: 0, SUPPORTS: 100 }, ['REFUSAL']);
  expect(said('REFUSAL', 'REFUS', 'REFU', 'REFUT', 'REF')).toEqual([null, null, 'undecided', 0, 'undecided']);
});

test.each([
  ['YES', 'NO', true],
  ['NO', 'NONE', false],
  ['none', 'NO', false],
  ['Yes', 'YES', false],
  ['1', '10', false],
])('%s and %s are told apart: %s', (a, b, apart) => {
  expect([areApart(a, b), areApart(b, a)]).toEqual([apart, apart]);
});

test('a local judge’s first tokens that begin a word are in its probability already', () => {
  const words = { YES: 100, NO: 0 };
  expect(['Y', 'ye', 'YES', 'n'].map((text) => beginsAWord(text, words))).toEqual([true, true, true, true]);
  expect(['', 'NOT', 'I', 'CODE'].map((text) => beginsAWord(text, words))).toEqual([false, false, false, false]);
});

test('in words', () => {
  expect(describeWords({ YES: 100, MAYBE: 50.5 })).toBe('YES 100, MAYBE 50.5');
  expect(tellsNoProbabilities('cites', '`judge`', 'openai').hint).toContain('ask a judge of `score: expected`;');
  expect(tellsNoProbabilities('cites', '`judge`', 'claude').hint).toContain('or of `kind: local`');
});
