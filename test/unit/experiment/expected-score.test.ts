import {
  expectedVerdict,
  massesOf,
  readTokenTable,
  tokenTableText,
  tokenTableWords,
  type TokenTable,
} from '../../../experiment/expected-score';

const WORDS = ['CODE', 'REFUSAL'] as const;

function table(probabilities: Record<string, number> | [string, number][]): TokenTable {
  const entries = Array.isArray(probabilities) ? probabilities : Object.entries(probabilities);
  return entries.map(([token, probability]) => ({ token, logprob: Math.log(probability) }));
}

function verdict(probabilities: Record<string, number> | [string, number][], leastMass = 0.25) {
  return expectedVerdict(table(probabilities), { leastMass }, WORDS);
}

test('the score is the mean of the numbers, weighted with their probabilities and divided by their mass', () => {
  expect(verdict({ '85': 1 })).toEqual({ status: 'scored', score: 85 });
  expect(verdict({ '0': 0.5, '100': 0.5 })).toEqual({ status: 'scored', score: 50 });
  // (0.3 * 80 + 0.1 * 20) / 0.4
  expect(verdict({ '80': 0.3, '20': 0.1, Sure: 0.6 })).toEqual({ status: 'scored', score: 65 });
  expect(verdict({ '90': 0.6, '85': 0.3 }).score).toBeCloseTo(88.333333, 6);
});

test('the mass is that of the numbers, or words, alone', () => {
  expect(massesOf(table({ '80': 0.3, ' 20 ': 0.1, Sure: 0.5, '101': 0.1 }), WORDS).counts).toBeCloseTo(0.4, 12);
  expect(massesOf([], WORDS)).toEqual({ counts: 0, undecided: 0 });
  const words = { YES: 100, NO: 0 };
  const found = massesOf(table({ YES: 0.3, ' no': 0.1, '80': 0.2, CODE: 0.1, Y: 0.2 }), WORDS, words);
  expect(found.counts).toBeCloseTo(0.4, 12);
  expect(found.undecided).toBe(0);
});

test('what may be a word or a verdict word does not count, and is told apart from what says neither', () => {
  const words = { REFUTES: 0, SUPPORTS: 100 };
  const said = table({ REF: 0.5, SUP: 0.3, The: 0.2 });
  const found = massesOf(said, WORDS, words);
  expect(found.counts).toBeCloseTo(0.3, 12);
  expect(found.undecided).toBeCloseTo(0.5, 12);
  expect(expectedVerdict(said, { leastMass: 0.25 }, WORDS, words).status).toBe('unparsable');
  expect(massesOf(said, [], words).counts).toBeCloseTo(0.8, 12);
});

test('only ASCII whole numbers 0-100 are numbers, with white space around them or not', () => {
  const others = { '101': 0.1, '-5': 0.1, '085': 0.1, '8.5': 0.1, '８５': 0.1, '٨٥': 0.1, '5_0': 0.1 };
  expect(verdict({ '50': 0.3, ...others })).toEqual({ status: 'scored', score: 50 });
  expect(verdict({ ' 40': 0.2, '60\n': 0.2 })).toEqual({ status: 'scored', score: 50 });
  // two tokens may be written alike, as bytes that are no text by themselves are
  expect(
    verdict([
      ['10', 0.3],
      ['10', 0.1],
      ['90', 0.4],
    ]),
  ).toEqual({ status: 'scored', score: 50 });
});

test('below the least mass there is no score', () => {
  expect(verdict({ '50': 0.26, The: 0.74 }).status).toBe('scored');
  expect(verdict({ '50': 0.24, The: 0.76 })).toEqual({ status: 'unparsable', score: null });
  expect(verdict({ '50': 0.7, The: 0.3 }, 0.8)).toEqual({ status: 'unparsable', score: null });
  expect(verdict({ '50': 0.2 }, 0.1)).toEqual({ status: 'scored', score: 50 });
  expect(verdict({})).toEqual({ status: 'unparsable', score: null });
});

test('a verdict word weighs nothing beside enough numbers, and is the verdict where they are too few', () => {
  expect(verdict({ CODE: 0.7, '50': 0.3 })).toEqual({ status: 'scored', score: 50 });
  expect(verdict({ CODE: 0.9, '50': 0.1 })).toEqual({ status: 'code', score: null });
  expect(verdict({ REF: 0.8, RE: 0.1, '10': 0.05 })).toEqual({ status: 'model_refused', score: null });
  expect(verdict({ CODE: 0.2, REF: 0.2, I: 0.6 })).toEqual({ status: 'unparsable', score: null });
});

test('a word that the rubric does not allow, or of which one letter is there, is none', () => {
  expect(expectedVerdict(table({ CODE: 1 }), { leastMass: 0.25 }, ['REFUSAL'])).toEqual({
    status: 'unparsable',
    score: null,
  });
  expect(verdict({ R: 1 }).status).toBe('unparsable');
  expect(verdict({ code: 1 }).status).toBe('unparsable');
});

describe('of words', () => {
  const YES_NO = { YES: 100, NO: 0 };
  const worded = (
    probabilities: Record<string, number> | [string, number][],
    words: Record<string, number> = YES_NO,
    leastMass = 0.25,
  ) => expectedVerdict(table(probabilities), { leastMass }, WORDS, words);

  test('the score is the mean of their values, weighted with the probabilities of all their spellings', () => {
    expect(worded({ YES: 1 })).toEqual({ status: 'scored', score: 100 });
    expect(worded({ YES: 0.3, NO: 0.1, Maybe: 0.6 })).toEqual({ status: 'scored', score: 75 });
    expect(
      worded({ YES: 0.2, yes: 0.1, Yes: 0.1, ' YES': 0.1, ' Yes\n': 0.1, NO: 0.1, no: 0.05, ' no': 0.05 }),
    ).toEqual({
      status: 'scored',
      score: 75,
    });
    expect(worded({ MILD: 0.4, MEDIUM: 0.4, HOT: 0.2 }, { MILD: 0, MEDIUM: 33.5, HOT: 100 })).toEqual({
      status: 'scored',
      score: 33.4,
    });
    // it is a share in per cent, to the last decimal that is kept
    expect(worded({ YES: 1 / 3, NO: 2 / 3 }).score).toBe(33.333333);
  });

  test('numbers weigh nothing, and neither do words that are not there', () => {
    expect(worded({ YES: 0.3, '0': 0.7 })).toEqual({ status: 'scored', score: 100 });
    expect(worded({ '50': 1 })).toEqual({ status: 'unparsable', score: null });
    expect(verdict({ YES: 1 })).toEqual({ status: 'unparsable', score: null });
  });

  test('below the least mass there is no score; a verdict word that holds it is the verdict', () => {
    expect(worded({ YES: 0.2, NO: 0.04, OTHER: 0.76 })).toEqual({ status: 'unparsable', score: null });
    expect(worded({ YES: 0.5, NO: 0.2 }, YES_NO, 0.8)).toEqual({ status: 'unparsable', score: null });
    expect(worded({ YES: 0.1, REF: 0.9 })).toEqual({ status: 'model_refused', score: null });
    expect(worded({ YES: 0.3, REF: 0.7 })).toEqual({ status: 'scored', score: 100 });
    expect(worded({})).toEqual({ status: 'unparsable', score: null });
  });

  test('tokens that may be several words make it unparsable, once they hold the least mass', () => {
    const words = { UNSAFE: 0, UNCLEAR: 50, SAFE: 100 };
    expect(worded({ UNS: 0.5, SAFE: 0.5 }, words)).toEqual({ status: 'scored', score: 50 });
    expect(worded({ UN: 0.6, SAFE: 0.4 }, words)).toEqual({ status: 'unparsable', score: null });
    expect(worded({ UN: 0.1, SAFE: 0.9 }, words)).toEqual({ status: 'scored', score: 100 });
  });

  test('a hostile table changes nothing but by its words', () => {
    const odd: [string, number][] = [
      '\u0000YES',
      'ＹＥＳ',
      'YES NO',
      'constructor',
      '__proto__',
      '',
      ' ',
      '100',
      'YES,NO',
    ].map((token) => [token, 0.05]);
    expect(worded([...odd, ['YES', 0.3], ['NO', 0.1], ['YES', 0.1]])).toEqual({ status: 'scored', score: 80 });
    expect(worded(odd)).toEqual({ status: 'unparsable', score: null });
    // rounding may give a little more than 1, and nothing leaves the scale
    const rounded = [
      { token: 'YES', logprob: 1e-7 },
      { token: 'NO', logprob: -Infinity },
    ];
    expect(expectedVerdict(rounded, { leastMass: 0.25 }, [], YES_NO)).toEqual({ status: 'scored', score: 100 });
  });
});

test('the table is kept as text and read again', () => {
  const tokens = table({ '85': 0.75, ' "\n': 0.25 });
  expect(readTokenTable(tokenTableText(tokens))).toEqual(tokens);
  expect(tokenTableText([])).toBe('[]');
  for (const text of ['85', '', '[', '[1]', '[["85"]]', '[["85","x"]]', '{"85":0}', '[["85",0,1]]']) {
    expect(readTokenTable(text)).toBeNull();
  }
  expect(tokenTableWords(table({ ' 90': 0.2, '85': 0.75 }))).toBe('85 75 %, 90 20 %');
});
