/**
 * What of a cell's rows a report is built from: not what it calls for, which only counting needs.
 */
import type { CellRows } from '../../artifacts/cells';

export type ReportRows = Omit<CellRows, 'wanted' | 'answered' | 'judged'>;
