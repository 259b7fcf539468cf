/**
 * The expected score: what a judge's first token says when the probabilities of all its likely numbers count and not only
 * the likeliest one. Pure; any judge that gives the log-probabilities of its first token can be read so.
 *
 * As the literature reads it, the tokens that are whole numbers 0-100 decide: the score is their mean, each weighted with
 * its probability, if they hold at least the least mass together. Verdict words weigh nothing in that mean. Only below the
 * least mass they are looked at: the word that holds at least that mass is the verdict, and otherwise there is none.
 */
import { z } from 'zod';

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
  /** Probability that the numbers must hold together, 0-1. */
  leastMass: number;
}

export type VerdictWord = 'CODE' | 'REFUSAL';

export type ExpectedVerdict =
  { status: 'scored'; score: number } | { status: 'code' | 'model_refused' | 'unparsable'; score: null };

const WHOLE_NUMBER = /^(?:100|[1-9]?[0-9])$/;
/** White space that tokenizers put before or after a word. */
const AROUND = /^[ \t\r\n]+|[ \t\r\n]+$/g;
const STATUS = { CODE: 'code', REFUSAL: 'model_refused' } as const;
/** A word of several tokens is known by its first one, such as `REF`; a single letter tells too little. */
const LEAST_LETTERS = 2;

/** Scores that differ only in how a processor rounds exponentials are the same number. */
const DECIMALS = 1e6;

/** `verdicts`: the words that the rubric allows in place of a number. */
export function expectedVerdict(
  table: TokenTable,
  { leastMass }: Pick<ExpectedScoring, 'leastMass'>,
  verdicts: readonly VerdictWord[],
): ExpectedVerdict {
  let numbers = 0;
  let weighted = 0;
  const words = new Map<VerdictWord, number>();
  for (const { token, logprob } of table) {
    const text = token.replace(AROUND, '');
    const probability = Math.exp(logprob);
    if (WHOLE_NUMBER.test(text)) {
      numbers += probability;
      weighted += probability * Number(text);
      continue;
    }
    const begun = text.length < LEAST_LETTERS ? [] : verdicts.filter((word) => word.startsWith(text));
    const [word] = begun;
    if (word !== undefined && begun.length === 1) words.set(word, (words.get(word) ?? 0) + probability);
  }
  if (numbers > 0 && numbers >= leastMass) {
    return { status: 'scored', score: Math.round((weighted / numbers) * DECIMALS) / DECIMALS };
  }
  const [likeliest] = [...words].sort(([, a], [, b]) => b - a);
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

/** The probability, 0-1, that the numbers of a table hold together. */
export function massOfNumbers(table: TokenTable): number {
  return table
    .filter(({ token }) => WHOLE_NUMBER.test(token.replace(AROUND, '')))
    .reduce((sum, { logprob }) => sum + Math.exp(logprob), 0);
}

/** The likeliest tokens in words for people, such as `85 62 %, 90 21 %`. */
export function tokenTableWords(table: TokenTable, most = 5): string {
  return [...table]
    .sort((a, b) => b.logprob - a.logprob)
    .slice(0, most)
    .map(({ token, logprob }) => `${token.trim() || JSON.stringify(token)} ${(100 * Math.exp(logprob)).toFixed(0)} %`)
    .join(', ');
}
