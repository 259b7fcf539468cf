/**
 * Pins: content must be what the experiment file says it is, wherever it came from.
 */
import type { Sha256 } from '../canonical';
import type { Dataset } from './dataset';
import { InvalidExperiment } from '../issue';
import { questionsHash, type QuestionItem } from './questions';
import type { DatasetSpec } from '../spec';

const HINT = 'this is other content than the file asks for; use the pinned content, or change the pin';

/** Throws `InvalidExperiment` when the rows are not the declared ones. */
export function checkDataset(name: string, declared: DatasetSpec, { rows, sha256 }: Dataset): void {
  if (declared.rows !== null && declared.rows !== rows.length) {
    throw new InvalidExperiment(
      ['datasets', name, 'rows'],
      `\`${name}\` has ${rows.length} rows, declared are ${declared.rows}`,
    );
  }
  if (declared.contentSha256 !== null && declared.contentSha256 !== sha256) {
    const message = `the rows of \`${name}\` have SHA-256 ${sha256}, pinned is ${declared.contentSha256}`;
    throw new InvalidExperiment(['datasets', name, 'content_sha256'], message, HINT);
  }
}

export function checkQuestions(name: string, pinned: Sha256 | null, items: readonly QuestionItem[]): void {
  if (pinned === null) return;
  const found = questionsHash(items);
  if (found === pinned) return;
  const message = `the questions of \`${name}\` have SHA-256 ${found}, pinned is ${pinned}`;
  throw new InvalidExperiment(['question_sets', name, 'content_sha256'], message, HINT);
}
