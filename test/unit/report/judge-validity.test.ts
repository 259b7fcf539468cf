/** A judge against people's labels: the numbers, and what `flamingo analyze --labels` prints. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { analyzeCommand } from '../../../cli/analyze';
import { InvalidUse } from '../../../cli/errors';
import type { AnalysisJson } from '../../../report/analyze';

let folder: string;
let printed: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'flamingo-validity-'));
  printed = '';
  jest.spyOn(process.stdout, 'write').mockImplementation((chunk) => {
    printed += String(chunk);
    return true;
  });
  writeFileSync(join(folder, 'judged.csv'), JUDGED);
});
afterEach(() => {
  jest.restoreAllMocks();
  rmSync(folder, { recursive: true });
});

/** 12 questions, 5 answers each; the judge gives people's score and 10 more. */
const people = (index: number): number => (index * 37 + (index % 12) * 11) % 91;
/** People call more of them misaligned than the judge, who does so below 30. */
const flag = (index: number): 0 | 1 => (people(index) < 35 ? 1 : 0);
const ANSWERS = Array.from({ length: 60 }, (_, index) => index);
const JUDGED = [
  'question_id,question,answer,aligned,coherent',
  ...ANSWERS.map(
    (index) => `q${index % 12},What ${index % 12}?,text ${index},${people(index) + 10},${index === 7 ? '' : 90}`,
  ),
].join('\n');

/** Labels of every third answer. */
function labels(header: string, row: (index: number) => string): string {
  const path = join(folder, 'labels.csv');
  writeFileSync(path, [header, ...ANSWERS.filter((index) => index % 3 === 1).map(row)].join('\n'));
  return path;
}

async function run(...flags: string[]): Promise<string> {
  await analyzeCommand()
    .exitOverride()
    .configureOutput({ writeErr: () => undefined })
    .parseAsync([join(folder, 'judged.csv'), ...flags], { from: 'user' });
  return stripVTControlCharacters(printed); // continuous integration has colours
}

async function validity(path: string) {
  const [analysis] = JSON.parse(await run('--labels', path, '--json')) as AnalysisJson[];
  return analysis?.validity;
}

test('scores: agreement, and what people would have said of all answers', async () => {
  const path = labels('question_id,answer,aligned', (index) => `q${index % 12},text ${index},${people(index)}`);
  const found = await validity(path);
  expect(found).toMatchObject({ file: path, joinedBy: 'question_id and answer', labelled: 20, misaligned: null });
  const [aligned, ...others] = found?.metrics ?? [];
  expect(others).toEqual([]);
  expect(aligned).toMatchObject({ metric: 'aligned', labelled: 20, withoutJudge: 0, sameAsJudge: false, spearman: 1 });
  expect(aligned?.difference.value).toBe(10);
  expect(aligned?.alpha.value).toBeGreaterThan(0.8);
  expect(aligned?.alpha.ci95?.[0]).toBeLessThan(aligned?.alpha.value as number);
  const truth = ANSWERS.reduce((sum, index) => sum + people(index), 0) / ANSWERS.length;
  const { predictionPowered, labelsOnly, judgeOnly } = aligned!.estimates;
  expect(judgeOnly.value).toBeCloseTo(truth + 10, 9);
  expect(judgeOnly).toMatchObject({ n: 60, items: 12 });
  expect(labelsOnly).toMatchObject({ n: 20, items: 4 });
  expect(predictionPowered).toMatchObject({ n: 60, labelled: 20, labelledItems: 4 });
  // the judge is off by a constant: what it sees of the other answers is all that is missing
  expect(Math.abs(predictionPowered.value! - truth)).toBeLessThan(Math.abs(labelsOnly.value! - truth));
});

test('flags: the table, kappa, AC1 and the AUC of the judge’s score; answers without its flag are counted', async () => {
  const path = labels('question_id,answer,misaligned', (index) => `q${index % 12},text ${index},${flag(index)}`);
  const flags = (await validity(path))?.misaligned;
  const labelled = ANSWERS.filter((index) => index % 3 === 1 && index !== 7);
  const count = (judge: boolean, own: 0 | 1) =>
    labelled.filter((index) => people(index) + 10 < 30 === judge && flag(index) === own).length;
  expect(count(false, 1)).toBeGreaterThan(0);
  expect(flags).toMatchObject({
    ...{ source: 'labels', labelled: 19, withoutJudge: 1 },
    ...{ both: count(true, 1), judgeOnly: 0, peopleOnly: count(false, 1), neither: count(false, 0) },
    auc: { value: 1 },
  });
  expect(flags?.kappa.value).toBeLessThan(1);
  expect(flags?.estimates.predictionPowered).toMatchObject({ n: 59, labelled: 19 });
});

test('people’s flag is made of their two scores where they gave none', async () => {
  const path = labels(
    'question_id,answer,aligned,coherent',
    (index) => `q${index % 12},text ${index},${people(index)},90`,
  );
  expect((await validity(path))?.misaligned).toMatchObject({ source: 'rule', labelled: 19 });
});

test('prints tables for people', async () => {
  const path = labels(
    'question_id,answer,aligned,misaligned',
    (index) => `q${index % 12},text ${index},${people(index)},${flag(index)}`,
  );
  const table = await run('--labels', path);
  expect(table).toContain('20 answers, found by question_id and answer');
  expect(table).toMatch(/aligned: judge minus people +10\.00 +/);
  expect(table).toMatch(/misaligned: AC1 +0\.\d{3} +.* … .* +19/);
  expect(table).toMatch(
    /misaligned: prediction-powered \(lambda [01]\.\d\d\) +\d+\.\d\d % +\d+\.\d\d … \d+\.\d\d +59 +12/,
  );
  expect(table).toContain('misaligned: labelled answers that the judge has no value of, left out: 1');
  expect(table).not.toContain('own column');
});

test('a column of the judge’s own scores among the labels is pointed at', async () => {
  const path = labels('question_id,answer,aligned', (index) => `q${index % 12},text ${index},${people(index) + 10}`);
  expect(await run('--labels', path)).toContain('aligned: all labels are the judge’s scores to the last digit');
});

test('the example of docs/judging.md prints what stands there', async () => {
  const page = readFileSync(join(__dirname, '../../../docs/judging.md'), 'utf8');
  for (const [, name, content] of page.matchAll(/^cat > (\S+) <<'END'\n(.*?)^END$/gms))
    writeFileSync(join(folder, name as string), content as string);
  const shown = /After the tables of `analyze` it prints:\n\n```\n(.*?)\n```/s.exec(page)?.[1] ?? '';
  expect((await run('--labels', join(folder, 'labels.csv'))).replaceAll(`${folder}/`, '')).toContain(shown);
  expect(shown).toContain('prediction-powered');
});

test('labels are of one table; a label that is none is invalid use', async () => {
  await expect(run('other.csv', '--labels', 'labels.csv')).rejects.toThrow(/--labels is of one table/);
  const path = labels('question_id,answer,misaligned', (index) => `q${index % 12},text ${index},maybe`);
  await expect(run('--labels', path)).rejects.toThrow(InvalidUse);
  await expect(run('--labels', folder)).rejects.toThrow(`${folder}: this is a folder, not a file`);
});

test('a rule that leaves questions out leaves them out by all of their answers', async () => {
  const path = labels('question_id,answer,misaligned', (index) => `q${index % 12},text ${index},${flag(index)}`);
  const [analysis] = JSON.parse(await run('--labels', path, '--preset', 'betley', '--json')) as AnalysisJson[];
  // q7 has four coherent answers, and all five of its labels
  expect(analysis?.validity?.misaligned).toMatchObject({ labelled: 15, withoutJudge: 5 });
});
