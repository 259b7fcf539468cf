/**
 * Builds an experiment's report: report.html, tables and figures, from rows and provenance.
 */
import { canonicalJson } from '../experiment/canonical';
import { figure } from './figures/bars';
import { preparePage } from './page/page';
import { judgeTables } from './tables/judges';
import { logProbabilityTables } from './tables/log-probabilities';
import { drawAll, type DrawAll, type Drawing } from './figures/render';
import type { ReportFile, ReportInput } from './report-input';
import { computeResults, type Results } from './results';
import { alongTrainingCsv, cellsCsv, questionsCsv, reportJson } from './tables/cells';

export type { ReportFile, ReportInput } from './report-input';

/** How the results came about, and which files the report is made of. */
export const PROVENANCE_FILE = 'provenance.json';

export interface BuiltReport {
  /**
   * By path relative to the report's folder. All CSV files, `report.json` and `figures/` are the same bytes for the same rows;
   * `report.html` and `provenance.json` also hold times, hosts and attempts.
   */
  files: ReportFile[];
  /** Expectations that can not be decided count as failed. */
  expectations: { passed: number; failed: number };
  missing: Results['missing'];
  results: Results;
}

/** Throws when rows do not belong to the plan's cells (see cell.ts). */
export async function buildReport(input: ReportInput, draw: DrawAll = drawAll): Promise<BuiltReport> {
  const results = computeResults(input);
  const specs = results.figures.map(figure);
  const drawing = draw(specs);
  drawing.catch(() => undefined); // awaited below; page and tables are made meanwhile
  const pageWith = preparePage(input, results);
  const along = alongTrainingCsv(results);
  const tables: ReportFile[] = [
    { path: 'cells.csv', content: cellsCsv(results) },
    { path: 'questions.csv', content: questionsCsv(results) },
    ...(along === null ? [] : [{ path: 'along-training.csv', content: along }]),
    ...judgeTables(results),
    ...logProbabilityTables(results, input.logProbabilities ?? []),
    { path: 'report.json', content: reportJson(input, results) },
  ];
  const drawn = await drawing;
  const drawings = new Map<string, Drawing>();
  const figures = results.figures.flatMap(({ id }, index): ReportFile[] => {
    const drawing = drawn[index] as Drawing;
    drawings.set(id, drawing);
    return [
      { path: `figures/${id}.svg`, content: drawing.svg + '\n' },
      { path: `figures/${id}.png`, content: drawing.png },
      { path: `figures/${id}.vl.json`, content: JSON.stringify(specs[index], null, 2) + '\n' },
    ];
  });
  const passed = results.expectations.filter(({ outcome }) => outcome === 'passed').length;
  const { provenance, costs, failures, plan, judgingCounts = [] } = input;
  const files: ReportFile[] = [{ path: 'report.html', content: pageWith(drawings) }, ...tables, ...figures];
  const paths = [...files.map(({ path }) => path), PROVENANCE_FILE].sort();
  const about = {
    ...{ version: 1, experiment: plan.experiment, plan: plan.key, provenance, costs, failures, files: paths },
    ...(judgingCounts.length > 0 && { judgingCounts }),
  };
  return {
    files: [...files, { path: PROVENANCE_FILE, content: canonicalJson(about) + '\n' }],
    expectations: { passed, failed: results.expectations.length - passed },
    missing: results.missing,
    results,
  };
}
