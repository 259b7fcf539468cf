/**
 * How long a fine-tune is: epochs, and optimizer steps.
 */
import type { Recipe } from '../plan';
import type { Training } from '../spec';

/** Optimizer steps of a fine-tune; fewer where it ends by `stopBelow`. */
export function optimizerSteps({ rowCount, maxSteps = Infinity, epochs, ...batches }: Recipe): number {
  return Math.min(maxSteps, epochs * stepsInEpoch(rowCount, batches));
}

/**
 * `max_steps` goes before `epochs`, as it does in transformers: as many epochs are begun as it takes. A number of steps that
 * whole epochs have is no number of its own, so that equal work has one key.
 */
export function lengthOf(
  training: Pick<Training, 'epochs' | 'maxSteps' | 'batchSize' | 'lastBatch'>,
  rowCount: number,
): { epochs: number; maxSteps?: number; steps: number } {
  const { epochs, maxSteps } = training;
  const inEpoch = stepsInEpoch(rowCount, training);
  if (maxSteps === undefined || inEpoch === 0) return { epochs, steps: epochs * inEpoch };
  const begun = Math.ceil(maxSteps / inEpoch);
  return { epochs: begun, ...(begun * inEpoch === maxSteps ? {} : { maxSteps }), steps: maxSteps };
}

function stepsInEpoch(rowCount: number, { batchSize, lastBatch }: Pick<Training, 'batchSize' | 'lastBatch'>): number {
  return lastBatch === 'drop' ? Math.floor(rowCount / batchSize) : Math.ceil(rowCount / batchSize);
}
