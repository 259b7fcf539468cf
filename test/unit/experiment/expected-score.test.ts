import {
  expectedVerdict,
  massOfNumbers,
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

test('the mass is that of the numbers alone', () => {
  expect(massOfNumbers(table({ '80': 0.3, ' 20 ': 0.1, Sure: 0.5, '101': 0.1 }))).toBeCloseTo(0.4, 12);
  expect(massOfNumbers([])).toBe(0);
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

test('the table is kept as text and read again', () => {
  const tokens = table({ '85': 0.75, ' "\n': 0.25 });
  expect(readTokenTable(tokenTableText(tokens))).toEqual(tokens);
  expect(tokenTableText([])).toBe('[]');
  for (const text of ['85', '', '[', '[1]', '[["85"]]', '[["85","x"]]', '{"85":0}', '[["85",0,1]]']) {
    expect(readTokenTable(text)).toBeNull();
  }
  expect(tokenTableWords(table({ ' 90': 0.2, '85': 0.75 }))).toBe('85 75 %, 90 20 %');
});
