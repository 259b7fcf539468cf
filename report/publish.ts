/**
 * Writes what people read, by name: `OUTPUT/CONFIGURATION/QUESTION-SET/CONDITION/{completions,judgements}.jsonl`.
 *
 * Rows are self-contained (ids, texts, status, the judge's name, model and own words) and hold nothing that two runs with
 * the same keys could disagree about. They are sorted by id, judgements first by judge; a request that was judged on
 * several metrics at once is a row for each.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { canonicalJson } from '../experiment/canonical';
import { isCalibration } from '../experiment/calibration';
import { MAIN_JUDGE } from '../experiment/main-judge';
import type { Plan } from '../experiment/plan';
import type { PublishResult } from '../workflows/activity-types';
import type { Judgement } from '../experiment/rows';
import type { CellRows } from '../artifacts/cells';
import { writeWhole } from '../artifacts/whole-file';

export async function publishCell(plan: Plan, rows: CellRows, output: string): Promise<Omit<PublishResult, 'paid'>> {
  const { planned, questions, completions, judgements, others, judged } = rows;
  const folder = join(output, planned.id);
  const questionIds = new Map(questions.map(({ key, id }) => [key, id]));
  const questionOf = new Map(completions.map(({ id, question }) => [id, questionIds.get(question)]));
  // the calibration's answers are rows of datasets, whose authors may keep them out of plain text
  if (!isCalibration(plan, planned)) {
    await replaceFile(
      join(folder, 'completions.jsonl'),
      completions.map((row) => ({ ...row, question: questionIds.get(row.question), questionKey: row.question })),
    );
  }
  await replaceFile(
    join(folder, 'judgements.jsonl'),
    [{ judge: MAIN_JUDGE, judgements }, ...Object.entries(others).map(named)].flatMap((each) =>
      each.judgements.map((row) => ({
        ...row,
        question: questionOf.get(row.completion),
        judge: each.judge,
        model: plan.instruments[row.instrument]?.model,
      })),
    ),
  );
  return {
    completions: completions.length,
    judgements: judged,
    // planned, not wanted: judgements of completions that do not exist are as missing as the others
    missing: planned.judgements - judged,
  };
}

function named([judge, judgements]: [string, Judgement[]]): { judge: string; judgements: Judgement[] } {
  return { judge, judgements };
}

/** Left untouched when nothing changed. */
async function replaceFile(path: string, rows: object[]): Promise<void> {
  const text = rows.map((row) => canonicalJson(row) + '\n').join('');
  if ((await readFile(path, 'utf8').catch(() => null)) === text) return;
  await writeWhole(path, text);
}
