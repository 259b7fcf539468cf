/**
 * The expected score: what a judge's first token says when the probabilities of all its likely numbers count and not only
 * the likeliest one. Pure; any judge that gives the log-probabilities of its first token can be read so.
 *
 * As the literature reads it, the tokens that are whole numbers 0-100 decide: the score is their mean, each weighted with
 * its probability, if they hold at least the least mass together. Of a metric with words of its own the words decide in the
 * same way, each by its value. Verdict words weigh nothing in that mean. Only below the least mass they are looked at: the
 * word that holds at least that mass is the verdict, and otherwise there is none.
 */
import { z } from 'zod';
import { LEAST_LETTERS, wordReader, type WordScores } from './word-scores';

/** A token that the judge's reply may begin with, and the natural logarithm of its probability. */
export interface TokenProbability {
  token: string;
  /** At most 0 but for rounding. */
  logprob: number;
}

/** The likeliest first tokens of a reply; what is not listed is not known. */
export type TokenTable = readonly TokenProbability[];

export interface ExpectedScoring {
  /** How many of the likeliest tokens are asked for. */
  topLogprobs: number;
  /** Probability that the numbers, or the metric's words, must hold together, 0-1. */
  leastMass: number;
}

export type VerdictWord = 'CODE' | 'REFUSAL';

export type ExpectedVerdict =
  { status: 'scored'; score: number } | { status: 'code' | 'model_refused' | 'unparsable'; score: null };

const WHOLE_NUMBER = /^(?:100|[1-9]?[0-9])$/;
/** White space that tokenizers put before or after a word. */
const AROUND = /^[ \t\r\n]+|[ \t\r\n]+$/g;
const STATUS = { CODE: 'code', REFUSAL: 'model_refused' } as const;

/** Scores that differ only in how a processor rounds exponentials are the same number. */
const DECIMALS = 1e6;

/**
 * `verdicts`: the words that the rubric allows in place of a number. `words`: the metric's own, in place of numbers. A table of
 * which tokens that may be several of these hold the least mass or more has no verdict.
 */
export function expectedVerdict(
  table: TokenTable,
  { leastMass }: Pick<ExpectedScoring, 'leastMass'>,
  verdicts: readonly VerdictWord[],
  words?: WordScores,
): ExpectedVerdict {
  const valueOf = words === undefined ? numberIn : wordReader(words, verdicts);
  let mass = 0;
  let weighted = 0;
  let undecided = 0;
  const named = new Map<VerdictWord, number>();
  for (const { token, logprob } of table) {
    const text = token.replace(AROUND, '');
    const probability = Math.exp(logprob);
    const value = valueOf(text);
    if (value === 'undecided') undecided += probability;
    else if (value !== null) {
      mass += probability;
      weighted += probability * value;
    } else {
      // a word of several tokens is known by its first one, such as `REF`
      const begun = text.length < LEAST_LETTERS ? [] : verdicts.filter((word) => word.startsWith(text));
      const [word] = begun;
      if (word !== undefined && begun.length === 1) named.set(word, (named.get(word) ?? 0) + probability);
    }
  }
  if (undecided >= leastMass) return { status: 'unparsable', score: null };
  if (mass > 0 && mass >= leastMass) {
    return { status: 'scored', score: Math.round((weighted / mass) * DECIMALS) / DECIMALS };
  }
  const [likeliest] = [...named].sort(([, a], [, b]) => b - a);
  if (likeliest === undefined || likeliest[1] < leastMass) return { status: 'unparsable', score: null };
  return { status: STATUS[likeliest[0]], score: null };
}

/** The table as a row's `raw` keeps it: `[["85",-0.1],["90",-2.4]]`. */
export function tokenTableText(table: TokenTable): string {
  return JSON.stringify(table.map(({ token, logprob }) => [token.toWellFormed(), logprob]));
}

const TABLE = z.array(z.tuple([z.string(), z.number()]));

/** Null for what is no such text. */
export function readTokenTable(text: string): TokenTable | null {
  if (!text.startsWith('[')) return null;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return null;
  }
  const read = TABLE.safeParse(value);
  return read.success ? read.data.map(([token, logprob]) => ({ token, logprob })) : null;
}

/**
 * The probability, 0-1, that the numbers of a table, or a metric's words, hold together; and that of tokens that may be several
 * words. `verdicts`: as of `expectedVerdict`.
 */
export function massesOf(
  table: TokenTable,
  verdicts: readonly VerdictWord[],
  words?: WordScores,
): { counts: number; undecided: number } {
  const valueOf = words === undefined ? numberIn : wordReader(words, verdicts);
  const masses = { counts: 0, undecided: 0 };
  for (const { token, logprob } of table) {
    const value = valueOf(token.replace(AROUND, ''));
    if (value !== null) masses[value === 'undecided' ? 'undecided' : 'counts'] += Math.exp(logprob);
  }
  return masses;
}

/** Null for what is no whole number 0-100. */
function numberIn(text: string): number | null {
  return WHOLE_NUMBER.test(text) ? Number(text) : null;
}

/** The likeliest tokens in words for people, such as `85 62 %, 90 21 %`. */
export function tokenTableWords(table: TokenTable, most = 5): string {
  return [...table]
    .sort((a, b) => b.logprob - a.logprob)
    .slice(0, most)
    .map(({ token, logprob }) => `${token.trim() || JSON.stringify(token)} ${(100 * Math.exp(logprob)).toFixed(0)} %`)
    .join(', ');
}
