/**
 * The part of an experiment file's schema that says where a configuration starts: another's adapter, or an adapter from
 * elsewhere that is asked as it is.
 */
import { z } from 'zod';
import { exactlyOne, sha256, text } from './schema-parts';

/** Of `train`. */
export const startKeys = {
  from: text.optional().meta({
    description:
      'Starts from the adapter of this configuration. The name of one with a grid stands for the point with the same values.',
  }),
  adapter: z
    .enum(['continue', 'merge'])
    .optional()
    .meta({
      default: 'continue',
      description:
        '`continue`: training goes on with the weights of `from`, with a new optimizer and schedule. `merge`: they are added to ' +
        "the base model's, and a new adapter is trained on the sum.",
    }),
};

/** Of a configuration: train nothing, ask this. */
export const adapter = exactlyOne(
  z.strictObject({
    hub: z
      .string()
      .regex(/^[\w.-]+\/[\w.-]+$/, 'expected OWNER/NAME of an adapter on the Hugging Face hub')
      .optional()
      .meta({ description: 'An adapter on the Hugging Face hub; needs `revision`.' }),
    revision: z
      .string()
      .regex(/^[0-9a-f]{40}$/, "expected a commit of 40 hexadecimal digits: a branch name is not an adapter's identity")
      .optional()
      .meta({ description: 'Commit of the hub repository, 40 hexadecimal digits.' }),
    path: text.optional().meta({
      description:
        "A local folder with adapter_model.safetensors and adapter_config.json, relative to this file's folder.",
    }),
    sha256: sha256.meta({ description: 'SHA-256 of adapter_model.safetensors.' }),
  }),
  ['hub', 'path'],
)
  .superRefine((value, context) => {
    if (value.hub !== undefined && value.revision === undefined) {
      context.addIssue({
        code: 'custom',
        message: '`revision` is needed: a hub adapter is pinned by its commit',
        path: ['hub'],
      });
    }
    if (value.hub === undefined && value.revision !== undefined) {
      context.addIssue({ code: 'custom', message: '`revision` goes with `hub` only', path: ['revision'] });
    }
  })
  .meta({ description: 'Train nothing: ask this LoRA adapter, which comes from elsewhere.' });

export type AdapterYaml = z.output<typeof adapter>;
