/**
 * Given answers: cells whose completions come from elsewhere, from a file or from a dataset's own rows. Nothing is
 * generated for them; they are put into the store when the plan is made, and are then judged like any others.
 *
 * A given cell's context is its answers themselves, in no order: the same answers are the same cell, whatever the file
 * is called and however its rows are sorted.
 */
import { keyOf, sha256, type Sha256 } from '../canonical';
import { configurationKey } from './configuration-key';
import type { GenerationContext, PlannedCell, PlannedConfiguration, PlannedMetric } from '../plan';
import { requestsOf } from '../requests';
import { completionId, type Completion } from '../rows';
import { GENERATION_VERSION } from './versions';

/** Answers by hash, so that a large file need not be in memory: question key -> SHA-256 of its distinct answers, a set's or a map's keys. */
export type AnswerHashes = ReadonlyMap<Sha256, { keys(): Iterable<Sha256> }>;

/** A judge is sent the replacement character in place of a lone surrogate, so answers that differ only in that are one. */
export function answerHash(text: string): Sha256 {
  return sha256(text.toWellFormed());
}

/** The answers of one given cell: its context, and the completion that each answer is. */
export class GivenAnswers {
  readonly context: GenerationContext;
  readonly contextKey: Sha256;
  /** Distinct answers. */
  readonly completions: number;
  /** Most answers to one question. */
  readonly samplesPerQuestion: number;
  /** Question key -> its answers. */
  readonly samplesOf: Record<Sha256, number>;
  private readonly samples = new Map<Sha256, Map<Sha256, number>>();

  /** `characters`: the length of all distinct answers together, from which the cost of judging is estimated. */
  constructor(answers: AnswerHashes, characters: number) {
    const ordered = [...answers.keys()]
      .sort()
      .map((question) => [question, [...(answers.get(question)?.keys() ?? [])].sort()] as const);
    for (const [question, hashes] of ordered) {
      this.samples.set(question, new Map(hashes.map((hash, sample) => [hash, sample])));
    }
    this.samplesOf = Object.fromEntries(ordered.map(([question, hashes]) => [question, hashes.length]));
    this.completions = ordered.reduce((sum, [, hashes]) => sum + hashes.length, 0);
    this.samplesPerQuestion = ordered.reduce((most, [, hashes]) => Math.max(most, hashes.length), 0);
    this.context = {
      version: GENERATION_VERSION,
      model: {
        kind: 'given',
        answers: sha256(ordered.map((each) => each.flat().join(' ') + '\n').join('')),
        characters,
      },
      recipe: null,
      systemPrompt: { kind: 'default' },
      sampling: NOT_SAMPLED,
    };
    this.contextKey = keyOf(this.context);
  }

  /** Id of the completion that an answer is, and its sample index; undefined when it is not one of these answers. */
  find(question: Sha256, answer: Sha256): { id: Sha256; sample: number } | undefined {
    const sample = this.samples.get(question)?.get(answer);
    return sample === undefined ? undefined : { id: completionId(this.contextKey, question, sample), sample };
  }

  /** Every answer: its question, its hash, and the completion that it is. */
  *all(): Generator<{ question: Sha256; answer: Sha256; id: Sha256 }> {
    for (const [question, samples] of this.samples) {
      for (const [answer, sample] of samples)
        yield { question, answer, id: completionId(this.contextKey, question, sample) };
    }
  }

  /** The row to store. How an answer ended and how many tokens it has are not known: `stop` and 0 stand for that. */
  completion(question: Sha256, text: string): Completion {
    const found = this.find(question, answerHash(text));
    if (found === undefined) throw new Error('this answer is not one of the given ones');
    return { ...found, question, text, finish: 'stop', tokens: 0, adapter: null };
  }
}

/** The type asks for sampling settings; nothing here was sampled by them. */
const NOT_SAMPLED: GenerationContext['sampling'] = {
  temperature: 0,
  topP: 1,
  topK: 0,
  minP: 0,
  repetitionPenalty: 1,
  maxNewTokens: 0,
  precision: 'fp32',
  batchSize: 1,
  seed: 0,
};

/** The prompt condition of given answers: nobody here knows it. */
export const GIVEN_CONDITION = 'given';

export function givenCell(
  configuration: string,
  questionSet: string,
  { context, contextKey, completions, samplesPerQuestion, samplesOf }: GivenAnswers,
  metricsOfSet: readonly PlannedMetric[],
): PlannedCell {
  // a cell need not have answers to all questions of its set
  const metrics = metricsOfSet.map((metric) => ({
    ...metric,
    instrumentOf: Object.fromEntries(
      Object.entries(metric.instrumentOf).filter(([question]) => samplesOf[question] !== undefined),
    ),
  }));
  return {
    id: `${configuration}/${questionSet}/${GIVEN_CONDITION}`,
    configuration,
    questionSet,
    condition: GIVEN_CONDITION,
    context,
    contextKey,
    samplesPerQuestion,
    given: true,
    samplesOf,
    metrics,
    completions,
    judgements: requestsOf({ contextKey, samplesPerQuestion, samplesOf, metrics }),
  };
}

export function givenConfiguration(name: string, label: string, cells: PlannedCell[]): PlannedConfiguration {
  return {
    ...{ name, label, key: configurationKey(null, cells) },
    ...{ recipe: null, recipeKey: null, trainingRows: null, heldOutRows: null },
    cells,
  };
}
