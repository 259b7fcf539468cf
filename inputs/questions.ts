/**
 * Reads question files in the literature's format: a YAML list of items with `id`, `paraphrases`, `judge_prompts` and
 * an optional `system`, most of them by anchor and alias.
 */
import { readQuestionItems, type QuestionItem } from '../experiment/expand/questions';
import { placesIn, readYaml, type YamlFault } from '../experiment/file/yaml';
import { UnreadableInput } from './files';
import { MAX_QUESTIONS_BYTES } from './limits';
import { readText } from './text';

export async function readQuestionFile(path: string): Promise<QuestionItem[]> {
  return parseQuestionFile(await readText(path, MAX_QUESTIONS_BYTES), path);
}

/** `label` is what messages call the file. Throws `UnreadableInput` naming the line. */
export function parseQuestionFile(text: string, label: string): QuestionItem[] {
  const places = placesIn(text);
  const yaml = readYaml(text);
  if (!yaml.ok) {
    const { offset, message, hint } = yaml.faults[0] as YamlFault;
    const { line, column } = places(offset);
    throw new UnreadableInput(`${label}:${line}:${column}: ${message}${hint === undefined ? '' : ` (${hint})`}`);
  }
  return readQuestionItems(yaml.value, (message, item) => {
    const place = item === null ? label : `${label}:${places(yaml.offsetOf([item])).line}`;
    throw new UnreadableInput(`${place}: ${message}`);
  });
}
