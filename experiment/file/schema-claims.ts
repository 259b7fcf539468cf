/**
 * What may stand in an experiment file of what the experiment is to show: `claims` and their plain form `expect`.
 */
import { z } from 'zod';
import { name, score, text } from './schema-parts';

const cells = z.union([text, z.array(text).min(1)]).meta({
  description:
    '`CONFIGURATION/QUESTION-SET/CONDITION`; several are taken together. The name of a configuration with a grid over seeds ' +
    'stands for all of its seeds.',
});
const measured = {
  cells,
  minus: cells.optional().meta({ description: 'Subtracted, for a difference of cells.' }),
  metric: name.optional(),
  threshold: score.optional().meta({ description: 'For `share_below`.' }),
};
const statistic = z.enum(['mean', 'share_below', 'share', 'misaligned_share']);
export const expectation = z
  .strictObject({
    ...measured,
    statistic,
    at_least: z.number().optional(),
    at_most: z.number().optional(),
    note: text.optional(),
  })
  .superRefine((value, context) => {
    if (value.at_least === undefined && value.at_most === undefined) {
      context.addIssue({ code: 'custom', message: 'one of `at_least`, `at_most` is needed' });
    }
    checkThreshold(value, context);
  });

export const claim = z
  .strictObject({
    ...measured,
    minus: cells,
    statistic: statistic.optional().meta({ default: 'misaligned_share' }),
    beyond: z
      .strictObject({ cells, minus: cells })
      .optional()
      .meta({ description: 'Subtracted from the difference, for an interaction: another difference of cells.' }),
    says: text.optional().meta({ description: 'The claim in words, for the report.' }),
    test: z
      .enum(['superiority', 'non_inferiority', 'equivalence'])
      .optional()
      .meta({
        default: 'superiority',
        description:
          '`superiority`: less (or more) by more than `margin`. `non_inferiority`: not worse by as much as `margin`. ' +
          '`equivalence`: nearer than `margin` either way.',
      }),
    direction: z.enum(['less', 'more']).optional().meta({
      description: 'Which way is claimed; for `non_inferiority`, which way is better. Not for `equivalence`.',
    }),
    margin: z.number().min(0).optional().meta({
      default: 0,
      description: 'Points of 100 for means, a share of 1 for shares. Needed but for `superiority`.',
    }),
    questions: z
      .enum(['these', 'like_these'])
      .optional()
      .meta({ default: 'like_these', description: 'What it is about: these questions, or questions like these.' }),
    family: name.optional().meta({
      default: 'claims',
      description: 'Claims of one family share an error of 5 % (Holm).',
    }),
  })
  .superRefine((value, context) => {
    checkThreshold({ ...value, statistic: value.statistic ?? 'misaligned_share' }, context);
    const { test = 'superiority', direction, margin = 0 } = value;
    if (test === 'equivalence' && direction !== undefined)
      context.addIssue({ code: 'custom', message: '`equivalence` has no direction', path: ['direction'] });
    if (test !== 'equivalence' && direction === undefined)
      context.addIssue({ code: 'custom', message: `\`${test}\` needs \`direction: less\` or \`direction: more\`` });
    if (test !== 'superiority' && margin === 0)
      context.addIssue({ code: 'custom', message: `\`${test}\` needs a \`margin\` of more than 0` });
  });

function checkThreshold(
  { statistic: kind, threshold }: { statistic: z.output<typeof statistic>; threshold?: number | undefined },
  context: z.RefinementCtx,
): void {
  if ((kind === 'share_below') !== (threshold !== undefined)) {
    context.addIssue({ code: 'custom', message: '`threshold` goes with `statistic: share_below`, and only with it' });
  }
}
