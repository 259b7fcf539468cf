/**
 * What of a report goes into the workflow's messages, where it lies beside what became of each configuration (outline-size.ts):
 * Temporal takes 2 MiB a message, and a larger result would end an experiment as failed whose work is all done.
 */
import type { ReportOutcome } from '../workflows/messages';

/** Bytes of figures that there is room for in any case. */
const LARGEST = 200_000;
/** Bytes that a figure has at least; more of them than fit need not be written out to be counted. */
const LEAST_EACH = 100;

/** The figures of measurements go along whole, or their number alone. */
export function withoutManyFigures(report: ReportOutcome): ReportOutcome {
  const { logProbabilities = [], answerProbabilities = [], ...rest } = report;
  const count = logProbabilities.length + answerProbabilities.length;
  const fits =
    count * LEAST_EACH <= LARGEST &&
    Buffer.byteLength(JSON.stringify([logProbabilities, answerProbabilities])) <= LARGEST;
  return fits ? report : { ...rest, figuresLeftOut: count };
}
