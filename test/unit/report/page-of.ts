/** The report's page without figures, which take a second to draw. */
import { preparePage } from '../../../report/page/page';
import type { ReportInput } from '../../../report/report-input';
import { computeResults } from '../../../report/results';

export function pageOf(input: ReportInput): string {
  return preparePage(input, computeResults(input))(new Map());
}
