/**
 * Texts that seem to hold a model's special token, such as `<|im_end|>`. The trainer refuses them, but a condition's only when
 * its first answer is sampled, which is after training. Only a doubt: which texts are special, the model's tokenizer says.
 */
import type { Issue, Path } from '../issue';
import type { WrittenExperiment } from './schema';

/** Of Qwen, Llama 3, Phi and GPT-OSS; of Llama 2 and Mistral; of Gemma; of DeepSeek. */
const SPECIAL = /<\|[a-z0-9_]{1,40}\|>|<\/?s>|\[\/?INST\]|<(?:start|end)_of_turn>|<[be]os>|<｜[^<>]{1,40}｜>/;
/** The keys of texts that a model is given, and of answers that it is asked for. */
const GIVEN = new Set(['text', 'prefix', 'suffix', 'prefill', 'pool', 'words']);
/** Where such keys stand. Rubrics are for the judge, whose service takes any text. */
const SECTIONS = ['conditions', 'question_sets', 'configurations', 'outcomes'] as const;

export function warnOfSpecialTexts(input: WrittenExperiment, warnings: Issue[]): void {
  for (const section of SECTIONS) look(input[section], [section], false, warnings);
}

function look(value: unknown, path: Path, isGiven: boolean, warnings: Issue[]): void {
  if (typeof value === 'string') {
    const [found] = (isGiven && SPECIAL.exec(value)) || [];
    if (found !== undefined)
      warnings.push({
        path,
        message: `\`${found}\` is a special token of many models; where it is one of this model, answers can not be sampled`,
        hint: 'leave it out: the chat template writes the turns',
      });
  } else if (typeof value === 'object' && value !== null) {
    for (const [key, inner] of Object.entries(value)) {
      const step = Array.isArray(value) ? Number(key) : key;
      look(inner, [...path, step], Array.isArray(value) ? isGiven : isGivenKey(key), warnings);
    }
  }
}

/** Also the last part of an axis of a grid, such as `train.system_prompt.text`. */
function isGivenKey(key: string): boolean {
  return GIVEN.has(key.slice(key.lastIndexOf('.') + 1));
}
