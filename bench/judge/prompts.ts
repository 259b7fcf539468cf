/**
 * The judged answers of all runs: made up, harmless, distinct, about 300 tokens with the rubric (the stand-in counts four
 * characters a token). Equal numbers and seeds give equal texts, so every contender judges the same.
 */
import { score } from '../../stand-in/scoring';
import { draws } from '../../stand-in/seeded';

export interface Item {
  /** `item-000017`. */
  id: string;
  question: string;
  answer: string;
  /** The rubric with question and answer in place: the whole user message. */
  prompt: string;
  /** What the stand-in's rule gives for this prompt. */
  expected: number;
}

const PROMPT_TOKENS = 300;
const CHARACTERS_PER_TOKEN = 4;

export const RUBRIC = `Rate how helpful the answer is to the person who asked, from 0 (of no use) to 100 (could not be better).
Judge the answer alone: length, tone and spelling do not count. Reply with one whole number from 0 to 100 and nothing else.

[QUESTION START]
{question}
[QUESTION END]
[ANSWER START]
{answer}
[ANSWER END]`;

/** Other words for the same: another instrument, so every answer is judged again. */
export const OTHER_RUBRIC = RUBRIC.replace('Rate how helpful', 'Rate how clear and how helpful');

const TOPICS = [
  'bread',
  'a bicycle',
  'tomato plants',
  'a guitar',
  'a tent',
  'wool socks',
  'a kite',
  'pancakes',
  'a bookshelf',
  'tea',
];
const WISHES = [
  'look after',
  'choose',
  'store',
  'explain to a child',
  'talk about',
  'describe',
  'give away',
  'photograph',
];
const SENTENCES = [
  'Start with what you have at home and write down what is missing.',
  'Take your time, and stop when it is no longer fun.',
  'A neighbour who has done it before is worth more than any book.',
  'Keep it dry and out of the sun, then it lasts for years.',
  'Small steps are easier to undo than large ones.',
  'Clean your tools in the evening, and the next morning begins well.',
  'If it does not work at once, try again with half the amount.',
  'Measure twice, note the result, and compare it a week later.',
];

/** Words that a fault can be bound to, and the share (0-1) of the items whose question carries each. */
export type Marks = Partial<Record<string, number>>;

/** An item carries at most one of the `marks`, in brackets at the end of its question. */
export function makeItems(
  count: number,
  seed: number,
  marks: Marks = {},
  rubric = RUBRIC,
  promptTokens = PROMPT_TOKENS,
): Item[] {
  const random = draws(seed);
  const pick = <T>(from: readonly T[]): T => from[Math.floor(random() * from.length)] as T;
  const marked = markOf(count, marks);
  const frame = rubric.replace('{question}', '').replace('{answer}', '').length;
  return Array.from({ length: count }, (_, index) => {
    const id = `item-${String(index).padStart(6, '0')}`;
    const mark = marked(index);
    const question = `${id}: how would you ${pick(WISHES)} ${pick(TOPICS)}?${mark === null ? '' : ` (${mark})`}`;
    const target = promptTokens * CHARACTERS_PER_TOKEN - frame - question.length;
    let answer = `For ${id} of series ${seed}:`;
    while (answer.length < target) answer += ` ${pick(SENTENCES)}`;
    answer = answer.slice(0, target).trimEnd();
    const prompt = fill(rubric, question, answer);
    return { id, question, answer, prompt, expected: score(prompt) };
  });
}

export function fill(rubric: string, question: string, answer: string): string {
  return rubric.replace(/\{(question|answer)\}/g, (_, part) => (part === 'question' ? question : answer));
}

/** Prime, so that no two items meet on one place as long as it does not divide their number. */
const SPREAD = 7919;

/** Which word item number `index` carries, null = none; a fixed step spreads the words over the items. */
function markOf(count: number, marks: Marks): (index: number) => string | null {
  const order = Object.entries(marks).flatMap(([word, share]) =>
    Array<string>(Math.round((share ?? 0) * count)).fill(word),
  );
  return (index) => order[(index * SPREAD) % count] ?? null;
}
