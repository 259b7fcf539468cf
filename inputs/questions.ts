/**
 * Reads question files in the literature's format: a YAML list of items with `id`, `paraphrases`, `judge_prompts` and
 * an optional `system`, most of them by anchor and alias.
 */
import { isSeq, LineCounter, parseDocument, type Node } from 'yaml';
import { readQuestionItems, type QuestionItem } from '../experiment/expand/questions';
import { readBytes, UnreadableInput } from './files';
import { MAX_QUESTIONS_BYTES } from './limits';

export async function readQuestionFile(path: string): Promise<QuestionItem[]> {
  return parseQuestionFile((await readBytes(path, MAX_QUESTIONS_BYTES)).toString('utf8'), path);
}

/** `label` is what messages call the file. Throws `UnreadableInput` naming the line. */
export function parseQuestionFile(text: string, label: string): QuestionItem[] {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, merge: true });
  const fault = document.errors[0];
  if (fault !== undefined) {
    const { line, col } = lines.linePos(fault.pos[0]);
    throw new UnreadableInput(`${label}:${line}:${col}: not valid YAML: ${fault.message}`);
  }
  // The literature's files share one rubric by more than a hundred aliases; the library's guard would refuse them.
  const parsed: unknown = document.toJS({ maxAliasCount: -1 });
  return readQuestionItems(parsed, (message, item) => {
    const node = item !== null && isSeq(document.contents) ? (document.contents.items[item] as Node) : null;
    const place = node?.range ? `${label}:${lines.linePos(node.range[0]).line}` : label;
    throw new UnreadableInput(`${place}: ${message}`);
  });
}
