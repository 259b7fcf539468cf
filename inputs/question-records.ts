/**
 * Question files that are no list of items: records with a question or a conversation each, and the trait files of persona
 * vectors. What a record has besides is kept as fields of its question.
 */
import { canonicalJson } from '../experiment/canonical';
import { cut } from '../experiment/excerpt';
import type { QuestionItem } from '../experiment/expand/questions';
import { placesIn, readYaml, type YamlFault } from '../experiment/file/yaml';
import type { Message, Role } from '../experiment/plan';
import type { QuestionFormat } from '../experiment/spec';
import { linesOf, UnreadableInput } from './files';
import { repeatedKey } from './repeated-key';
import { HALF_CHARACTER } from './text';

type Refuse = (message: string) => never;

interface RecordOptions {
  format: QuestionFormat;
  /** Of `question`: the words that are asked, with the record's keys in braces. */
  template?: string | undefined;
  warn?: ((message: string) => void) | undefined;
}

interface FileRecord {
  value: Record<string, unknown>;
  /** From 1. */
  line: number;
  refuse: Refuse;
}

/**
 * The items of a file of that format, one question each; of records that say the same but for their ids the first, which `warn`
 * is told. Throws `UnreadableInput` naming the line.
 */
export function readRecords(text: string, label: string, options: RecordOptions): QuestionItem[] {
  const { format, template, warn = () => undefined } = options;
  if (format === 'persona-trait') return traitItems(text, label);
  const records = text.trimStart().startsWith('{') ? jsonLines(text, label) : yamlList(text, label);
  if (records.length === 0) throw new UnreadableInput(`${label}: no questions: the file is empty`);
  const width = Math.max(4, String(records.at(-1)?.line ?? 0).length);
  const lines = new Map<string, number>();
  const unnamed = new Map<number, number>(); // line -> records on it without an id
  const asked = new Map<string, { line: number; fields: string }>();
  // a list may have several records on one line, or all of them
  const nameOf = (line: number): string => {
    const count = (unnamed.get(line) ?? 0) + 1;
    unnamed.set(line, count);
    return `line-${String(line).padStart(width, '0')}${count === 1 ? '' : `-${count}`}`;
  };
  return records.flatMap((record) => {
    const { line, refuse } = record;
    const item = format === 'messages' ? conversationItem(record) : questionItem(record, template);
    const id = item.id ?? nameOf(line);
    const other = lines.get(id);
    if (other !== undefined) return refuse(`the id \`${cut(id)}\` is that of line ${other}, too`);
    lines.set(id, line);
    const words = canonicalJson([item.system, item.before ?? [], item.paraphrases]);
    const fields = canonicalJson(item.fields ?? {});
    const same = asked.get(words);
    if (same === undefined) {
      asked.set(words, { line, fields });
      return [{ ...item, id }];
    }
    if (same.fields !== fields)
      return refuse(
        `it asks the same words as line ${same.line} and says something else of them: leave one of them out`,
      );
    warn(`${label}:${line}: it asks the same words as line ${same.line}, and is left out`);
    return [];
  });
}

function jsonLines(text: string, label: string): FileRecord[] {
  const records: FileRecord[] = [];
  for (const { line, number } of linesOf(text)) {
    if (line.trim() === '') continue;
    const refuse = refusal(label, number);
    let value: unknown;
    try {
      value = JSON.parse(line);
    } catch (error) {
      return refuse(`not JSON: ${cut((error as Error).message, 120)}`);
    }
    const twice = repeatedKey(line);
    if (twice !== null) return refuse(`the key ${JSON.stringify(cut(twice))} stands twice in an object`);
    records.push({ value: recordOf(value, refuse), line: number, refuse });
  }
  return records;
}

function yamlList(text: string, label: string): FileRecord[] {
  const places = placesIn(text);
  const yaml = readYaml(text);
  if (!yaml.ok) {
    const { offset, message } = yaml.faults[0] as YamlFault;
    return refusal(label, places(offset).line)(message);
  }
  if (!Array.isArray(yaml.value)) return refusal(label, 1)('expected JSON Lines, or a list of records');
  return yaml.value.map((value: unknown, index) => {
    const { line } = places(yaml.offsetOf([index]));
    const refuse = refusal(label, line);
    // a list may be one of plain texts
    return { value: typeof value === 'string' ? { question: value } : recordOf(value, refuse), line, refuse };
  });
}

function refusal(label: string, line: number): Refuse {
  return (message) => {
    throw new UnreadableInput(`${label}:${line}: ${message}`, {
      withoutContent: `${label}:${line}: not a question of the format that the file is said to have`,
    });
  };
}

function recordOf(value: unknown, refuse: Refuse): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return refuse('expected an object');
  return value as Record<string, unknown>;
}

type UnnamedItem = Omit<QuestionItem, 'id'> & { id: string | null };

/** Where a record has its question. */
const QUESTION_KEYS = ['question', 'prompt'];
/** Where a record has a system message of its own. */
const SYSTEM_KEYS = ['system', 'system_prompt'];

function questionItem({ value, refuse }: FileRecord, template?: string): UnnamedItem {
  const { id, system, rest } = commonOf(value, refuse);
  if (template !== undefined) {
    const words = template.replace(/\{([A-Za-z_]\w*)\}/g, (_, name: string) => filledIn(rest, name, refuse));
    return { id, system, paraphrases: [contentOf(words, 'the question', refuse)], judgePrompts: {}, ...kept(rest) };
  }
  const key = QUESTION_KEYS.find((each) => each in rest);
  if (key === undefined) {
    return refuse(
      'expected a key `question` or `prompt` with the words that are asked; give the question set a `template` that says how ' +
        'they are put together from other keys',
    );
  }
  const { [key]: question, ...fields } = rest;
  return { id, system, paraphrases: [contentOf(question, `\`${key}\``, refuse)], judgePrompts: {}, ...kept(fields) };
}

/** In one pass: braces in a value are left as they are. */
function filledIn(rest: Record<string, unknown>, name: string, refuse: Refuse): string {
  const value = Object.hasOwn(rest, name) ? rest[name] : undefined;
  if (typeof value === 'string' || typeof value === 'number') return String(value);
  const known = Object.keys(rest).map((key) => `\`${cut(key, 40)}\``);
  return refuse(
    value === undefined
      ? `the template asks for \`${name}\`, which the record has not; it has ${known.join(', ') || 'no other keys'}`
      : `the template asks for \`${name}\`, which must be a text or a number`,
  );
}

function conversationItem({ value, refuse }: FileRecord): UnnamedItem {
  const { id, system, rest } = commonOf(value, refuse);
  const { messages, ...fields } = rest;
  if (!Array.isArray(messages)) return refuse('expected the key `messages` with a list of turns');
  const turns = messages.map((turn: unknown, index): Message => {
    const { role, content } = (typeof turn === 'object' && turn !== null ? turn : {}) as Record<string, unknown>;
    const place = `turn ${index + 1}`;
    if (role !== 'system' && role !== 'user' && role !== 'assistant')
      return refuse(`${place}: \`role\` must be system, user or assistant`);
    if (role === 'system' && index > 0) return refuse(`${place}: a system message can only come first`);
    return { role: role satisfies Role, content: contentOf(content, `${place}: \`content\``, refuse) };
  });
  const last = turns.findLastIndex(({ role }) => role === 'user');
  if (last === -1) return refuse('the conversation has no user turn: there is nothing to ask');
  const first = turns[0]?.role === 'system' ? turns[0].content : null;
  if (first !== null && system !== null)
    return refuse('a system message stands both in `messages` and beside it: which one is meant?');
  const before = turns.slice(first === null ? 0 : 1, last);
  return {
    id,
    system: first ?? system,
    ...(before.length === 0 ? {} : { before }),
    paraphrases: [(turns[last] as Message).content],
    judgePrompts: {},
    ...kept(fields),
  };
}

function commonOf(
  value: Record<string, unknown>,
  refuse: Refuse,
): { id: string | null; system: string | null; rest: Record<string, unknown> } {
  const { id, ...rest } = value;
  if (id !== undefined && typeof id !== 'number' && (typeof id !== 'string' || id === ''))
    return refuse('`id` must be a text or a number');
  const key = SYSTEM_KEYS.find((each) => rest[each] !== undefined && rest[each] !== null);
  const system = key === undefined ? null : contentOf(rest[key], `\`${key}\``, refuse);
  for (const each of SYSTEM_KEYS) delete rest[each];
  return { id: id === undefined ? null : String(id), system, rest };
}

function contentOf(content: unknown, place: string, refuse: Refuse): string {
  if (typeof content !== 'string') return refuse(`${place} must be a text`);
  if (content.trim() === '') return refuse(`${place} is empty`);
  if (!content.isWellFormed()) return refuse(`${place} has ${HALF_CHARACTER}`);
  return content;
}

function kept(fields: Record<string, unknown>): Pick<QuestionItem, 'fields'> {
  return Object.keys(fields).length === 0 ? {} : { fields };
}

/**
 * `{questions, eval_prompt, instruction}`: each question is asked, `eval_prompt` is their rubric of that name, and the
 * system prompts under `instruction` are not asked.
 */
function traitItems(text: string, label: string): QuestionItem[] {
  const refuse = refusal(label, 1);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    return refuse(`not JSON: ${cut((error as Error).message, 120)}`);
  }
  const { questions, eval_prompt: rubric } = recordOf(value, refuse);
  if (!Array.isArray(questions) || questions.length === 0)
    return refuse('expected the key `questions` with a list of texts');
  if (typeof rubric !== 'string') return refuse('expected the key `eval_prompt` with the text of a rubric');
  return questions.map((question: unknown, index) => ({
    id: `question-${String(index + 1).padStart(2, '0')}`,
    system: null,
    paraphrases: [contentOf(question, `question ${index + 1}`, refuse)],
    judgePrompts: { eval_prompt: rubric },
  }));
}

/** The setting for a file that is no list of items but looks like another format; null where it looks like none. */
export function likelyFormat(text: string): QuestionFormat | null {
  const whole = text.trimStart();
  if (!whole.startsWith('{')) return null;
  for (const piece of [whole, whole.split('\n', 1)[0] as string]) {
    try {
      const value = JSON.parse(piece) as Record<string, unknown>;
      if ('questions' in value && 'eval_prompt' in value) return 'persona-trait';
      if ('messages' in value) return 'messages';
      if (QUESTION_KEYS.some((key) => key in value)) return 'question';
    } catch {
      continue;
    }
  }
  return null;
}
