import { appendFileSync, closeSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  type FinishedJudgement,
  JournalUnwritable,
  openJournal,
  readJournals,
  type Usage,
} from '../../../artifacts/journal';
import { resources } from '../judge/fixtures';

const open = resources();
const PAID: Usage = { requests: 1, inputTokens: 100, outputTokens: 2 };

function finished(id: string, { score = 50, at = '2026-01-01T00:00:00.000Z' } = {}): FinishedJudgement {
  return {
    row: {
      id,
      completion: `c-${id}`,
      metric: 'alignment',
      instrument: 'i',
      repeat: 0,
      status: 'scored',
      score,
      raw: String(score),
    },
    provenance: {
      id,
      requestId: null,
      model: 'm',
      inputTokens: 100,
      outputTokens: 2,
      requests: 1,
      latencyMs: 5,
      host: 'h',
      at,
    },
  };
}

test('what one attempt wrote, the next one finds', () => {
  const folder = open.folder();
  const first = open.journal(folder, 'a1');
  first.append(finished('x'), PAID);
  first.appendUnparsed('y', PAID);
  first.appendSpent({ requests: 1, inputTokens: 0, outputTokens: 0 });
  // not closed: a killed process closes nothing
  const second = open.journal(folder, 'a2');
  expect(second.finished.get('x')).toEqual(finished('x'));
  expect([...second.unparsed]).toEqual(['y']);
  expect(second.paid).toEqual({ requests: 3, inputTokens: 200, outputTokens: 4 });
  second.append(finished('y'), PAID);
  expect([...second.unparsed]).toEqual([]);
  const read = readJournals([folder]);
  expect([...read.finished.keys()].sort()).toEqual(['x', 'y']);
  expect([...read.unparsed]).toEqual([]);
  expect(read.damagedLines).toBe(0);
});

test.each([1, 20, 200, -1])('a last line torn after %i bytes is ignored', (bytes) => {
  const folder = open.folder();
  const journal = open.journal(folder);
  journal.append(finished('x'), PAID);
  const line = `${JSON.stringify({ ...finished('y'), paid: PAID })}\n`;
  appendFileSync(journal.path, line.slice(0, bytes));
  const read = readJournals([folder]);
  expect([...read.finished.keys()]).toEqual(['x']);
  expect(read.paid).toEqual(PAID);
  expect(read.damagedLines).toBe(0);
});

test('damaged complete lines are skipped and counted', () => {
  const folder = open.folder();
  const good = JSON.stringify({ ...finished('x'), paid: PAID });
  const other = { ...finished('y'), paid: PAID };
  const lines = [
    '{"row": 1}',
    'no json',
    'null',
    good,
    JSON.stringify({ ...other, row: { ...other.row, status: 'fine' } }),
    '',
  ];
  writeFileSync(join(folder, 'judge-a0.jsonl'), lines.join('\n'));
  const read = readJournals([folder]);
  expect([...read.finished.keys()]).toEqual(['x']);
  expect(read.damagedLines).toBe(4);
});

test('of two verdicts for one judgement the earliest stands, and both were paid', () => {
  const folder = open.folder();
  open.journal(folder, 'a9').append(finished('x', { score: 1, at: '2026-01-01T00:00:01.000Z' }), PAID);
  const late = finished('x', { score: 2, at: '2026-01-01T00:00:02.000Z' });
  writeFileSync(join(folder, 'judge-a1.jsonl'), `${JSON.stringify({ ...late, paid: PAID })}\n`);
  const read = readJournals([folder]);
  expect(read.finished.get('x')!.row.score).toBe(1);
  expect(read.paid.requests).toBe(2);
});

test('the folders of other attempts are read, too, each once', () => {
  const [one, two] = [open.folder(), open.folder()];
  open.journal(one, 'a1').append(finished('x'), PAID);
  const journal = openJournal({ folder: two, attempt: 'a2', searchFolders: [one, one, two, join(one, 'absent')] });
  journal.close();
  expect(journal.finished.has('x')).toBe(true);
  expect(journal.paid).toEqual(PAID);
});

test('other files in the folder are left alone', () => {
  const folder = open.folder();
  writeFileSync(join(folder, 'notes.jsonl'), 'not ours\n');
  expect(readJournals([folder])).toMatchObject({ damagedLines: 0 });
});

test('two attempts of one name are a mistake', () => {
  const folder = open.folder();
  open.journal(folder, 'a1');
  expect(() => openJournal({ folder, attempt: 'a1' })).toThrow(JournalUnwritable);
  expect(() => openJournal({ folder, attempt: '../a1' })).toThrow(TypeError);
});

test('once a line could not be written, nothing more is taken', () => {
  const folder = open.folder();
  const journal = openJournal({ folder, attempt: 'a1' });
  journal.append(finished('x'), PAID);
  const spare = openSync(join(folder, 'other'), 'w');
  closeSync(spare);
  journal.close(); // the descriptor is gone, as a disk can be
  expect(() => journal.append(finished('y'), PAID)).toThrow(JournalUnwritable);
  expect(() => journal.append(finished('z'), PAID)).toThrow(JournalUnwritable);
  expect(journal.finished.has('y')).toBe(false);
  expect(readFileSync(journal.path, 'utf8').split('\n')).toHaveLength(2);
});
