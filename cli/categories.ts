/**
 * `--categories NAME=WORD[:SCORE],…`: the words of which one is the verdict, as `categories` of a metric in an experiment file.
 */
import { isInherited } from '../experiment/records';
import { InvalidUse } from './errors';

/** By metric: each word with its score, null for none. Throws `InvalidUse`. */
export function categoriesOf(named: Readonly<Record<string, string>>): Record<string, Record<string, number | null>> {
  return Object.fromEntries(Object.entries(named).map(([metric, list]) => [metric, wordsOf(metric, list)]));
}

function wordsOf(metric: string, list: string): Record<string, number | null> {
  const refused = (why: string): InvalidUse =>
    new InvalidUse(
      `--categories ${metric}=${list}: ${why}, such as ${metric}=TRUE,FALSE or ${metric}=TRUE:100,FALSE:0`,
    );
  const words = new Map<string, number | null>();
  for (const each of list.split(',')) {
    const [, word, score] = /^\s*([^:\s]+)\s*(?::\s*(\d{1,3}))?\s*$/.exec(each) ?? [];
    if (word === undefined) throw refused('expected words, each with a whole score from 0 to 100 or without one');
    // in a map of words some names would be lost before anybody could check them
    if (isInherited(word)) throw refused(`${word} means something else to the program: choose another word`);
    if (words.has(word)) throw refused(`${word} is there twice`);
    words.set(word, score === undefined ? null : Number(score));
  }
  if (words.size < 2) throw refused('expected at least two words');
  return Object.fromEntries(words);
}
