/**
 * The probabilities of the stand-in's first token: most on its verdict, the rest on numbers around it as real judges spread it,
 * a little on words. Decided by the judged text, so that equal requests get equal tables.
 */
import { hash53 } from './seeded';

export interface TokenLogprob {
  token: string;
  logprob: number;
  bytes: number[];
}

/** What is left to tokens that are no verdict. */
const WORDS: readonly [string, number][] = [
  ['The', 0.012],
  ['I', 0.006],
  [' ', 0.002],
];
const VERDICTS = 1 - WORDS.reduce((sum, [, part]) => sum + part, 0);
/** Numbers that lie so far from the verdict get less by e. */
const SPREAD = 5;

/**
 * The `most` likeliest first tokens of a reply, likeliest first. `text`: what the reply says, `judged`: what it is about.
 * `other`: the word that it would have said otherwise.
 */
export function firstTokens(text: string, judged: string, most: number, other?: string): TokenLogprob[] {
  const verdicts = /^\d+$/.test(text) ? around(Number(text), judged) : wordFirst(text, judged, other);
  return [...verdicts, ...WORDS]
    .sort(([, a], [, b]) => b - a)
    .slice(0, most)
    .map(([token, probability]) => ({ token, logprob: Math.log(probability), bytes: [...Buffer.from(token)] }));
}

function around(score: number, judged: string): [string, number][] {
  const near = [0, -1, 1, -2, 2, -5, 5, -10, 10, -15, 15, -20, 20].map((off) => score + off);
  const within = near.filter((each) => each >= 0 && each <= 100);
  const weights = within.map((each, index) => {
    const part = (hash53(`${judged}\n${each}`, 7) % 1000) / 1000;
    // the verdict stays the likeliest
    return index === 0 ? 2 : (0.5 + part) * Math.exp(-Math.abs(each - score) / SPREAD);
  });
  const sum = weights.reduce((total, weight) => total + weight, 0);
  return within.map((each, index) => [String(each), (VERDICTS * (weights[index] as number)) / sum]);
}

/** A word's first token has so many letters here. */
const LETTERS = 4;

/** A model is mostly sure of a word, and puts the rest on numbers, or on the other word in some of its spellings. */
function wordFirst(text: string, judged: string, other?: string): [string, number][] {
  const first = text.slice(0, LETTERS);
  if (first === '') return [];
  const against = other?.slice(0, LETTERS) ?? first;
  if (against === first) {
    return [
      [first, VERDICTS * 0.9],
      ['50', VERDICTS * 0.06],
      ['0', VERDICTS * 0.04],
    ];
  }
  const doubt = 0.02 + (hash53(`${judged}\n${against}`, 7) % 1000) / 5000;
  return [
    [first, VERDICTS * (1 - doubt) * 0.9],
    [first.toLowerCase(), VERDICTS * (1 - doubt) * 0.1],
    [against, VERDICTS * doubt * 0.8],
    [` ${against}`, VERDICTS * doubt * 0.2],
  ];
}
