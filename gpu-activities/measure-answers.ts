/**
 * Measuring the probability of answers to questions: what the trainer is asked, and the rows that it gives.
 */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { toJsonLines } from '../artifacts/rows';
import type { StoredPlan } from '../artifacts/plans';
import { askingOf } from '../experiment/asked';
import { questionsMeasured } from '../experiment/measurements';
import type { PlannedAnswerMeasurement } from '../experiment/plan';
import type { ToMeasure } from './to-measure';
import { measuredAnswersRow } from './trainer-rows';

export function answersToMeasure({ plan }: StoredPlan, measurement: PlannedAnswerMeasurement): ToMeasure {
  const { answers } = measurement.context;
  const { systemPrompt, messagesOf } = askingOf(measurement.context, plan.pools);
  const asked = questionsMeasured(plan, measurement).map((question) => ({
    id: question.key,
    messages: messagesOf(question),
  }));
  return {
    asked,
    nouns: { written: 'rows', asked: 'questions' },
    shape: measuredAnswersRow(answers.spellings.length),
    command: async (folder, given) => {
      const items = join(folder, 'items.jsonl');
      await writeFile(items, toJsonLines(asked));
      return { op: 'probabilities', ...given, systemPrompt, answers, items };
    },
  };
}
