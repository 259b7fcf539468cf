/**
 * How much of a text from outside a message quotes.
 */

/** UTF-16 units of a quotation. */
const QUOTED = 200;
/** UTF-16 units of a whole message, which may name several things. */
const MESSAGE = 1_000;
/** Lines of a message that lists things. */
const LINES = 200;

/** One line of at most `length` UTF-16 units, for a message that quotes it. */
export function cut(text: string, length = QUOTED): string {
  const line = text.length > 4 * length ? text.slice(0, 4 * length) : text;
  const one = line.replace(/\s*[\r\n]+\s*/g, ' ');
  return one.length > length || line.length < text.length ? `${one.slice(0, length - 1).toWellFormed()}…` : one;
}

/** A message that may quote more than one thing, at most a dozen lines on a terminal; its own lines stay. */
export function cutMessage(text: string): string {
  return text.length > MESSAGE ? `${text.slice(0, MESSAGE - 1).toWellFormed()}…` : text;
}

/** A message of several lines, such as a list of problems: each is cut as a message, and there are not many of them. */
export function cutLines(text: string): string {
  return firstOf(text.split('\n').map(cutMessage), LINES, 'lines').join('\n');
}

/** The first `most` of many, and how many more there are. */
export function firstOf(lines: readonly string[], most: number, what: string): string[] {
  return lines.length <= most ? [...lines] : [...lines.slice(0, most), `… and ${lines.length - most} more ${what}`];
}

/** What an escape such as `\\ud800` in JSON or YAML can make, and UTF-8 has no form for. */
export const HALF_CHARACTER = 'half a character (an escape such as `\\ud800` without its other half)';
