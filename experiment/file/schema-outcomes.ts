/**
 * The part of an experiment file's schema that says what is measured of the models without a judge.
 */
import { z } from 'zod';
import { count, name, seed } from './schema-parts';
import { heldOutSystem } from './schema-prompts';

const logProbability = z
  .strictObject({
    pairs: z
      .strictObject({
        bad: name.meta({ description: 'A dataset that holds rows out; their answers are the bad ones.' }),
        good: name.meta({ description: 'A dataset that answers the same user turns; its answers are the good ones.' }),
      })
      .meta({ description: 'Rows of two datasets with the same user turn are a pair.' }),
    rows: z
      .union([count, z.literal('all')])
      .optional()
      .meta({ description: 'How many pairs.', default: 'all' }),
    seed: seed.optional().meta({ description: 'Chooses the pairs.', default: 0 }),
    system: heldOutSystem.optional(),
  })
  .meta({
    description: 'Log-probability of the bad answer minus that of the good one, of each model under each condition.',
  });

export const outcomes = z
  .strictObject({ log_probability: logProbability.optional() })
  .meta({ description: 'What is measured of the models without a judge.' });
