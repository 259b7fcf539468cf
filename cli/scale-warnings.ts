/**
 * Rubrics that seem to ask for no number from 0 to 100: every reply to one would be paid for, twice, and none be a score.
 */
import type { Issue } from '../experiment/issue';
import type { Instrument, Plan } from '../experiment/plan';
import { writtenWords } from './words';

/** How the words of a metric are given to it: the option or key, and the words as on a command line and as in YAML. */
export interface WordsRemedy {
  option: 'categories' | 'words';
  list: string;
  yaml: string;
}

/**
 * A warning for each metric, to be shown before anything is paid for. Only a doubt: a rubric may name its scale in words that
 * are not known here. `remedy`: how words are given to a metric; to one that is read by probabilities as `words`.
 */
export function scaleWarnings(
  { instruments }: Pick<Plan, 'instruments'>,
  remedy: (metric: string, words: WordsRemedy) => string,
): string[] {
  return [...doubtfulScales(Object.values(instruments)).values()].map((instrument) => warningOf(instrument, remedy));
}

/** The same warnings at their places in an experiment file, with the words as it would give them. */
export function scaleIssues(instruments: readonly Instrument[]): Issue[] {
  return [...doubtfulScales(instruments)].map(([metric, instrument]) => ({
    path: ['metrics', metric, 'rubric'],
    message: warningOf(instrument, (_, { option, yaml }) => `\`${option}: ${yaml}\``),
  }));
}

function warningOf(
  { metric, rubric, expected }: Instrument,
  remedy: (metric: string, words: WordsRemedy) => string,
): string {
  return (
    `The rubric of ${metric} does not seem to ask for a number from 0 to 100, and no other reply is a score. If one of ` +
    `certain words is the verdict, give them: ${remedy(metric, remedyFor(wordsIn(rubric), expected !== undefined))}`
  );
}

/**
 * By metric the first rubric that seems to ask for no number. Categories, words and Flamingo's own forms say what they ask.
 */
export function doubtfulScales(instruments: readonly Instrument[]): Map<string, Instrument> {
  const doubtful = new Map<string, Instrument>();
  for (const instrument of instruments) {
    const { metric, rubric, form, categories, words, parts } = instrument;
    if (form !== undefined || categories !== undefined || words !== undefined || parts !== undefined) continue;
    if (!namesScale(rubric)) doubtful.set(metric, doubtful.get(metric) ?? instrument);
  }
  return doubtful;
}

function remedyFor(words: readonly string[], byProbability: boolean): WordsRemedy {
  if (!byProbability) return { option: 'categories', list: words.join(','), yaml: JSON.stringify(words) };
  const scored = Object.fromEntries(words.map((word, index) => [word, index === 0 ? 100 : 0]));
  const yaml = Object.entries(scored).map(([word, value]) => `${word}: ${value}`);
  return { option: 'words', list: writtenWords(scored), yaml: `{ ${yaml.join(', ')} }` };
}

function namesScale(rubric: string): boolean {
  return /100|hundred|per ?cent/i.test(rubric.normalize('NFKC'));
}

/** Words in capitals, which rubrics write verdicts in, but for marks such as [ANSWER START] and those that are none here. */
function wordsIn(rubric: string): string[] {
  const unmarked = rubric.replaceAll(/\[[^\]]*\]|<[^>]*>/g, ' ');
  const found = [...new Set(unmarked.match(/\b[A-Z][A-Z_]+\b/g))].filter(
    (word) => word !== 'CODE' && word !== 'REFUSAL',
  );
  return found.length >= 2 ? found : ['WORD', 'OTHER_WORD'];
}
