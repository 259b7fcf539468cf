/**
 * The part of an experiment file's schema that says to which programs finished models are handed over.
 */
import { z } from 'zod';
import { HANDOFF_DEFAULTS } from '../presets';
import { commandKeys } from './schema-backend';
import { name, text } from './schema-parts';

const names = z.array(name).min(1);

const handoff = z
  .strictObject({
    ...commandKeys,
    each: z
      .enum(['adapter', 'configuration'])
      .optional()
      .meta({
        default: HANDOFF_DEFAULTS.each,
        description:
          '`adapter`: once for each adapter and base model. `configuration`: once for each configuration, which hands over ' +
          'its sampling settings too.',
      }),
    include: names.optional().meta({
      description: 'Only these configurations; the name of one with a grid stands for all of its points. Default: all.',
    }),
    exclude: names.optional().meta({ description: 'All but these configurations.' }),
    base: z
      .boolean()
      .optional()
      .meta({ default: HANDOFF_DEFAULTS.base, description: 'Whether models without an adapter are handed over too.' }),
    gives: z
      .string()
      .regex(/^[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}$/, 'expected the name of a file, without a folder')
      .optional()
      .meta({
        default: HANDOFF_DEFAULTS.gives,
        description: 'The file in the output folder that holds `{METRIC: {"value": …, "stderr": …, "n": …}}`.',
      }),
    queue: z
      .string()
      .regex(/^flamingo-gpu[\w.-]*$/, 'expected `flamingo-gpu` or `flamingo-gpu-CLASS`')
      .optional()
      .meta({ description: "Task queue; default: the experiment's `execution.gpu_queue`." }),
    version: z
      .union([text.max(100), z.int().min(0)])
      .optional()
      .meta({ description: 'Another version is run again: for what changes outside of `files`.' }),
  })
  .superRefine(({ include, exclude }, context) => {
    if (include !== undefined && exclude !== undefined)
      context.addIssue({ code: 'custom', message: 'give `include` or `exclude`, not both', path: ['exclude'] });
  });

export const handoffs = z.record(name, handoff).meta({
  description: 'Programs that get each finished model and give back numbers, such as a suite of capability tests.',
});
