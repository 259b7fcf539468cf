/**
 * Whether an experiment's workflow can hold a plan: Temporal takes 2 MiB a message. A larger one would be refused by the server, and
 * the activity or the workflow task be tried again and again without a word to the person.
 */
import { FAILURES_LENGTH } from '../workflows/experiment-state';
import { failure, FAILURES } from '../workflows/failures';
import type { ExperimentOutline } from '../workflows/messages';

/** Bytes; the rest of the 2 MiB is room for what surrounds a message. */
const LARGEST = 2_000_000;
/** Bytes that a message has for each configuration besides names: state, counts, cost, and the words around them. */
const EACH = 100;

/**
 * The outline, when the largest message that the workflow makes of it fits: what it carries into its next run, or answers to a query.
 * Both have the outline, each configuration's name once more, what it came to, and all failures. Throws `InvalidInput`.
 */
export function refuseTooLarge(outline: ExperimentOutline): ExperimentOutline {
  const { configurations, experiment } = outline;
  const again = configurations.reduce((sum, { name }) => sum + bytesOf(name) + bytesOf(experiment) + EACH, 0);
  const most = bytesOf(JSON.stringify(outline)) + again + FAILURES_LENGTH;
  if (most <= LARGEST) return outline;
  const names = configurations.reduce((sum, { name, label }) => sum + bytesOf(name) + bytesOf(label), 0);
  throw failure(
    FAILURES.InvalidInput,
    `${configurations.length} configurations, whose names and labels take ${(names / 1e6).toFixed(2)} MB, make messages of up to ` +
      `${(most / 1e6).toFixed(1)} MB, and a workflow can take ${LARGEST / 1e6} MB: shorten the names and labels, or make several ` +
      'experiments of this one',
  );
}

function bytesOf(text: string): number {
  return Buffer.byteLength(text);
}
