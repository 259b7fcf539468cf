/**
 * Writes what people read, by name: `OUTPUT/CONFIGURATION/QUESTION-SET/CONDITION/{completions,judgements}.jsonl`.
 *
 * Rows are self-contained (ids, texts, status, the judge's name, model and own words) and hold nothing that two runs with
 * the same keys could disagree about. They are sorted by id, judgements first by judge; a request that was judged on
 * several metrics at once is a row for each.
 */
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { canonicalJson, type Sha256 } from '../experiment/canonical';
import { isCalibration } from '../experiment/calibration';
import { MAIN_JUDGE } from '../experiment/main-judge';
import type { Plan } from '../experiment/plan';
import { describeScorer } from '../experiment/scorers';
import type { PublishResult } from '../workflows/activity-types';
import type { CellRows } from '../artifacts/cells';
import { hashFile } from '../artifacts/hash-file';
import { quickRead, quickStat } from '../artifacts/local/quick';
import { Turns } from '../artifacts/turns';
import { writeWhole } from '../artifacts/whole-file';

export async function publishCell(plan: Plan, rows: CellRows, output: string): Promise<Omit<PublishResult, 'paid'>> {
  const { planned, questions, completions, judgements, others, judged } = rows;
  const folder = join(output, planned.id);
  const questionIds = new Map(questions.map(({ key, id }) => [key, id]));
  const questionOf = new Map(completions.map(({ id, question }) => [id, questionIds.get(question)]));
  // the calibration's answers are rows of datasets, whose authors may keep them out of plain text
  if (!isCalibration(plan, planned)) {
    await replaceFile(join(folder, 'completions.jsonl'), function* () {
      for (const row of completions)
        yield { ...row, question: questionIds.get(row.question), questionKey: row.question };
    });
  }
  await replaceFile(join(folder, 'judgements.jsonl'), function* () {
    for (const [judge, own] of [[MAIN_JUDGE, judgements] as const, ...Object.entries(others)]) {
      for (const row of own) {
        const scorer = plan.scorers?.[row.instrument];
        const by =
          scorer === undefined
            ? { judge, model: plan.instruments[row.instrument]?.model }
            : { judge: 'scorer', model: describeScorer(scorer) };
        yield { ...row, question: questionOf.get(row.completion), ...by };
      }
    }
  });
  return {
    completions: completions.length,
    judgements: judged,
    // planned, not wanted: judgements of completions that do not exist are as missing as the others
    missing: planned.judgements - judged,
  };
}

/** Characters that are written at once: all rows of a large cell are more than one string holds. */
const PIECE = 1 << 20;

/** Bytes up to which a file is read and compared at once; of larger ones the hashes are, which takes little memory. */
const SMALL = 65_536;

/** Left untouched when nothing changed. */
async function replaceFile(path: string, rows: () => Iterable<object>): Promise<void> {
  if (await holds(path, piecesOf(rows()))) return;
  await writeWhole(path, piecesOf(rows()));
}

/** Whether the file is there, and is these pieces. */
async function holds(path: string, pieces: Iterable<string>): Promise<boolean> {
  const about = await quickStat(path).catch(() => null);
  if (about === null || !about.isFile()) return false;
  if (about.size > SMALL) return (await hashFile(path).catch(() => null)) === (await hashOf(pieces));
  const standing = await quickRead(path, about.size).catch(() => null);
  if (standing === null) return false;
  let text = '';
  for (const piece of pieces) {
    text += piece;
    if (text.length > standing.length) return false; // UTF-8 has no fewer bytes than a string has units
  }
  return standing.equals(Buffer.from(text));
}

function* piecesOf(rows: Iterable<object>): Generator<string> {
  let piece = '';
  for (const row of rows) {
    piece += canonicalJson(row) + '\n';
    if (piece.length < PIECE) continue;
    yield piece;
    piece = '';
  }
  if (piece !== '') yield piece;
}

/** The pieces of a large cell take minutes to make, so others get their turn in between. */
async function hashOf(pieces: Iterable<string>): Promise<Sha256> {
  const hash = createHash('sha256');
  const turns = new Turns();
  for (const piece of pieces) {
    hash.update(piece);
    if (turns.due) await turns.give();
  }
  return hash.digest('hex');
}
