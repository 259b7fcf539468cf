/**
 * Judged text as one JSON value on one line: what the judge of the `json` form sees of question and answer.
 *
 * JSON's own escapes already make quotation marks, backslashes and line breaks visible, so a text can not end its
 * string. Escaped besides are characters that could look like the end of something to a model (`<`, `>`) and those that
 * are not seen or change how the rest is seen: controls, line and paragraph separators, bidirectional marks, zero-width
 * and other format characters, tags. Parsing the value gives the well-formed text back, character for character.
 */

const UNSAFE = /[<>\p{Cc}\p{Cf}\p{Co}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/gu;

/** Both texts must be well formed. */
export function materialJson({ question, answer }: { question: string; answer: string }): string {
  return JSON.stringify({ question, answer }).replace(UNSAFE, escaped);
}

/** A character as `\uXXXX`, beyond the basic plane as the pair of its surrogates. */
function escaped(character: string): string {
  return Array.from({ length: character.length }, (_, index) => {
    return `\\u${character.charCodeAt(index).toString(16).padStart(4, '0')}`;
  }).join('');
}
