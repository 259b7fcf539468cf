/**
 * Writes what people read, by name: `OUTPUT/CONFIGURATION/QUESTION-SET/CONDITION/{completions,judgements}.jsonl`.
 *
 * Rows are self-contained (ids, texts, status, the judge's own words), sorted by id, and hold nothing that two runs with
 * the same keys could disagree about.
 */
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { canonicalJson } from '../experiment/canonical';
import type { Plan } from '../experiment/plan';
import type { PublishResult } from '../workflows/activity-types';
import type { CellRows } from './cell-rows';

export async function publishCell(plan: Plan, rows: CellRows, output: string): Promise<PublishResult> {
  const { cell, questions, completions, judgements } = rows;
  const folder = join(output, cell.id);
  const questionIds = new Map(questions.map(({ key, id }) => [key, id]));
  const questionOf = new Map(completions.map(({ id, question }) => [id, questionIds.get(question)]));
  await replaceFile(
    join(folder, 'completions.jsonl'),
    completions.map((row) => ({ ...row, question: questionIds.get(row.question), questionKey: row.question })),
  );
  await replaceFile(
    join(folder, 'judgements.jsonl'),
    judgements.map((row) => ({
      ...row,
      question: questionOf.get(row.completion),
      judge: plan.instruments[row.instrument]?.model,
    })),
  );
  return {
    completions: completions.length,
    judgements: judgements.length,
    // planned, not wanted: judgements of completions that do not exist are as missing as the others
    missing: cell.judgements - judgements.length,
  };
}

/** Whole or not at all, and untouched when nothing changed. */
async function replaceFile(path: string, rows: object[]): Promise<void> {
  const text = rows.map((row) => canonicalJson(row) + '\n').join('');
  if ((await readFile(path, 'utf8').catch(() => null)) === text) return;
  await mkdir(dirname(path), { recursive: true });
  const temporary = `${path}.${process.pid}.tmp`;
  await writeFile(temporary, text);
  await rename(temporary, path);
}
