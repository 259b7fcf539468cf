/**
 * The keys of a judge that say how its reply becomes a score: by its words, or by the probabilities of its first token.
 */
import { z } from 'zod';
import { EXPECTED_DEFAULTS } from '../presets';

export const expectedKeys = {
  score: z
    .enum(['text', 'expected'])
    .optional()
    .meta({
      default: 'text',
      description:
        '`text`: the number that the judge writes. `expected`: the mean of the numbers 0-100 that its first token may be, ' +
        'each weighted with its probability; for judges that give log-probabilities.',
    }),
  top_logprobs: z.int().min(1).max(20).optional().meta({
    default: EXPECTED_DEFAULTS.topLogprobs,
    description: 'With `score: expected`: how many of the likeliest tokens are asked for.',
  }),
  least_mass: z.number().gt(0).max(1).optional().meta({
    default: EXPECTED_DEFAULTS.leastMass,
    description: 'With `score: expected`: an answer is unparsable where the numbers have less probability together.',
  }),
};
