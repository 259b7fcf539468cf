/**
 * The rows that result files hold, and the provenance rows beside them. Types and ids only.
 *
 * A result row holds only what its key determines, so that result files of two runs can be compared byte for byte;
 * times, hosts, attempts, request ids and usage are provenance and live in a sibling file.
 */
import { sha256, type Sha256 } from './canonical';

/** One sampled answer. Files are JSON Lines sorted by `id`. */
export interface Completion {
  id: Sha256;
  /** Question key. */
  question: Sha256;
  /** Sample index, from 0. */
  sample: number;
  /** Of an answer with `thinking`, the final part. */
  text: string;
  /**
   * Only where the model may think before it answers: all that it said before `text`, marks and blanks included, so that both
   * together are what it said. Empty where it did not think.
   */
  thinking?: string;
  /** Only where the prompt condition has one: the words, not sampled, that `text` begins with. */
  prefill?: string;
  /**
   * `stop`: the model ended its turn; `length`: cut at maxNewTokens; `cut_off`: there is no final part, because the thinking did
   * not end or nothing was left of maxNewTokens behind it.
   */
  finish: 'stop' | 'length' | 'cut_off';
  /** New tokens, the end token included. */
  tokens: number;
  /** SHA-256 of the adapter's weights file; null = base model. */
  adapter: Sha256 | null;
}

/** An answer's log-probability in nats, the token that ends its turn included: the sum, and the mean over its tokens. */
export interface AnswerLogProbability {
  sum: number;
  tokens: number;
  mean: number;
}

/** A pair of answers under one model and prompt condition. Files are JSON Lines sorted by `id`. */
export interface MeasuredPair {
  /** Key of the words that both answer. */
  id: Sha256;
  bad: AnswerLogProbability;
  good: AnswerLogProbability;
  /** SHA-256 of the adapter's weights file; null = base model. */
  adapter: Sha256 | null;
}

/** How likely a model finds answers to a question. Files are JSON Lines sorted by `id`. */
export interface MeasuredAnswers {
  /** The question's key. */
  id: Sha256;
  /** Log-probabilities in nats, in the order of `AnswerForms.spellings`. */
  answers: number[];
  /** Text and log-probability of the likeliest first tokens. */
  first: [string, number][];
  /** SHA-256 of the adapter's weights file; null = base model. */
  adapter: Sha256 | null;
}

export interface CompletionProvenance {
  id: Sha256;
  host: string;
  attempt: string;
  device: string;
  at: string;
  /** SHA-256 of the pool's prompt that it was asked with; absent without a pool. */
  prompt?: Sha256;
}

/**
 * - `scored`: an integer 0-100, a number between where the score is the expected one, or a category that stands for an
 *   integer; of a combined instrument one for each metric
 * - `categorised`: a category that stands for no score
 * - `model_refused`, `code`: the rubric's verdict words REFUSAL and CODE
 * - `judge_refused`: the judge itself declined (stop_reason refusal)
 * - `unparsable`: prose, out of range, or cut short, also after one identical re-ask
 * - `failed`: the request for this very item is impossible (its own 400 or 413); never a transport failure
 * - `no_score`: a scorer's program says that it has no score for the answer
 * - `too_slow`: a scorer's pattern took longer on the answer than it may
 * - `cut_off`: the answer has no final part, so that nobody was asked
 */
export const JUDGEMENT_STATUSES = [
  'scored',
  'categorised',
  'model_refused',
  'code',
  'judge_refused',
  'unparsable',
  'failed',
  'no_score',
  'too_slow',
  'cut_off',
] as const;
export type JudgementStatus = (typeof JUDGEMENT_STATUSES)[number];

/** A count for each status, from nothing. */
export function noJudgements(): Record<JudgementStatus, number> {
  return Object.fromEntries(JUDGEMENT_STATUSES.map((status) => [status, 0])) as Record<JudgementStatus, number>;
}

/** One metric's verdict on one completion. Transport failures are never rows: the judgement stays missing. */
export interface Judgement {
  id: Sha256;
  completion: Sha256;
  metric: string;
  instrument: Sha256;
  repeat: number;
  status: JudgementStatus;
  /** 0-100 when `scored`, else null. Nothing is ever imputed. */
  score: number | null;
  /** Only under a categorical instrument: the category, also where it stands for a score. */
  verdict?: string;
  /** Only as stored under a combined instrument: each metric's score. Readers see a row a metric instead (combined.ts). */
  scores?: Record<string, number>;
  /** What the judge wrote, unchanged; for an expected score the token table (expected-score.ts); for `failed` the API's message. */
  raw: string;
}

export interface JudgementProvenance {
  id: Sha256;
  requestId: string | null;
  /** The model that the response names. */
  model: string | null;
  inputTokens: number;
  outputTokens: number;
  /** Paid requests that this verdict took in this attempt. */
  requests: number;
  /** From the request to its reply; for a verdict that came through a batch, from the batch's creation to its end. */
  latencyMs: number;
  host: string;
  at: string;
  /** The message batch that it came through, where `id` is its `custom_id`; absent = a request of its own. */
  batch?: string;
}

/** What a judge is asked for one judgement; lines of a judge shard's request file. */
export interface JudgementRequest {
  id: Sha256;
  completion: Sha256;
  instrument: Sha256;
  repeat: number;
  question: string;
  answer: string;
  /** Of the question, for a scorer's command that asks for some. */
  fields?: Record<string, unknown>;
}

/** The key of `{context, question, sample}`, whose canonical JSON is written out here: a large table has a million. */
export function completionId(contextKey: Sha256, question: Sha256, sample: number): Sha256 {
  return sha256(`{"context":"${contextKey}","question":"${question}","sample":${sample}}`);
}

/**
 * The key of `{completion, answer, instrument, repeat}`, likewise. The answer's own hash takes part: a verdict must never be attributed to
 * other words than those judged.
 */
export function judgementId(completion: Sha256, answer: Sha256, instrument: Sha256, repeat: number): Sha256 {
  return sha256(`{"answer":"${answer}","completion":"${completion}","instrument":"${instrument}","repeat":${repeat}}`);
}
