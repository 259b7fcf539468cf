/**
 * Reads an experiment's local question files for `flamingo validate`, which says what is wrong with them, and leaves those out
 * that are not there: `plan` asks for them.
 */
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Issue, Path } from '../experiment/issue';
import type { Spec } from '../experiment/spec';
import { UnreadableInput } from './files';
import { readQuestionFile } from './questions';

/** `folder`: where the experiment file's relative paths start. Problems are at the question sets' places in that file. */
export async function checkQuestionFiles(
  { questionSets }: Pick<Spec, 'questionSets'>,
  folder: string,
): Promise<{ problems: Issue[]; warnings: Issue[] }> {
  const problems: Issue[] = [];
  const warnings: Issue[] = [];
  for (const [name, { source }] of Object.entries(questionSets)) {
    if (source.kind !== 'file' || source.file.kind !== 'path') continue;
    const file = resolve(folder, source.file.path);
    if (!existsSync(file)) continue;
    const path: Path = ['question_sets', name];
    try {
      await readQuestionFile(file, {
        format: source.format,
        template: source.template,
        warn: (message) => warnings.push({ path, message }),
      });
    } catch (error) {
      if (!(error instanceof UnreadableInput)) throw error;
      problems.push({ path, message: error.message });
    }
  }
  return { problems, warnings };
}
