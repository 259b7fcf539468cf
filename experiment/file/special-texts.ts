/**
 * Texts that seem to hold a model's special token, such as `<|im_end|>`. The trainer refuses them, but a condition's only when
 * its first answer is sampled, which is after training. Only a doubt: which texts are special, the model's tokenizer says.
 */
import type { Issue, Path } from '../issue';
import type { WrittenExperiment } from './schema';

/** Of Qwen, Llama 3, Phi, GPT-OSS and Command R; of Llama 2 and Mistral; of Gemma; of DeepSeek. */
const SPECIAL = /<\|[a-z0-9_]{1,40}\|>|<\/?s>|<unk>|\[\/?INST\]|<(?:start|end)_of_turn>|<[be]os>|<｜[^<>]{1,40}｜>/i;
/** The keys of texts that a model is given, and of answers that it is asked for. */
const GIVEN = new Set(['text', 'prefix', 'suffix', 'prefill', 'pool', 'template', 'words']);
/** Where such keys stand. Rubrics are for the judge, whose service takes any text. */
const SECTIONS = ['conditions', 'question_sets', 'configurations', 'grid', 'outcomes'] as const;

export function warnOfSpecialTexts(input: WrittenExperiment, warnings: Issue[]): void {
  for (const section of SECTIONS) look(input[section], [section], false, warnings);
}

function look(value: unknown, path: Path, isGiven: boolean, warnings: Issue[]): void {
  if (isGiven) warn(textsOf(value, path), warnings);
  if (Array.isArray(value)) {
    const others = [...value.entries()].filter(([, inner]) => typeof inner !== 'string');
    for (const [index, inner] of others) look(inner, [...path, index], isGiven, warnings);
  } else if (typeof value === 'object' && value !== null)
    for (const [key, inner] of Object.entries(value)) look(inner, [...path, key], isGivenKey(key), warnings);
}

interface Text {
  path: Path;
  text: string;
}

/** The text itself, or those of a list. */
function textsOf(value: unknown, path: Path): Text[] {
  if (typeof value === 'string') return [{ path, text: value }];
  if (!Array.isArray(value)) return [];
  return value.flatMap((text: unknown, index) => (typeof text === 'string' ? [{ path: [...path, index], text }] : []));
}

/** One warning for the texts of a list, at the first of them that holds a token. */
function warn(texts: readonly Text[], warnings: Issue[]): void {
  const found = texts.filter(({ text }) => SPECIAL.test(text));
  const [first] = found;
  if (first === undefined) return;
  const more = found.length === 1 ? '' : ` (${found.length.toLocaleString('en')} texts here hold one)`;
  warnings.push({
    path: first.path,
    message:
      `\`${SPECIAL.exec(first.text)?.[0]}\` is a special token of many models; where it is one of this model, answers can not be ` +
      `sampled${more}`,
    hint: 'leave it out: the chat template writes the turns',
  });
}

/** Also the last part of an axis of a grid, such as `train.system_prompt.text`. */
function isGivenKey(key: string): boolean {
  return GIVEN.has(key.slice(key.lastIndexOf('.') + 1));
}
