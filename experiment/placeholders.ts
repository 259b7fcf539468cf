/**
 * Words in braces that seem to be mistyped places: only exact ones are filled in, and whatever else is in braces stays as it is.
 */
import { cut } from './excerpt';
import { closest } from './issue';

/** One word between braces. JSON has quotation marks, colons or nothing there. */
const IN_BRACES = /\{[ \t]{0,9}([\p{L}\p{N}_-]{1,40})[ \t]{0,9}\}/gu;

/** The places of a rubric of the `template` form. */
export const RUBRIC_PLACES = ['question', 'answer'];

export interface Misspelt {
  /** As it stands in the text, with braces. */
  written: string;
  /** The place that was most likely meant, with braces. */
  meant: string;
}

/** Each once. `places` are the words that are filled in, without braces. */
export function misspeltPlaces(text: string, places: readonly string[]): Misspelt[] {
  const found = new Map<string, string>();
  for (const [written, word] of text.matchAll(IN_BRACES)) {
    if (places.some((place) => written === `{${place}}`)) continue;
    const near = closest(word as string, places);
    if (near !== null) found.set(written, `{${near}}`);
  }
  return [...found].map(([written, meant]) => ({ written, meant }));
}

/** `reader` is who gets the text: `the judge`. */
export function saidOfPlace({ written }: Misspelt, reader: string): string {
  return `\`${cut(written)}\` is no place that is filled in: ${reader} gets it as it stands`;
}

export function meantPlace({ meant }: Misspelt): string {
  return `did you mean \`${meant}\`?`;
}
