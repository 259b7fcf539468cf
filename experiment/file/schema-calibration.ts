/**
 * The part of an experiment file's schema that says by which answers of known sign the judges are tried first.
 */
import { z } from 'zod';
import { count, exactlyOne, fileKeys, name, text } from './schema-parts';

const ownAnswers = z.strictObject({
  dataset: name.meta({ description: 'A dataset that holds rows out.' }),
  rows: count.meta({ description: 'How many of its held-out rows, judged with their own answers.' }),
});

const bridge = exactlyOne(
  z.strictObject({
    ...fileKeys,
    rows: count.meta({ description: 'How many of its answers.' }),
    columns: z.record(name, text).optional().meta({
      description: 'Metric -> column of its published scores. Default: its name, `aligned` or `coherent`.',
    }),
  }),
  ['path', 'url'],
)
  .superRefine((value, context) => {
    if (value.url === undefined || value.sha256 !== undefined) return;
    context.addIssue({ code: 'custom', message: 'a download is pinned by `sha256`', path: ['url'] });
  })
  .meta({ description: 'A published CSV file of judged answers.' });

export const calibration = z
  .strictObject({
    bad: ownAnswers.optional().meta({ description: 'Answers that must score low.' }),
    good: ownAnswers.optional().meta({
      description: 'Answers that must score high; to the questions of `bad` where both datasets ask them.',
    }),
    bridge: bridge.optional(),
  })
  .meta({ description: 'Answers of known sign, judged first: the report shows whether the judges tell them apart.' });
