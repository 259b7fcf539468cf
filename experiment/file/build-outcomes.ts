/**
 * The outcomes of an experiment file that no judge and no sampling has a part in: the pairs whose log-probabilities are
 * measured, and the answers whose own probability is.
 */
import { suggestion, type Issue } from '../issue';
import { mapValues, ownValue } from '../records';
import { isSampled } from '../sampled-sets';
import { saysToo, type LetterCase } from '../spellings';
import { notADataset } from './build-mix';
import type { ExperimentYaml } from './schema';
import type { AnswerProbabilitySpec, DatasetSpec, LogProbabilitySpec } from '../spec';

const PATH = ['outcomes', 'log_probability'] as const;

export function buildLogProbability(
  input: ExperimentYaml,
  datasets: Record<string, DatasetSpec>,
  issues: Issue[],
): LogProbabilitySpec | null {
  const written = input.outcomes?.log_probability;
  if (written === undefined) return null;
  const { bad, good } = written.pairs;
  for (const [side, named] of Object.entries({ bad, good })) {
    if (datasets[named] !== undefined) continue;
    issues.push({ path: [...PATH, 'pairs', side], ...notADataset(input, named) });
  }
  if (bad === good) {
    issues.push({
      path: [...PATH, 'pairs', 'good'],
      message: 'bad and good answers come from two datasets, this names one twice',
    });
  } else if (datasets[bad]?.holdOut === null) {
    issues.push({
      path: [...PATH, 'pairs', 'bad'],
      message: `the dataset \`${bad}\` holds nothing out`,
      hint: 'give it a `hold_out`',
    });
  }
  return {
    bad,
    good,
    rows: written.rows ?? 'all',
    seed: written.seed ?? 0,
    ...(written.system === 'keep' ? { system: 'keep' } : {}),
  };
}

const ANSWERS = ['outcomes', 'answer_probability'] as const;
/** As Betley et al. take a number: with less than a quarter of the probability on numbers the model does not give one. */
const LEAST_MASS = 0.25;

export function buildAnswerProbabilities(
  input: ExperimentYaml,
  issues: Issue[],
): Record<string, AnswerProbabilitySpec> | null {
  const written = input.outcomes?.answer_probability;
  checkAskedAtAll(input, issues);
  if (written === undefined) return null;
  return mapValues(written, (each, name): AnswerProbabilitySpec => {
    const { question_set: questionSet, words, case: letterCase = 'any', least_mass: leastMass = LEAST_MASS } = each;
    if (ownValue(input.question_sets, questionSet) === undefined) {
      issues.push({
        path: [...ANSWERS, name, 'question_set'],
        message: `unknown question set \`${questionSet}\``,
        hint: suggestion(questionSet, Object.keys(input.question_sets)),
      });
    }
    if (words === undefined) return { questionSet, answers: { kind: 'numbers', leastMass } };
    checkWords(name, words, letterCase, issues);
    return { questionSet, answers: { kind: 'words', words, case: letterCase } };
  });
}

/** No answer may count as two of the words: their probabilities add up to at most 1. */
function checkWords(outcome: string, words: readonly string[], letterCase: LetterCase, issues: Issue[]): void {
  words.forEach((word, index) => {
    const other = words.findIndex(
      (each, place) =>
        place !== index && saysToo(word, each, letterCase) && (place < index || !saysToo(each, word, letterCase)),
    );
    if (other < 0) return;
    const same = saysToo(words[other] as string, word, letterCase);
    issues.push({
      path: [...ANSWERS, outcome, 'words', index],
      message: same
        ? `\`${word}\` and \`${words[other]}\` are the same word`
        : `\`${words[other]}\` begins \`${word}\`: an answer that says the second would count as both`,
      hint:
        same && word !== words[other]
          ? 'leave one of them out, or tell them apart with `case: as_written`'
          : 'leave one of them out',
    });
  });
}

/** A question set that nobody answers is asked by an outcome, or it is a mistake. */
function checkAskedAtAll({ question_sets: sets, outcomes }: ExperimentYaml, issues: Issue[]): void {
  const asked = new Set(Object.values(outcomes?.answer_probability ?? {}).map((each) => each.question_set));
  for (const [name, set] of Object.entries(sets)) {
    if (isSampled(set) || asked.has(name)) continue;
    issues.push({
      path: ['question_sets', name, 'samples'],
      message: `\`${name}\` is asked nothing: there are no samples of it, and no \`outcomes.answer_probability\` names it`,
      hint: 'give it samples, or an outcome',
    });
  }
}
