/**
 * The part of an experiment file's schema that asks for figures.
 */
import { z } from 'zod';
import { name, text } from './schema-parts';

export const figure = z
  .strictObject({
    id: name,
    kind: z.enum(['bars', 'line']).optional().meta({
      default: 'bars',
      description: '`bars`: one for each cell. `line`: over an axis of a grid, one for each recipe and condition.',
    }),
    x: text.optional().meta({
      description: 'Of a line: an axis of a grid whose values are numbers, such as `train.mix.insecure`.',
    }),
    question_set: name.optional().meta({ description: 'Of a line the only one by default.' }),
    metric: name
      .optional()
      .meta({ description: 'A metric; of a line also `misaligned`, for the share of such answers.' }),
    title: text.optional().meta({ description: 'Needed for bars.' }),
    caption: z.string().optional(),
  })
  .superRefine((value, context) => {
    const needed = value.kind === 'line' ? (['x'] as const) : (['question_set', 'title'] as const);
    for (const key of needed) {
      if (value[key] === undefined)
        context.addIssue({ code: 'custom', message: `the key \`${key}\` is missing`, path: [] });
    }
    if (value.kind !== 'line' && value.x !== undefined)
      context.addIssue({ code: 'custom', message: '`x` goes with `kind: line` only', path: ['x'] });
  });
