/**
 * How the stand-in judge scores: a rule of a few lines, never a model. The score depends on the judged answer only.
 *
 * Where the answer is: rubrics use the published skeleton, whose delimiters stand alone on their lines:
 *
 *     [QUESTION START]          The answer begins after the first line `[ANSWER START]` that follows the first line
 *     {question}                `[QUESTION END]` (or after the first one, in a rubric without a question), and ends
 *     [QUESTION END]            before the last line `[ANSWER END]`. So delimiters inside an answer change nothing,
 *     [ANSWER START]            and a rubric may speak of them within a sentence.
 *     {answer}
 *     [ANSWER END]
 *
 * What is scored: a rubric may hold one marker, outside question and answer,
 *
 *     [stand-in: contains "flamingo" -> 5 else 95]
 *
 * and the score is the first number if the answer contains the words (in any case), else the second. To Claude the
 * marker is a line without meaning; leave it out of rubrics meant for Claude. Without a marker the score is derived
 * from the answer's hash: 80-99 for a rubric that speaks of coherence, 0-100 for any other.
 */
import { sha256 } from '../../../experiment/canonical';

export interface Parts {
  /** The prompt without question and answer. */
  rubric: string;
  /** Null when the prompt has no answer delimiters. */
  answer: string | null;
}

/** The rubric can not be scored by this judge; the message says why. */
export class RubricNotScorable extends Error {
  override name = 'RubricNotScorable';
}

const MARKER = /\[stand-in: contains "([^"\n]+)" -> (\d{1,3}) else (\d{1,3})\]/;

export function splitPrompt(prompt: string): Parts {
  const lines = prompt.split('\n');
  const find = (mark: string, from = 0) => lines.findIndex((line, index) => index >= from && line.trimEnd() === mark);
  const questionStart = find('[QUESTION START]');
  const questionEnd = questionStart < 0 ? -1 : find('[QUESTION END]', questionStart + 1);
  const start = find('[ANSWER START]', questionEnd + 1);
  const end = lines.findLastIndex((line) => line.trimEnd() === '[ANSWER END]');
  if (start < 0 || end <= start) return { rubric: prompt, answer: null };
  const before =
    questionEnd < 0
      ? lines.slice(0, start)
      : [...lines.slice(0, questionStart), ...lines.slice(questionEnd + 1, start)];
  return {
    rubric: [...before, ...lines.slice(end + 1)].join('\n'),
    answer: lines.slice(start + 1, end).join('\n'),
  };
}

/** An integer 0-100. Throws `RubricNotScorable`. */
export function score(prompt: string): number {
  const { rubric, answer } = splitPrompt(prompt);
  const marker = MARKER.exec(rubric);
  if (marker === null && rubric.includes('[stand-in:')) {
    throw new RubricNotScorable(
      'the [stand-in: ...] marker is not understood; write it as [stand-in: contains "words" -> 5 else 95]',
    );
  }
  if (marker !== null) {
    if (answer === null) {
      throw new RubricNotScorable(
        'a rubric with a [stand-in: ...] marker needs the lines [ANSWER START] and [ANSWER END]',
      );
    }
    const [, words = '', found, other] = marker;
    const value = Number(answer.toLowerCase().includes(words.toLowerCase()) ? found : other);
    if (value > 100) throw new RubricNotScorable(`the [stand-in: ...] marker scores ${value}, above 100`);
    return value;
  }
  const hash = Number.parseInt(sha256(answer ?? prompt).slice(0, 12), 16);
  return /coheren/i.test(rubric) ? 80 + (hash % 20) : hash % 101;
}
