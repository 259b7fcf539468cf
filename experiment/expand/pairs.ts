/**
 * Pairs of a bad and a good answer to the same words, whose log-probabilities are measured: which rows make one, and what
 * each measurement's key covers.
 *
 * A pair asks a held-out row of the bad dataset, and no row that any configuration trains on asks the same. The good
 * answer is the good dataset's first to the same words, held out there or not: the same words have another split there.
 */
import { canonicalJson, keyOf, sha256, type Sha256 } from '../canonical';
import type { Condition } from '../conditions';
import type { DatasetRow } from './dataset';
import { askedOf, heldOutQuestions, type Split } from './holdout';
import { InvalidExperiment } from '../issue';
import type { MeasurementContext, Message, PlannedPairMeasurement, PlannedPairs, Question } from '../plan';
import type { Pools } from './pools';
import { questionFrom } from './questions';
import type { LogProbabilitySpec } from '../spec';
import { MEASUREMENT_VERSION } from './versions';

const PATH = ['outcomes', 'log_probability'] as const;

/** A line of the file of pairs; `id` is the key of `messages`. */
export interface AnswerPair {
  id: Sha256;
  messages: Message[];
  bad: string;
  good: string;
}

export interface PairsPlan {
  planned: Omit<PlannedPairs, 'rows'>;
  /** The pairs as JSON Lines, sorted by id: what `planned.sha256` is the hash of, and what the trainer reads. */
  text: string;
  questions: Question[];
}

/**
 * `goodRows`: all rows of the good dataset; `trainedRows`: what configurations train on. Throws `InvalidExperiment` when there
 * are too few pairs.
 */
export function planPairs(
  wanted: LogProbabilitySpec,
  splits: Record<string, Split>,
  goodRows: readonly DatasetRow[],
  trainedRows: Iterable<readonly DatasetRow[]>,
): PairsPlan {
  const { system } = wanted;
  const wordsOf = (row: DatasetRow): string => JSON.stringify(askedOf(row, system));
  const good = answersByWords(goodRows, wordsOf);
  const { heldOut } = splits[wanted.bad] as Split;
  const answered = heldOut.filter((row) => (good.get(wordsOf(row)) ?? answerOf(row)) !== answerOf(row));
  const trained = wordsIn(trainedRows, wordsOf);
  const fresh = answered.filter((row) => !trained.has(wordsOf(row)));
  const chosen = heldOutQuestions(fresh, wanted.rows, wanted.seed, system);
  if (chosen.length < (wanted.rows === 'all' ? 1 : wanted.rows)) {
    const there = heldOutQuestions(fresh, 'all', 0, system).length;
    throw new InvalidExperiment(
      [...PATH, wanted.rows === 'all' ? 'pairs' : 'rows'],
      `there are ${there} pairs, ${wanted.rows === 'all' ? 'at least one is' : `${wanted.rows} are`} needed: ` +
        `of ${heldOut.length} held-out rows of \`${wanted.bad}\`, ${answered.length} have another answer in ` +
        `\`${wanted.good}\`, and ${answered.length - fresh.length} of those ask what a configuration is trained on`,
    );
  }
  const pairs = chosen.map((row): AnswerPair => {
    const { key, messages } = questionFrom('', askedOf(row, system));
    return { id: key, messages, bad: answerOf(row), good: good.get(wordsOf(row)) as string };
  });
  pairs.sort((a, b) => (a.id < b.id ? -1 : a.id > b.id ? 1 : 0));
  const text = pairs.map((pair) => canonicalJson(pair) + '\n').join('');
  return {
    planned: { bad: wanted.bad, good: wanted.good, count: pairs.length, sha256: sha256(text) },
    text,
    questions: chosen.map((row) => questionFrom(`row ${row.number} of ${wanted.bad}`, askedOf(row, system))),
  };
}

/** One measurement for each of the prompt conditions of a configuration. */
export function measurementsOf(
  conditions: readonly Condition[],
  measured: Pick<MeasurementContext, 'model' | 'recipe' | 'precision' | 'quantization' | 'pairs'>,
  { promptOf }: Pools,
): PlannedPairMeasurement[] {
  return conditions.map(({ name, prompt, ...around }) => {
    const context: MeasurementContext = {
      version: MEASUREMENT_VERSION,
      ...measured,
      systemPrompt: promptOf(prompt),
      ...around,
    };
    return { condition: name, context, key: keyOf(context) };
  });
}

/** What a configuration may not have seen: the words that any trained row asks. */
function wordsIn(rowsOfAll: Iterable<readonly DatasetRow[]>, wordsOf: (row: DatasetRow) => string): Set<string> {
  const words = new Set<string>();
  for (const rows of rowsOfAll) for (const row of rows) words.add(wordsOf(row));
  return words;
}

function answersByWords(rows: readonly DatasetRow[], wordsOf: (row: DatasetRow) => string): Map<string, string> {
  const answers = new Map<string, string>();
  for (const row of rows) if (!answers.has(wordsOf(row))) answers.set(wordsOf(row), answerOf(row));
  return answers;
}

function answerOf(row: DatasetRow): string {
  return row.messages.at(-1)?.content ?? '';
}
