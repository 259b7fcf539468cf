/**
 * Regular expressions of scorers, as an experiment file writes them: JavaScript's, in Unicode mode, with Python's and
 * Perl's habit of flags at the beginning.
 */

/** What a pattern may begin with: `(?s)`, `(?im)`. */
const LEADING_FLAGS = /^\(\?([a-zA-Z]+)\)/;
/** Flags that change what matches, and mean the same in JavaScript as elsewhere. */
const KNOWN = 'ims';

export interface Pattern {
  pattern: string;
  /** Of i, m and s, sorted. */
  flags: string;
}

/** A pattern without its leading flags, or what is wrong with it. */
export function readPattern(written: string, ignoreCase: boolean): Pattern | { problem: string; hint?: string } {
  const leading = LEADING_FLAGS.exec(written);
  const named = leading?.[1] ?? '';
  const unknown = [...named].find((flag) => !KNOWN.includes(flag));
  if (unknown !== undefined) {
    return { problem: `the flag \`${unknown}\` is not known here`, hint: 'there are `i`, `m` and `s`, as in `(?is)`' };
  }
  const pattern = written.slice(leading?.[0].length ?? 0);
  const flags = [...new Set(named + (ignoreCase ? 'i' : ''))].sort().join('');
  if (pattern === '') return { problem: 'an empty pattern matches every answer' };
  try {
    new RegExp(pattern, `${flags}u`);
  } catch (error) {
    const reason = (error as Error).message.replace(/^Invalid regular expression: /, '');
    return { problem: `not a regular expression: ${reason}`, ...hintFor(pattern) };
  }
  return { pattern, flags };
}

function hintFor(pattern: string): { hint?: string } {
  if (/\(\?[a-zA-Z-]+[:)]/.test(pattern)) return { hint: 'flags stand at the beginning of the whole pattern: `(?s)…`' };
  if (pattern.includes('(?P<')) return { hint: 'a named group is written `(?<name>…)`' };
  if (/\\[AZz]/.test(pattern)) return { hint: 'the beginning and the end of the answer are `^` and `$`' };
  return {
    hint: 'it is read as JavaScript reads it in Unicode mode, where only `\\ ^ $ . * + ? ( ) [ ] { } | /` are escaped',
  };
}
