/**
 * Rubrics that `flamingo rejudge` puts in the place of an experiment's own, as far as their words show that no reply could be read:
 * each would be paid for.
 */
import type { Rejudged } from '../experiment/expand/rejudge';
import type { Instrument } from '../experiment/plan';
import type { Spec } from '../experiment/spec';
import { describeWords } from '../experiment/word-scores';
import { InvalidUse } from './errors';
import { doubtfulScales, scaleWarnings } from './scale-warnings';
import { writtenWords } from './words';

/**
 * Warnings to be shown before anything is paid for. Throws `InvalidUse` for a rubric that seems to ask for no number, of a metric
 * that is the probability of words in `before`: it is asked for these words most likely, and was not given them.
 */
export function otherRubricWarnings(before: Spec, { name, plan }: Rejudged): string[] {
  const instruments = instrumentsBy(name, plan);
  for (const metric of doubtfulScales(Object.values(instruments)).keys()) {
    const words = before.metrics.find((each) => each.name === metric)?.words;
    if (words === undefined) continue;
    throw new InvalidUse(
      `--rubric ${metric}=…: ${metric} is the probability of words (${describeWords(words)}), the new rubric has none and does ` +
        `not seem to ask for a number from 0 to 100.\nGive it words: --words ${metric}=${writtenWords(words)}`,
    );
  }
  const rated = Object.values(instruments).flatMap(({ metric, words: asked }) => {
    const words = asked === undefined ? before.metrics.find((each) => each.name === metric)?.words : undefined;
    return words === undefined ? [] : [ratedInstead(metric, describeWords(words), name)];
  });
  const doubts = scaleWarnings({ instruments }, (metric, { option, list, yaml }) =>
    option === 'words'
      ? `--words ${metric}=${list}`
      : `\`categories: ${yaml}\` in an experiment file, since this command reads another rubric as a number`,
  );
  return [...new Set(rated), ...doubts];
}

function ratedInstead(metric: string, words: string, judge: string): string {
  return (
    `${metric} was the probability of words (${words}), and ${judge} rates it: both are numbers from 0 to 100, and not the ` +
    'same thing'
  );
}

/** What the judge of a name asks. */
function instrumentsBy(name: string, plan: Rejudged['plan']): Record<string, Instrument> {
  const metrics = plan.configurations.flatMap(({ cells }) => cells.flatMap((cell) => cell.metrics));
  const keys = metrics.filter(({ judge }) => judge === name).flatMap(({ instrumentOf }) => Object.values(instrumentOf));
  return Object.fromEntries(
    keys.flatMap((key) => {
      const instrument = plan.instruments[key];
      return instrument === undefined ? [] : [[key, instrument] as const];
    }),
  );
}
