/**
 * The keys of a judge of kind `local`: the model that the GPU worker asks.
 */
import { z } from 'zod';
import { modelKeys } from './schema-parts';

export const localJudgeKeys = {
  hub: modelKeys.hub.meta({ description: 'With `kind: local`: a model on the Hugging Face hub; needs `revision`.' }),
  revision: modelKeys.revision,
  path: modelKeys.path.meta({ description: 'With `kind: local`: a local model folder.' }),
  bundled: modelKeys.bundled.meta({ description: 'With `kind: local`: the small model that set-up prepares.' }),
  precision: z
    .enum(['fp32', 'bf16'])
    .optional()
    .meta({ default: 'bf16', description: 'With `kind: local`. A bundled model has `fp32` by default.' }),
};
