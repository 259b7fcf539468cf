/**
 * Measuring the log-probabilities of the plan's pairs: what the trainer is asked, and the rows that it gives.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { checkedRows } from '../artifacts/documents';
import { toJsonLines } from '../artifacts/rows';
import type { StoredPlan } from '../artifacts/plans';
import { askingOf, changesMessages } from '../experiment/asked';
import type { AnswerPair } from '../experiment/expand/pairs';
import type { PlannedPairMeasurement } from '../experiment/plan';
import type { ToMeasure } from './to-measure';
import { MEASURED_ROW } from './trainer-rows';

/** `file`: the pairs. */
export async function pairsToMeasure(
  { plan }: StoredPlan,
  { context }: PlannedPairMeasurement,
  file: string,
): Promise<ToMeasure> {
  const { systemPrompt, messagesOf } = askingOf(context, plan.pools);
  const asked = checkedRows<AnswerPair>(await readFile(file, 'utf8'), file);
  return {
    asked,
    nouns: { written: 'rows', asked: 'pairs' },
    shape: MEASURED_ROW,
    command: async (folder, given) => {
      const own = changesMessages(context) ? join(folder, 'pairs.jsonl') : null;
      if (own !== null)
        await writeFile(
          own,
          toJsonLines(asked.map((pair) => ({ ...pair, messages: messagesOf({ ...pair, key: pair.id }) }))),
        );
      return { op: 'measure', ...given, systemPrompt, pairs: own ?? file };
    },
  };
}
