/**
 * Reads question files: in the literature's format, a YAML list of items with `id`, `paraphrases`, `judge_prompts` and an
 * optional `system`, most of them by anchor and alias; and in the formats of question-records.ts, where they are said.
 */
import { readQuestionItems, type QuestionItem } from '../experiment/expand/questions';
import { placesIn, readYaml, type YamlFault } from '../experiment/file/yaml';
import type { QuestionFormat } from '../experiment/spec';
import { UnreadableInput } from './files';
import { MAX_QUESTIONS_BYTES } from './limits';
import { likelyFormat, readRecords } from './question-records';
import { readText } from './text';

export interface QuestionFileOptions {
  /** Absent: a list of items. */
  format?: QuestionFormat | undefined;
  /** Of `question`: the words that are asked, with the record's keys in braces. */
  template?: string | undefined;
  /** Told what is doubtful about the file, with FILE:LINE. */
  warn?: (message: string) => void;
}

export async function readQuestionFile(path: string, options: QuestionFileOptions = {}): Promise<QuestionItem[]> {
  return parseQuestionFile(await readText(path, MAX_QUESTIONS_BYTES), path, options);
}

/** `label` is what messages call the file. Throws `UnreadableInput` naming the line. */
export function parseQuestionFile(
  text: string,
  label: string,
  { format, template, warn }: QuestionFileOptions = {},
): QuestionItem[] {
  if (format !== undefined) return readRecords(text, label, { format, template, warn });
  const likely = likelyFormat(text);
  if (likely !== null) {
    throw new UnreadableInput(
      `${label}: no list of items with \`id\` and \`paraphrases\`; give the question set \`format: ${likely}\` to read it as what it looks like`,
    );
  }
  const places = placesIn(text);
  const yaml = readYaml(text);
  if (!yaml.ok) {
    const { offset, message, hint } = yaml.faults[0] as YamlFault;
    const { line, column } = places(offset);
    throw new UnreadableInput(`${label}:${line}:${column}: ${message}${hint === undefined ? '' : ` (${hint})`}`);
  }
  const placed = (message: string, item: number | null): string =>
    `${item === null ? label : `${label}:${places(yaml.offsetOf([item])).line}`}: ${message}`;
  return readQuestionItems(
    yaml.value,
    (message, item) => {
      throw new UnreadableInput(placed(message, item));
    },
    (message, item) => warn?.(placed(message, item)),
  );
}
