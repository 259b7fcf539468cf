/**
 * The part of an experiment file's schema that says which training seeds a recipe is also reported without.
 */
import { z } from 'zod';
import { name, score, text } from './schema-parts';

const BOUNDS = ['above', 'at_least', 'below', 'at_most'] as const;

const exclusion = z
  .strictObject({
    says: text.optional().meta({ description: 'Why, in words, for the report.' }),
    question_set: name.meta({ description: 'Whose answers decide.' }),
    condition: name.optional().meta({ default: 'default' }),
    metric: name.optional(),
    statistic: z.enum(['mean', 'share_below', 'share', 'misaligned_share']),
    threshold: score.optional().meta({ description: 'For `share_below`.' }),
    above: z.number().min(0).max(100).optional().meta({ description: 'A seed with more is excluded.' }),
    at_least: z.number().min(0).max(100).optional().meta({ description: 'A seed with so much or more is excluded.' }),
    below: z.number().min(0).max(100).optional().meta({ description: 'A seed with less is excluded.' }),
    at_most: z.number().min(0).max(100).optional().meta({ description: 'A seed with so much or less is excluded.' }),
  })
  .superRefine((value, context) => {
    const bounds = BOUNDS.filter((key) => value[key] !== undefined);
    if (bounds.length !== 1)
      context.addIssue({
        code: 'custom',
        message: `give exactly one of ${BOUNDS.map((key) => `\`${key}\``).join(', ')}`,
      });
    if ((value.statistic === 'share_below') !== (value.threshold !== undefined))
      context.addIssue({ code: 'custom', message: '`threshold` goes with `statistic: share_below`, and only with it' });
  });

export const exclusions = z.array(exclusion).min(1).meta({
  description:
    'Training seeds that recipes are also reported without, by what their own answers are. Values over all seeds stay beside.',
});

export type ExclusionYaml = z.output<typeof exclusion>;
