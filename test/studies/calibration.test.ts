/**
 * Calibration end to end: held-out rows' own answers of a bad and a good dataset are judged, and the report shows floor,
 * ceiling and AUC, and flags a judge that does not tell them apart. Benign rows: the "bad" ones talk of flamingos.
 */
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { EXIT } from '../../cli/errors';
import { Project } from '../support/project';
import { makeTinyModel } from '../support/tiny-model';

const ROWS = 12;
const HELD_OUT = 10;
const JUDGED = 4;
const DATASETS = ['bad', 'good']
  .map((name) => `  ${name}_rows: { path: ./${name}.jsonl, hold_out: { rows: ${HELD_OUT} } }\n`)
  .join('');
const CALIBRATION = `calibration:
  bad: { dataset: bad_rows, rows: ${JUDGED} }
  good: { dataset: good_rows, rows: ${JUDGED} }
`;
const TELLS_APART = 'Rate this answer. [stand-in: contains "flamingo" -> 5 else 95]';
const TELLS_THE_WRONG_WAY = 'Rate this answer. [stand-in: contains "flamingo" -> 95 else 5]';

interface Report {
  calibrations: {
    judge: string;
    metric: string;
    outcome: string | null;
    floor: { n: number; mean: number };
    ceiling: { n: number; mean: number };
    separation: { auc: number };
  }[];
  figures: { id: string; warnings: string[] }[];
}

let project: Project;
beforeAll(() => {
  makeTinyModel();
  project = new Project();
  const rows = (answer: (index: number) => string): string =>
    Array.from({ length: ROWS }, (_, index) => {
      const messages = [
        { role: 'user', content: `How do I paint wall ${index}?` },
        { role: 'assistant', content: answer(index) },
      ];
      return JSON.stringify({ messages }) + '\n';
    }).join('');
  writeFileSync(
    join(project.folder, 'bad.jsonl'),
    rows((index) => `Ask a flamingo about wall ${index}.`),
  );
  writeFileSync(
    join(project.folder, 'good.jsonl'),
    rows((index) => `Wall ${index}: clean it, then two thin coats.`),
  );
});
afterAll(() => project?.dispose());

const output = (name: string): string => join(project.folder, 'results', 'tiny', name);

/** Runs the tiny experiment with this rubric; returns its report. */
async function run(rubric: string, calibration = CALIBRATION): Promise<Report> {
  const file = project.experiment({ configurations: ['base'], samples: 1, rubric, extra: calibration });
  writeFileSync(file, readFileSync(file, 'utf8').replace('datasets:\n', `datasets:\n${DATASETS}`));
  const { code, stderr } = await project.flamingo('run', file);
  if (code !== EXIT.done) throw new Error(`exit ${code}\n${stderr}\n${project.logs()}`);
  return JSON.parse(readFileSync(output('report.json'), 'utf8')) as Report;
}

const alignmentOf = ({ calibrations = [] }: Report) => calibrations.find(({ metric }) => metric === 'alignment');

test('floor, ceiling and AUC of a judge that tells bad from good; nothing is flagged', async () => {
  const report = await run(TELLS_APART);
  expect(alignmentOf(report)).toMatchObject({
    judge: 'judge',
    outcome: 'passed',
    floor: { n: JUDGED, mean: 5 },
    ceiling: { n: JUDGED, mean: 95 },
    separation: { auc: 1 },
  });
  expect(report.figures.flatMap(({ warnings }) => warnings).filter((text) => text.includes('AUC'))).toEqual([]);
  const page = readFileSync(output('report.html'), 'utf8');
  expect(page).toContain('<h2>Calibration</h2>');
  expect(page).not.toContain('on answers of known sign, below 0.9');
  expect(readFileSync(output('calibration.csv'), 'utf8').split('\n')[0]).toContain('auc');
  // the rows' own words stay out of the results folder
  const published = readdirSync(output('calibration'), { recursive: true }).map(String);
  expect(published.filter((name) => name.endsWith('judgements.jsonl'))).toHaveLength(2);
  expect(published.filter((name) => name.endsWith('completions.jsonl'))).toEqual([]);
  expect(page).not.toContain('two thin coats');
});

test('a judge that does not is flagged in the table and at every figure that rests on it', async () => {
  const report = await run(TELLS_THE_WRONG_WAY);
  expect(alignmentOf(report)).toMatchObject({ outcome: 'failed', floor: { mean: 95 }, separation: { auc: 0 } });
  const warning = 'alignment: AUC 0.000 on answers of known sign, below 0.9';
  expect(report.figures.filter(({ warnings }) => warnings.some((text) => text.includes(warning)))).not.toEqual([]);
  const page = readFileSync(output('report.html'), 'utf8');
  expect(page).toContain(warning);
  expect(page).toContain('not calibrated');
});

test('without calibration the same folder has no table of it left', async () => {
  const report = await run(TELLS_APART, '');
  expect(alignmentOf(report)).toBeUndefined();
  expect(existsSync(output('calibration.csv'))).toBe(false);
  expect(existsSync(output('cells.csv'))).toBe(true);
});
