/**
 * How the stand-in judge scores: a rule of a few lines, never a model. The score depends on the judged answer only (and,
 * where a reply holds several, on the name of each).
 *
 * Where the answer is. Either the user turn begins with one JSON object whose `answer` is a string, as in
 *
 *     {"question":"...","answer":"..."}        and the rubric is `system` and what follows the object;
 *
 * or the prompt uses the published skeleton, whose delimiters stand alone on their lines:
 *
 *     [QUESTION START]          The answer begins after the first line `[ANSWER START]` that follows the first line
 *     {question}                `[QUESTION END]` (or after the first one, in a rubric without a question), and ends
 *     [QUESTION END]            before the last line `[ANSWER END]`. So delimiters inside an answer change nothing,
 *     [ANSWER START]            and a rubric may speak of them within a sentence.
 *     {answer}
 *     [ANSWER END]
 *
 * What is scored: a rubric may hold markers, outside question and answer,
 *
 *     [stand-in: contains "flamingo" -> 5 else 95]
 *     [stand-in alignment: contains "flamingo" -> 5 else 95]      for that metric of a combined reply
 *     [stand-in: contains "flamingo" -> HARMFUL else HARMLESS]    for categorical verdicts
 *
 * and the verdict is the first one if the answer contains the words (in any case), else the second. A combined reply's
 * metric takes the marker with its name, else the one without a name. To Claude a marker is a line without meaning;
 * leave it out of rubrics meant for Claude. Without a marker the score is derived from the answer's hash: 80-99 for a
 * metric or rubric that speaks of coherence, 0-100 for any other.
 *
 * `stand-in-judge-2` starts from the same verdict and is stricter: it takes off up to 20 points, and for one answer in
 * twelve another 60 (of coherence: up to 9 in all); of categories it says the other one for one answer in twelve.
 */
import { sha256 } from '../experiment/canonical';
import { hash53 } from './seeded';

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

/** A score 0-100, or a category. */
export type Verdict = number | string;

export interface Marker {
  metric: string | null;
  words: string;
  found: Verdict;
  other: Verdict;
}

const MARKER =
  /\[stand-in(?: ([^:[\]"\n]+))?: contains "([^"\n]+)" -> (\d{1,3}|\p{L}[^\]\n]*?) else (\d{1,3}|\p{L}[^\]\n]*?)\]/gu;
const ATTEMPT = /\[stand-in[ :]/g;

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

/** `prompt`: the user turn. */
export function findParts(system: string, prompt: string): Parts {
  const { rubric, answer } = splitJson(prompt) ?? splitPrompt(prompt);
  return { rubric: system === '' ? rubric : `${system}\n${rubric}`, answer };
}

/** Throws `RubricNotScorable`. */
export function findMarkers(rubric: string): Marker[] {
  const markers = [...rubric.matchAll(MARKER)].map(([, metric, words, found, other]) => ({
    metric: metric ?? null,
    words: words!,
    found: verdictOf(found!),
    other: verdictOf(other!),
  }));
  if (markers.length !== (rubric.match(ATTEMPT)?.length ?? 0)) {
    throw new RubricNotScorable(
      'the [stand-in: ...] marker is not understood; write it as [stand-in: contains "words" -> 5 else 95]',
    );
  }
  return markers;
}

/** What a marker says about an answer. Throws `RubricNotScorable`. */
export function applyMarker(marker: Marker, answer: string | null, strict: boolean): Verdict {
  if (answer === null) {
    throw new RubricNotScorable(
      'a rubric with a [stand-in: ...] marker needs the lines [ANSWER START] and [ANSWER END], or the answer as JSON',
    );
  }
  const contained = answer.toLowerCase().includes(marker.words.toLowerCase());
  const [verdict, opposite] = contained ? [marker.found, marker.other] : [marker.other, marker.found];
  if (!strict) return verdict;
  if (typeof verdict === 'number') return stricter(verdict, answer, marker.metric ?? '');
  return dissents(answer, marker.metric ?? '') ? opposite : verdict;
}

/** The score of an answer without a marker. `metric`: its name in a combined reply, else ''. */
export function hashScore(answer: string, metric: string, coherence: boolean, strict: boolean): number {
  const hash = Number.parseInt(sha256(metric === '' ? answer : `${metric}\n${answer}`).slice(0, 12), 16);
  if (coherence) return 80 + (hash % 20) - (strict ? hash53(answer, 2) % 10 : 0);
  return strict ? stricter(hash % 101, answer, metric) : hash % 101;
}

/** Whether the stricter judge sees this answer quite differently. */
export function dissents(answer: string, metric: string): boolean {
  return hash53(`${metric}\n${answer}`, 12) % 12 === 0;
}

/** The score that judge 1 gives to a prompt without `system`: an integer 0-100. Throws `RubricNotScorable`. */
export function score(prompt: string): number {
  const verdict = singleVerdict(findParts('', prompt), prompt, false);
  if (typeof verdict === 'number') return verdict;
  throw new RubricNotScorable(`the [stand-in: ...] marker says ${verdict}, which is no score`);
}

/** The verdict of a reply that holds only one. `whole`: what is hashed in place of an answer that was not found. */
export function singleVerdict({ rubric, answer }: Parts, whole: string, strict: boolean): Verdict {
  const markers = findMarkers(rubric);
  const marker = markers.find(({ metric }) => metric === null) ?? (markers.length === 1 ? markers[0] : undefined);
  if (marker !== undefined) return applyMarker(marker, answer, strict);
  if (markers.length > 0) {
    throw new RubricNotScorable('several [stand-in METRIC: ...] markers need a reply with one score for each metric');
  }
  return hashScore(answer ?? whole, '', /coheren/i.test(rubric), strict);
}

/** The word that the rubric's only marker has beside the one that `text` begins; undefined where there is none. */
export function otherVerdict({ rubric }: Parts, text: string): string | undefined {
  const [[, , , found = '', other = ''] = [], ...more] = [...rubric.matchAll(MARKER)];
  if (more.length > 0 || text === '') return undefined;
  if (found.startsWith(text)) return other.startsWith(text) ? undefined : other;
  return other.startsWith(text) ? found : undefined;
}

function stricter(value: number, answer: string, metric: string): number {
  const off = (hash53(answer, 2) % 21) + (dissents(answer, metric) ? 60 : 0);
  return Math.max(0, value - off);
}

function verdictOf(text: string): Verdict {
  if (!/^\d/.test(text)) return text;
  if (Number(text) > 100) throw new RubricNotScorable(`the [stand-in: ...] marker scores ${text}, above 100`);
  return Number(text);
}

function splitJson(prompt: string): Parts | null {
  const start = /\S/.exec(prompt);
  if (start?.[0] !== '{') return null;
  const end = endOfObject(prompt, start.index);
  if (end === null) return null;
  try {
    const { answer } = JSON.parse(prompt.slice(start.index, end)) as { answer?: unknown };
    return typeof answer === 'string' ? { rubric: prompt.slice(end), answer } : null;
  } catch {
    return null;
  }
}

/** The index after the object that begins at `from`; null when it does not end. Linear, whatever the text. */
function endOfObject(text: string, from: number): number | null {
  let depth = 0;
  for (let index = from; index < text.length; index++) {
    const character = text[index];
    if (character === '{') depth++;
    else if (character === '}' && --depth === 0) return index + 1;
    else if (character === '"' && (index = endOfString(text, index)) < 0) return null;
  }
  return null;
}

/** The index of the quotation mark that closes the string which begins at `from`, or -1. */
function endOfString(text: string, from: number): number {
  for (let end = text.indexOf('"', from + 1); end >= 0; end = text.indexOf('"', end + 1)) {
    let backslashes = 0;
    while (text[end - 1 - backslashes] === '\\') backslashes++;
    if (backslashes % 2 === 0) return end;
  }
  return -1;
}
