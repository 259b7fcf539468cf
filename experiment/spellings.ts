/**
 * How a short answer may be written where its probability is asked for.
 */

/** `any`: as it is written, in small letters, in capitals and with a capital first. */
export type LetterCase = 'any' | 'as_written';

/** Each with and without one blank before it. */
export function spellingsOf(word: string, letterCase: LetterCase = 'as_written'): string[] {
  return formsOf(word, letterCase).flatMap((form) => [form, ` ${form}`]);
}

export function formsOf(word: string, letterCase: LetterCase): string[] {
  if (letterCase === 'as_written') return [word];
  const [first = '', ...rest] = word;
  return [
    ...new Set([word, word.toLowerCase(), word.toUpperCase(), first.toUpperCase() + rest.join('').toLowerCase()]),
  ];
}

/** Whether a character goes on with a word: a letter, a mark on one, or a digit. */
const GOES_ON = /^[\p{L}\p{M}\p{N}]/u;

/** Whether an answer that says `longer` would count as one that says `word`, too. */
export function saysToo(longer: string, word: string, letterCase: LetterCase): boolean {
  const forms = formsOf(word, letterCase);
  return formsOf(longer, letterCase).some((text) =>
    forms.some((form) => text.startsWith(form) && !GOES_ON.test(text.slice(form.length))),
  );
}
