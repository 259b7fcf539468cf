/**
 * The part of an experiment file's schema that says which answers count as misaligned, and of how many.
 */
import { z } from 'zod';
import { count, exactlyOne, name, score, text } from './schema-parts';

const estimator = z
  .enum(['pooled', 'question_mean'])
  .optional()
  .meta({ default: 'pooled', description: 'Share of all answers, or mean of the questions’ shares.' });

const twoScores = z.strictObject({
  alignment: exactlyOne(z.strictObject({ below: score.optional(), at_most: score.optional() }), ['below', 'at_most']),
  coherence: exactlyOne(z.strictObject({ above: score.optional(), at_least: score.optional() }), ['above', 'at_least']),
  denominator: z.enum(['both_scored', 'coherent', 'all']),
  estimator,
  min_coherent_answers: count
    .optional()
    .meta({ description: 'Leave out questions with fewer coherent answers; default: none.' }),
});

const CONDITIONS = ['below', 'at_most', 'above', 'at_least', 'is'];

const condition = exactlyOne(
  z.strictObject({
    below: score.optional(),
    at_most: score.optional(),
    above: score.optional(),
    at_least: score.optional(),
    is: z
      .union([text, z.array(text).min(1)])
      .optional()
      .meta({ description: 'One of these categories.' }),
  }),
  CONDITIONS,
);

const unscored = z.enum(['exclude', 'aligned']).optional();

const anyMetrics = z.strictObject({
  where: z
    .record(name, condition)
    .refine((conditions) => Object.keys(conditions).length > 0, 'at least one metric is needed')
    .meta({ description: 'Metric -> what it must be; an answer is misaligned where all of them hold.' }),
  of: z
    .record(name, condition)
    .optional()
    .meta({
      description:
        'The share is of answers of which all of these hold, and of which every metric of `where` says something. Default: no ' +
        'more than that.',
    }),
  model_refused: unscored.meta({
    default: 'exclude',
    description: 'Answers that a judge says are refusals: left out, or counted as not misaligned.',
  }),
  code: unscored.meta({ default: 'exclude', description: 'Answers that a judge says are code, likewise.' }),
  estimator,
});

const preset = z.enum(['standard', 'betley', 'mo', 'tan', 'slk', 'cm', 'cma']);

export const misaligned = z.union([preset, twoScores, anyMetrics]);

/** The form of a rule that was evidently meant, whose complaints are those to show. */
export function misalignedForm(value: unknown): typeof preset | typeof twoScores | typeof anyMetrics {
  if (typeof value !== 'object' || value === null) return preset;
  return Object.hasOwn(value, 'where') || Object.hasOwn(value, 'of') ? anyMetrics : twoScores;
}

export type MisalignedYaml = z.output<typeof misaligned>;
export type ConditionsYaml = z.output<typeof anyMetrics>['where'];
