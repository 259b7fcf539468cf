/**
 * The files of a report: tables, figures and the page from the results, and the provenance that lists them all.
 */
import { Turns } from '../artifacts/turns';
import { canonicalJson } from '../experiment/canonical';
import { figure } from './figures/bars';
import { lineFigure } from './figures/lines';
import { drawAll, type DrawAll, type Drawing } from './figures/render';
import { preparePage } from './page/page';
import type { ReportFile, ReportInput } from './report-input';
import type { Results } from './results';
import { alongTrainingCsv, cellsCsv, questionsCsv, reportJson } from './tables/cells';
import { contrastTables } from './tables/contrasts';
import { handoffTables } from './tables/handoffs';
import { judgeTables } from './tables/judges';
import { recipeTables } from './tables/recipes';
import { lineTables } from './tables/lines';
import { answerProbabilityTables } from './tables/answer-probabilities';
import { logProbabilityTables } from './tables/log-probabilities';
import { outcomeTables } from './tables/outcomes';

/** How the results came about, and which files the report is made of. */
export const PROVENANCE_FILE = 'provenance.json';

/**
 * By path relative to the report's folder. All CSV files, `report.json` and `figures/` are the same bytes for the same rows;
 * `report.html` and `provenance.json` also hold times, hosts and attempts.
 */
export async function buildFiles(input: ReportInput, results: Results, draw: DrawAll = drawAll): Promise<ReportFile[]> {
  const specs = results.figures.map((each) => ('lines' in each ? lineFigure(each) : figure(each)));
  const drawing = draw(specs);
  drawing.catch(() => undefined); // awaited below; page and tables are made meanwhile
  const turns = new Turns();
  const pageWith = preparePage(input, results);
  await turns.give();
  const tables = tablesOf(input, results);
  const drawings = new Map<string, Drawing>();
  const figures = (await drawing).flatMap((drawn, index): ReportFile[] => {
    const { id } = results.figures[index] as Results['figures'][number];
    drawings.set(id, drawn);
    return [
      { path: `figures/${id}.svg`, content: drawn.svg + '\n' },
      { path: `figures/${id}.png`, content: drawn.png },
      { path: `figures/${id}.vl.json`, content: JSON.stringify(specs[index], null, 2) + '\n' },
    ];
  });
  const files = [{ path: 'report.html', content: pageWith(drawings) }, ...tables, ...figures];
  return [...files, provenanceFile(input, files)];
}

function tablesOf(input: ReportInput, results: Results): ReportFile[] {
  const along = alongTrainingCsv(results);
  return [
    { path: 'cells.csv', content: cellsCsv(results) },
    { path: 'questions.csv', content: questionsCsv(results) },
    ...(along === null ? [] : [{ path: 'along-training.csv', content: along }]),
    ...contrastTables(results),
    ...recipeTables(results),
    ...lineTables(results.figures),
    ...outcomeTables(input, results),
    ...judgeTables(results),
    ...logProbabilityTables(results, input.logProbabilities ?? []),
    ...answerProbabilityTables(input.plan, results, input.answerProbabilities ?? []),
    ...handoffTables(results),
    { path: 'report.json', content: reportJson(input, results) },
  ];
}

function provenanceFile(
  { provenance, costs, failures, plan, judgingCounts = [] }: ReportInput,
  others: readonly ReportFile[],
): ReportFile {
  const files = [...others.map(({ path }) => path), PROVENANCE_FILE].sort();
  const about = {
    ...{ version: 1, experiment: plan.experiment, plan: plan.key, provenance, costs, failures, files },
    ...(judgingCounts.length > 0 && { judgingCounts }),
  };
  return { path: PROVENANCE_FILE, content: canonicalJson(about) + '\n' };
}
