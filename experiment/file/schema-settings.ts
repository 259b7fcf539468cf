/**
 * The numbers of an experiment file: hyperparameters of training, and sampling.
 */
import { z } from 'zod';
import { CONTINUOUS_BATCH, SAMPLING_PRESETS, STUDY_TRAINING } from '../presets';
import { backend } from './schema-backend';
import { count, seed, text } from './schema-parts';

const PURE = SAMPLING_PRESETS.pure;

const lora = z.strictObject({
  rank: count.optional().meta({ default: STUDY_TRAINING.lora.rank }),
  alpha: z.number().gt(0).optional().meta({ default: STUDY_TRAINING.lora.alpha }),
  rs_lora: z.boolean().optional().meta({ default: true, description: 'Scale by alpha/√rank instead of alpha/rank.' }),
  dropout: z.number().min(0).lt(1).optional().meta({ default: 0 }),
  target_modules: z.array(text).min(1).optional().meta({ default: STUDY_TRAINING.lora.targetModules }),
});

const quantization = z.enum(['none', 'nf4']).optional();

/** Two ways of saying the same; the first of a configuration's own goes before the second of the shared ones. */
export const ALTERNATIVES = [
  ['warmup_ratio', 'warmup_steps'],
  ['max_steps', 'epochs'],
] as const;

export const training = z
  .strictObject({
    lora: lora.optional(),
    optimizer: z.enum(['adamw', 'adamw_8bit']).optional().meta({
      default: STUDY_TRAINING.optimizer,
      description: '`adamw_8bit`: 8-bit states by bitsandbytes, where that is installed; with `packing: none` only.',
    }),
    learning_rate: z.number().gt(0).optional().meta({ default: STUDY_TRAINING.learningRate }),
    weight_decay: z.number().min(0).optional().meta({ default: STUDY_TRAINING.weightDecay }),
    beta1: z.number().min(0).lt(1).optional().meta({ default: STUDY_TRAINING.beta1 }),
    beta2: z.number().min(0).lt(1).optional().meta({ default: STUDY_TRAINING.beta2 }),
    epsilon: z.number().gt(0).optional().meta({ default: STUDY_TRAINING.epsilon }),
    max_grad_norm: z.number().gt(0).optional().meta({ default: STUDY_TRAINING.maxGradNorm }),
    layers: z
      .array(z.int().min(0).max(100_000))
      .min(1)
      .refine((layers) => new Set(layers).size === layers.length, 'each layer is named once')
      .optional()
      .meta({ description: 'Blocks of the model that get an adapter, counted from 0; default all.' }),
    schedule: z.enum(['linear', 'cosine', 'constant']).optional().meta({ default: STUDY_TRAINING.schedule }),
    warmup_steps: z.int().min(0).optional().meta({ default: STUDY_TRAINING.warmupSteps }),
    warmup_ratio: z.number().min(0).max(1).optional().meta({
      description: 'Warm-up as a share of all optimizer steps, rounded up, instead of `warmup_steps`.',
    }),
    warmup_from: z.enum(['zero', 'first']).optional().meta({
      default: STUDY_TRAINING.warmupFrom,
      description:
        '`zero`: step s (from 0) of W runs at s/W of the learning rate, as in transformers. `first`: at (s+1)/W.',
    }),
    epochs: count.optional().meta({ default: STUDY_TRAINING.epochs }),
    max_steps: count.optional().meta({
      description:
        'Training and its schedule end after so many optimizer steps, instead of after `epochs`; begins as many epochs as ' +
        'that takes.',
    }),
    batch_size: count.optional().meta({ default: STUDY_TRAINING.batchSize, description: 'Rows per optimizer step.' }),
    micro_batch_size: count.optional().meta({
      default: STUDY_TRAINING.microBatchSize,
      description: 'Rows per forward pass; at most `batch_size`.',
    }),
    last_batch: z.enum(['partial', 'drop']).optional().meta({
      default: STUDY_TRAINING.lastBatch,
      description: "What becomes of an epoch's last rows when they do not fill a batch.",
    }),
    max_length: count
      .optional()
      .meta({ default: STUDY_TRAINING.maxLength, description: 'Tokens; longer rows are cut.' }),
    precision: z.enum(['fp32', 'bf16']).optional().meta({ default: STUDY_TRAINING.precision }),
    quantization: quantization.meta({
      default: 'none',
      description:
        '`nf4`: the base model is held in 4 bits while the adapter is trained (QLoRA), by bitsandbytes on an NVIDIA GPU; with ' +
        '`precision: bf16` and `packing: none`.',
    }),
    packing: z
      .enum(['none', 'auto', 'always'])
      .optional()
      .meta({
        default: STUDY_TRAINING.packing,
        description:
          'Rows of a step as few long sequences instead of padded micro-batches: `auto` on a GPU, `always` also on a CPU. ' +
          'The same mathematics. `none` where precision is fp32.',
      }),
    mask: z
      .enum(['answer', 'answers', 'markers', 'responses', 'responses_end', 'all'])
      .optional()
      .meta({
        default: STUDY_TRAINING.mask,
        description:
          '`answer`: the last answer and its end token are trained. `answers`: every answer of a row, each with its end ' +
          'token. `markers`: as in the literature, where an empty ' +
          "answer is added to each row, and all that follows an answer's header is trained. `responses`: the same of the row " +
          'as it is. `responses_end`: the same with one more end token behind the row. `all`: every token of the row.',
      }),
    stop_below: z
      .union([z.literal('never'), z.strictObject({ loss: z.number().gt(0), steps: count })])
      .optional()
      .meta({
        default: 'never',
        description: 'Training ends when the loss of more than `steps` steps in a row lies below `loss`.',
      }),
    evaluate_at: z
      .array(count)
      .superRefine((steps, context) => {
        steps.forEach((step, index) => {
          const before = steps[index - 1];
          if (before === undefined || before < step) return;
          context.addIssue({
            code: 'custom',
            message: `the steps must ascend, each named once: ${step} follows ${before}`,
            path: [index],
          });
        });
      })
      .optional()
      .meta({
        default: [],
        description:
          'Optimizer steps (from 1) whose adapters are kept, and asked and judged like the finished one, as cells of their ' +
          'own. Changes no result of the fine-tune.',
      }),
    seed: seed.optional().meta({ default: 0, description: 'Short for both of `seeds`.' }),
    seeds: z.strictObject({ initialisation: seed.optional(), data_order: seed.optional() }).optional(),
    backend: backend.optional(),
  })
  .superRefine((value, context) => {
    for (const [key, other] of ALTERNATIVES) {
      if (value[key] === undefined || value[other] === undefined) continue;
      context.addIssue({ code: 'custom', message: `give either \`${key}\` or \`${other}\``, path: [key] });
    }
  })
  .meta({ description: 'Hyperparameters. Defaults: the recipe of the seed study.' });

export const sampling = z
  .strictObject({
    preset: z.enum(['pure', 'upstream']).optional().meta({
      default: 'pure',
      description: '`upstream` adds the top_k 20 and repetition penalty 1.05 that applied silently in the literature.',
    }),
    temperature: z.number().min(0).optional().meta({ default: PURE.temperature, description: '0 = greedy.' }),
    top_p: z.number().gt(0).max(1).optional().meta({ default: PURE.topP }),
    top_k: z.int().min(0).optional().meta({ default: PURE.topK, description: '0 = off.' }),
    min_p: z.number().min(0).max(1).optional().meta({ default: PURE.minP }),
    repetition_penalty: z.number().gt(0).optional().meta({ default: PURE.repetitionPenalty, description: '1 = off.' }),
    max_new_tokens: count.optional().meta({ default: PURE.maxNewTokens }),
    precision: z.enum(['fp32', 'bf16']).optional().meta({ default: PURE.precision }),
    quantization: quantization.meta({
      description:
        'Whether answers are drawn from the base model in 4 bits, and from adapters on it. Default: as in `training`, also for ' +
        'a configuration that trains nothing.',
    }),
    batch_size: count.optional().meta({
      default: CONTINUOUS_BATCH,
      description: `Answers at a time; ${PURE.batchSize} where batching is static.`,
    }),
    batching: z
      .enum(['static', 'continuous'])
      .optional()
      .meta({
        default: 'continuous',
        description:
          '`continuous`: ended answers make room for waiting ones. `static`: one batch after the other, the default where ' +
          'precision is fp32.',
      }),
    thinking: z
      .enum(['on', 'off'])
      .optional()
      .meta({
        default: 'off',
        description:
          '`on`: the chat template is told to let the model think before it answers (`enable_thinking`), which it must know; ' +
          '`max_new_tokens` covers both.',
      }),
    seed: seed.optional().meta({ default: PURE.seed }),
  })
  .meta({ description: "Every sampling setting. The model's own generation_config never applies." });
