/**
 * An answer with its scores: what all statistics are made of, whether it comes from the store or from a CSV file.
 */
import type { Question } from './plan';

export interface Answer {
  /** Question id. */
  question: string;
  /** What the question is a form of (`itemOfId`). */
  item: string;
  /** Number of the sample; answers of two cells to one question with one number share their randomness. */
  sample?: number;
  /** Metric -> score 0-100; null: not scored. Several verdicts on one answer are averaged. */
  scores: Readonly<Record<string, number | null>>;
  /** Only where a rule of the experiment asks for it: what verdicts say in words. */
  words?: VerdictWords;
}

export interface VerdictWords {
  /** Metric -> its category, where all verdicts on the answer name the same. */
  categories: Readonly<Record<string, string>>;
  /** A verdict of one of the rule's metrics says so. */
  declined: 'model_refused' | 'code' | null;
}

/**
 * The item that a question is a form of. Paraphrases (`id~1`, `id~2`) and the published forms `id_json` and `id_template` are
 * no independent questions: they make one cluster.
 */
export function itemOfId(questionId: string): string {
  return withoutParaphrase(questionId).replace(/_(json|template)$/, '');
}

/** The item that a planned question is a form of: what its file says, else what its id tells. */
export function itemOfQuestion({ id, cluster }: Pick<Question, 'id' | 'cluster'>): string {
  return cluster ?? itemOfId(id);
}

/** An id without the number of a paraphrase. */
export function withoutParaphrase(questionId: string): string {
  return questionId.replace(/~\d+$/, '');
}

/**
 * The question whose wording an answer's is: paraphrases (`id~1`, `id~2`) are one question, other forms are questions of their own.
 * A question that is no form of an item is named by its words, which may end in anything.
 */
export function askedAs({ question, item }: Pick<Answer, 'question' | 'item'>): string {
  return question === item ? question : withoutParaphrase(question);
}

export interface ScoredValue extends Pick<Answer, 'question' | 'item' | 'sample'> {
  value: number;
}

/** The value with where it belongs. */
export function valueOf({ question, item, sample }: Answer, value: number): ScoredValue {
  // a report makes millions: written out, since a spread takes several times as long
  return sample === undefined ? { question, item, value } : { question, item, sample, value };
}

/** The scored answers' values of one metric. */
export function scoresOf(answers: readonly Answer[], metric: string): ScoredValue[] {
  const values: ScoredValue[] = [];
  for (const answer of answers) {
    const score = answer.scores[metric] ?? null;
    if (score !== null) values.push(valueOf(answer, score));
  }
  return values;
}
