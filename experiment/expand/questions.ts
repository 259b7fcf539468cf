/**
 * Question files of the literature, parsed: what is asked, and the rubrics that a question brings along.
 */
import { keyOf, type Sha256 } from '../canonical';
import { cut } from '../excerpt';
import { closest } from '../issue';
import type { Message, Question } from '../plan';
import { meantPlace, misspeltPlaces, RUBRIC_PLACES, saidOfPlace } from '../placeholders';

export interface QuestionItem {
  id: string;
  /** A system message of the question's own. */
  system: string | null;
  /** Turns between the system message and the question; absent = none. */
  before?: Message[];
  paraphrases: string[];
  /** The item that it is a form of, where the file says so; absent: told by its id. */
  cluster?: string;
  /** Metric's name in the file -> rubric, of which nothing is known until a metric uses it. */
  judgePrompts: Record<string, string>;
  /** What else the file says of it, for scorers; absent = nothing. */
  fields?: Record<string, unknown>;
}

/** A question with the rubrics of its item. */
export interface AskedQuestion {
  question: Question;
  judgePrompts: Record<string, string>;
}

/**
 * The pin of a question file: what it asks, of all its items in order. Comments, layout, the number of samples and the
 * judge that it names are left out, and so are rubrics, which are pinned where a metric uses them (`rubric.sha256`).
 */
export function questionsHash(items: readonly QuestionItem[]): Sha256 {
  return keyOf(
    items.map(({ id, system, before, paraphrases }) => ({ id, system, ...(before && { before }), paraphrases })),
  );
}

/** Keys of an item that mean something here. */
const KNOWN = ['id', 'paraphrases', 'system', 'cluster', 'judge_prompts', 'fields'];
/** Keys of the literature's files that this program has its own settings for. */
const IGNORED = ['type', 'samples_per_paraphrase', 'judge'];
/** What an unknown key may have been meant as; `id` is too short to be told from other words. */
const MISTAKABLE = KNOWN.filter((key) => key !== 'id');

/**
 * Checks a parsed file; `fail` is called with the item's position and must throw, `warn` is called once for each key that
 * means nothing here, and for each place of a rubric that seems mistyped.
 */
export function readQuestionItems(
  parsed: unknown,
  fail: (message: string, item: number | null) => never,
  warn: (message: string, item: number) => void = () => undefined,
): QuestionItem[] {
  if (!Array.isArray(parsed) || parsed.length === 0) {
    return fail('no questions: expected a list of items with `id` and `paraphrases`', null);
  }
  const ids = new Set<string>();
  const warned = new Set<string>();
  return parsed.map((entry: unknown, index) => {
    if (typeof entry !== 'object' || entry === null || Array.isArray(entry))
      return fail('expected a map of keys', index);
    const item = entry as Record<string, unknown>;
    const id = typeof item['id'] === 'number' ? String(item['id']) : item['id'];
    if (typeof id !== 'string' || id === '') return fail('an item needs an `id`', index);
    if (ids.has(id)) return fail(`the id \`${id}\` is there twice`, index);
    ids.add(id);
    const { paraphrases, system } = item;
    if (
      !Array.isArray(paraphrases) ||
      paraphrases.length === 0 ||
      !paraphrases.every((text) => typeof text === 'string' && text !== '')
    ) {
      const other = ['question', 'prompt'].find((key) => paraphrases === undefined && typeof item[key] === 'string');
      return fail(
        other === undefined
          ? `\`${id}\` needs \`paraphrases\`: a list of texts; what YAML reads as something else goes in quotation marks`
          : `\`${id}\` has \`${other}\` in place of \`paraphrases\`; give the question set \`format: question\``,
        index,
      );
    }
    for (const key of Object.keys(item)) {
      if (KNOWN.includes(key) || IGNORED.includes(key)) continue;
      const near = closest(key, MISTAKABLE);
      if (near !== null) return fail(`\`${id}\` has an unknown key \`${key}\`: did you mean \`${near}\`?`, index);
      if (!warned.has(key))
        warn(
          `the key \`${key}\` means nothing here and is left out; what scorers are to know goes under \`fields\``,
          index,
        );
      warned.add(key);
    }
    if (system !== undefined && system !== null && typeof system !== 'string')
      return fail(`\`system\` of \`${id}\` must be a text`, index);
    const prompts = item['judge_prompts'] ?? {};
    if (typeof prompts !== 'object' || Array.isArray(prompts))
      return fail(`\`judge_prompts\` of \`${id}\` must be a map`, index);
    for (const [metric, text] of Object.entries(prompts as Record<string, unknown>)) {
      if (typeof text !== 'string') return fail(`\`judge_prompts.${metric}\` of \`${id}\` must be a text`, index);
      for (const misspelt of misspeltPlaces(text, RUBRIC_PLACES)) {
        const slot = `${metric} ${misspelt.written}`;
        if (!warned.has(slot))
          warn(
            `\`judge_prompts.${cut(metric)}\` of \`${id}\`: ${saidOfPlace(misspelt, 'the judge')}; ${meantPlace(misspelt)}`,
            index,
          );
        warned.add(slot);
      }
    }
    const { cluster } = item;
    if (cluster !== undefined && (typeof cluster !== 'string' || cluster === ''))
      return fail(`\`cluster\` of \`${id}\` must be a text`, index);
    const { fields } = item;
    if (fields !== undefined && (typeof fields !== 'object' || fields === null || Array.isArray(fields)))
      return fail(`\`fields\` of \`${id}\` must be a map`, index);
    return {
      id,
      system: typeof system === 'string' ? system : null,
      paraphrases: paraphrases as string[],
      ...(cluster === undefined ? {} : { cluster }),
      judgePrompts: { ...(prompts as Record<string, string>) },
      ...(fields === undefined ? {} : { fields: { ...fields } }),
    };
  });
}

/** One question per paraphrase; an item with several gets `id~1`, `id~2` … */
export function questionsOf(item: QuestionItem): AskedQuestion[] {
  return item.paraphrases.map((text, index) => {
    const id = item.paraphrases.length === 1 ? item.id : `${item.id}~${index + 1}`;
    const messages: Message[] = [
      ...(item.system === null ? [] : [{ role: 'system' as const, content: item.system }]),
      ...(item.before ?? []),
      { role: 'user', content: text },
    ];
    const { cluster, fields, judgePrompts } = item;
    const question: Question = {
      ...questionFrom(id, messages),
      ...(cluster === undefined ? {} : { cluster }),
      ...(fields === undefined ? {} : { fields }),
    };
    return { question, judgePrompts };
  });
}

export function questionFrom(id: string, messages: Message[]): Question {
  return { key: keyOf(messages), id, messages };
}
