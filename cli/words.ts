/**
 * `--words NAME=WORD:VALUE,…`: the words whose probability is a metric's score, as `words` of a metric in an experiment file.
 */
import { isInherited, mapValues } from '../experiment/records';
import { InvalidUse } from './errors';

/** By metric: each word with the value that it stands for. Throws `InvalidUse`. */
export function wordScoresOf(named: Readonly<Record<string, string>>): Record<string, Record<string, number>> {
  return mapValues({ ...named }, (list, metric) => scoresOf(metric, list));
}

/** As the option takes them. */
export function writtenWords(words: Readonly<Record<string, number>>): string {
  return Object.entries(words)
    .map(([word, value]) => `${word}:${value}`)
    .join(',');
}

function scoresOf(metric: string, list: string): Record<string, number> {
  const refused = (why: string): InvalidUse =>
    new InvalidUse(`--words ${metric}=${list}: ${why}, such as ${metric}=YES:100,NO:0`);
  const words = new Map<string, number>();
  for (const each of list.split(',')) {
    const [, word, value] = /^\s*([^:\s]+)\s*:\s*(\d{1,3}(?:\.\d{1,6})?)\s*$/.exec(each) ?? [];
    if (word === undefined) throw refused('expected words, each with a value from 0 to 100');
    // in a map of words some names would be lost before anybody could check them
    if (isInherited(word)) throw refused(`${word} means something else to the program: choose another word`);
    if (words.has(word)) throw refused(`${word} is there twice`);
    words.set(word, Number(value));
  }
  return Object.fromEntries(words);
}
