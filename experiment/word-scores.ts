/**
 * Words whose probability is a score: `{ YES: 100, NO: 0 }` is the probability of YES against NO, in per cent. Pure; which
 * tokens of a judge's reply speak for which word is decided here.
 *
 * A token counts for a word when it is the whole word in whatever case, without the white space around it, or a beginning of it
 * of at least two letters as the word is written: `INC` speaks for `INCORRECT`, and `In` for what may be any reply. One
 * token is all that is known of a reply, so no word may begin with another.
 */

/** Each word with the value that it stands for, 0-100. */
export type WordScores = Readonly<Record<string, number>>;

/** A metric has at most so many: no judge behind an API tells more tokens. */
export const MOST_WORDS = 20;

/** A single letter tells too little, unless it is the whole word. */
export const LEAST_LETTERS = 2;

/** Other characters have cases of their own: the Kelvin sign is a `k` in lower case. */
const ASCII_WORD = /^[A-Za-z0-9_-]+$/;

/** Whether neither is the other one's beginning, in whatever case. */
export function areApart(one: string, other: string): boolean {
  const [a, b] = [one.toLowerCase(), other.toLowerCase()];
  return !a.startsWith(b) && !b.startsWith(a);
}

/**
 * What a token says, given without the white space around it: the value of the only word that it speaks for, `undecided` where
 * it may be several, null where it is none. `others`: verdict words, which have no value.
 */
export function wordReader(
  words: WordScores,
  others: readonly string[],
): (text: string) => number | 'undecided' | null {
  const values = new Map(Object.entries(words).map(([word, value]) => [word.toLowerCase(), value]));
  const names = [...Object.keys(words), ...others];
  return (text) => {
    if (!ASCII_WORD.test(text)) return null;
    const said = text.toLowerCase();
    const meant = names.filter(
      (name) => name.toLowerCase() === said || (text.length >= LEAST_LETTERS && name.startsWith(text)),
    );
    const [only] = meant;
    if (only === undefined) return null;
    return meant.length > 1 ? 'undecided' : (values.get(only.toLowerCase()) ?? null);
  };
}

/** Whether a token, given without the white space around it, is the beginning of a word, however short. */
export function beginsAWord(text: string, words: WordScores): boolean {
  const said = text.toLowerCase();
  return said !== '' && Object.keys(words).some((word) => word.toLowerCase().startsWith(said));
}

/** For people, such as `YES 100, NO 0`. */
export function describeWords(words: WordScores): string {
  return Object.entries(words)
    .map(([word, value]) => `${word} ${value}`)
    .join(', ');
}

/** Why a judge can not be asked for the probability of words, and what to do. `judge`: what it is called, `kind`: of which it is. */
export function tellsNoProbabilities(metric: string, judge: string, kind: string): { message: string; hint: string } {
  const asked = kind === 'openai' ? '`score: expected`' : '`kind: openai` with `score: expected`, or of `kind: local`';
  return {
    message: `\`${metric}\` is the probability of words, and ${judge} is read by what it writes`,
    hint: `ask a judge of ${asked}; \`categories\` in place of \`words\` score the word that is written`,
  };
}
