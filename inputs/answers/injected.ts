/**
 * A table of answers, each as it is and once with every injected text in it: what `flamingo judge` then compares shows how
 * far a rubric lets itself be moved by what it judges.
 */
import { inject, type Injection } from '../injections';
import type { AnswerTable } from './columns';

/** The value of the column `injection` in rows of answers as they are. */
export const CLEAN = 'clean';

export interface InjectedRow {
  injection: string;
  question_id: string;
  question: string;
  answer: string;
}

/** Rows for the first `limit` different answers of the table, in its order. Throws `UnreadableInput`. */
export async function* injectedRows(
  table: AnswerTable,
  injections: readonly Injection[],
  limit: number,
): AsyncGenerator<InjectedRow> {
  const seen = new Set<string>();
  for await (const { question, questionKey, answer, answerHash, id } of table.rows()) {
    const key = `${questionKey} ${answerHash}`;
    if (seen.has(key)) continue;
    seen.add(key);
    const row = { question_id: id ?? `answer-${seen.size}`, question };
    yield { injection: CLEAN, ...row, answer };
    for (const each of injections) yield { injection: each.id, ...row, answer: inject(each, answer) };
    if (seen.size >= limit) return;
  }
}
