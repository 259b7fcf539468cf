/**
 * The numbers of an experiment file: hyperparameters of training, and sampling. A configuration's own settings go before
 * the shared ones, and these before the recipe's; what does not go together is refused.
 */
import type { Issue, Path } from '../issue';
import type { Sampling } from '../plan';
import { COMMAND_DEFAULTS, CONTINUOUS_BATCH, SAMPLING_PRESETS } from '../presets';
import { ALTERNATIVES } from './schema-settings';
import type { BackendYaml, SamplingYaml, TrainingYaml } from './schema';
import type { Backend, CommandBackend, Training } from '../spec';

/** Field by field, like `buildSampling` and `buildJudge`, so that the compiler finds a setting that is forgotten. */
export function buildTraining(shared: TrainingYaml, own: TrainingYaml, d: Training): Training {
  const merged = { ...withoutReplaced(defined(shared), own), ...defined(own) };
  const lora = { ...defined(shared.lora ?? {}), ...defined(own.lora ?? {}) };
  const batchSize = merged.batch_size ?? d.batchSize;
  const precision = merged.precision ?? d.precision;
  const seeds = (key: 'initialisation' | 'data_order'): number =>
    own.seeds?.[key] ?? own.seed ?? shared.seeds?.[key] ?? shared.seed ?? 0;
  const optimizer = merged.optimizer ?? d.optimizer;
  const backend = merged.backend === undefined ? d.backend : buildBackend(merged.backend);
  const quantized = merged.quantization === 'nf4';
  const packable = precision === 'bf16' && optimizer === 'adamw' && backend === 'transformers' && !quantized;
  return {
    optimizer,
    lora: {
      rank: lora.rank ?? d.lora.rank,
      alpha: lora.alpha ?? d.lora.alpha,
      rsLora: lora.rs_lora ?? d.lora.rsLora,
      dropout: lora.dropout ?? d.lora.dropout,
      targetModules: lora.target_modules ?? d.lora.targetModules,
      ...(merged.layers === undefined ? {} : { layers: [...merged.layers].sort((a, b) => a - b) }),
    },
    learningRate: merged.learning_rate ?? d.learningRate,
    weightDecay: merged.weight_decay ?? d.weightDecay,
    beta1: merged.beta1 ?? d.beta1,
    beta2: merged.beta2 ?? d.beta2,
    epsilon: merged.epsilon ?? d.epsilon,
    maxGradNorm: merged.max_grad_norm ?? d.maxGradNorm,
    schedule: merged.schedule ?? d.schedule,
    warmupSteps: merged.warmup_steps ?? d.warmupSteps,
    ...(merged.warmup_ratio === undefined ? {} : { warmupRatio: merged.warmup_ratio }),
    warmupFrom: merged.warmup_from ?? d.warmupFrom,
    epochs: merged.epochs ?? d.epochs,
    ...(merged.max_steps === undefined ? {} : { maxSteps: merged.max_steps }),
    batchSize,
    microBatchSize: merged.micro_batch_size ?? Math.min(d.microBatchSize, batchSize),
    lastBatch: merged.last_batch ?? d.lastBatch,
    maxLength: merged.max_length ?? d.maxLength,
    precision,
    ...(quantized ? { quantization: 'nf4' as const } : {}),
    packing: merged.packing ?? (packable ? d.packing : 'none'),
    mask: merged.mask ?? d.mask,
    stopBelow: merged.stop_below === 'never' ? null : (merged.stop_below ?? d.stopBelow),
    seeds: { initialisation: seeds('initialisation'), dataOrder: seeds('data_order') },
    backend,
  };
}

/** Of two settings that say the same, a configuration's own replaces the other one that is shared. */
function withoutReplaced(shared: Partial<TrainingYaml>, own: TrainingYaml): Partial<TrainingYaml> {
  const replaced = ALTERNATIVES.flatMap(([a, b]) => [
    ...(own[a] === undefined ? [] : [b]),
    ...(own[b] === undefined ? [] : [a]),
  ]);
  return Object.fromEntries(Object.entries(shared).filter(([key]) => !(replaced as string[]).includes(key)));
}

/**
 * `training`: the configuration's, whose base in 4 bits is also what answers are drawn from, unless the file says otherwise: so
 * an untrained base model is asked in the same form. `trainingSeed`: the configuration's own, which a grid over seeds gives it; it is the seed of sampling, too, unless the file
 * names one. Otherwise the fine-tunes of several seeds would share the randomness of their answers.
 */
export function buildSampling(
  shared: SamplingYaml,
  own: SamplingYaml,
  standard: keyof typeof SAMPLING_PRESETS,
  { quantization }: Pick<Training, 'quantization'>,
  trainingSeed: number | undefined,
): Sampling {
  const merged = { ...defined(shared), ...defined(own) };
  const preset = SAMPLING_PRESETS[merged.preset ?? standard];
  const precision = merged.precision ?? preset.precision;
  const quantized = (merged.quantization ?? quantization) === 'nf4';
  const usual = precision === 'bf16' && !quantized ? 'continuous' : 'static';
  const continuous = (merged.batching ?? usual) === 'continuous';
  return {
    temperature: merged.temperature ?? preset.temperature,
    topP: merged.top_p ?? preset.topP,
    topK: merged.top_k ?? preset.topK,
    minP: merged.min_p ?? preset.minP,
    repetitionPenalty: merged.repetition_penalty ?? preset.repetitionPenalty,
    maxNewTokens: merged.max_new_tokens ?? preset.maxNewTokens,
    precision,
    ...(quantized ? { quantization: 'nf4' as const } : {}),
    batchSize: merged.batch_size ?? (continuous ? CONTINUOUS_BATCH : preset.batchSize),
    ...(continuous ? { batching: 'continuous' } : {}),
    ...(merged.thinking === 'on' ? { thinking: 'on' } : {}),
    seed: merged.seed ?? trainingSeed ?? preset.seed,
  };
}

function buildBackend(input: BackendYaml): Backend {
  if (typeof input === 'string') return input;
  const { result = 'lora' } = input;
  return { ...buildCommand(input), ...(result === 'lora' ? {} : { result }) };
}

/** How a program of the experiment's own is run. */
export function buildCommand(input: Omit<Exclude<BackendYaml, string>, 'result'>): CommandBackend {
  return {
    command: input.command,
    files: input.files ?? [],
    environment: input.environment ?? [],
    graceSeconds: input.grace_seconds ?? COMMAND_DEFAULTS.graceSeconds,
    silenceSeconds: input.silence_seconds ?? COMMAND_DEFAULTS.silenceSeconds,
  };
}

function defined<T extends object>(value: T): Partial<T> {
  return Object.fromEntries(Object.entries(value).filter(([, member]) => member !== undefined)) as Partial<T>;
}

/** What does not go together, at the place of the setting that has to give way. */
export function combinationIssues(training: Training, shared: TrainingYaml, own: TrainingYaml, path: Path): Issue[] {
  const at = (key: keyof TrainingYaml): Path =>
    own[key] === undefined && shared[key] !== undefined ? ['training', key] : [...path, 'training', key];
  const issues: Issue[] = [];
  const packed = training.packing !== 'none';
  if (packed && training.optimizer === 'adamw_8bit') {
    issues.push({
      path: at('packing'),
      message: `packing \`${training.packing}\` keeps all weights in one piece, so the blocks of \`optimizer: adamw_8bit\` would not be the literature's`,
      hint: 'use `packing: none`, or `optimizer: adamw`',
    });
  }
  if (packed && typeof training.backend !== 'string') {
    issues.push({
      path: at('packing'),
      message: 'how rows are packed is the business of the `command` that trains',
      hint: 'leave `packing` out',
    });
  }
  if (training.quantization !== undefined) issues.push(...quantizationIssues(training, at));
  if (training.backend === 'unsloth') issues.push(...unslothIssues(training, at));
  return issues;
}

/** A base in 4 bits is computed with in bf16, by transformers' own layers. */
function quantizationIssues(
  { precision, packing, backend, quantization }: Training,
  at: (key: keyof TrainingYaml) => Path,
): Issue[] {
  const refused: [boolean, keyof TrainingYaml, string, string][] = [
    [
      precision !== 'bf16',
      'quantization',
      `a base in 4 bits is computed with in bf16, and the precision is ${precision}`,
      'set `precision: bf16`, or leave `quantization` out',
    ],
    [packing !== 'none', 'packing', `\`quantization: ${quantization}\` trains on padded rows`, 'leave `packing` out'],
    [
      backend !== 'transformers',
      'quantization',
      'only `backend: transformers` trains on a base in 4 bits',
      'leave `quantization` or `backend` out; how a `command` of yours holds the base is its own business',
    ],
  ];
  return refused.flatMap(([wrong, key, message, hint]) => (wrong ? [{ path: at(key), message, hint }] : []));
}

/** What does not go together in sampling, at the place that has to give way. `path`: the configuration's. */
export function samplingIssues(sampling: Sampling, shared: SamplingYaml, own: SamplingYaml, path: Path): Issue[] {
  if (sampling.quantization === undefined || sampling.precision === 'bf16') return [];
  const key = own.precision !== undefined || shared.precision !== undefined ? 'precision' : 'quantization';
  return [
    {
      path: [...(own[key] === undefined ? [] : path), 'sampling', key],
      message: `answers from a base in 4 bits are computed in bf16, and the precision is ${sampling.precision}`,
      hint: 'set `precision: bf16`, or `quantization: none` in `sampling`',
    },
  ];
}

/** What a trainer of the experiment's own leaves besides the recipe's LoRA is asked on, or as, a base of full precision. */
export function resultIssues({ backend }: Training, { quantization }: Sampling, path: Path): Issue[] {
  if (typeof backend === 'string' || backend.result === undefined || quantization === undefined) return [];
  return [
    {
      path,
      message: `\`result: ${backend.result}\` is asked with the base in full precision, and its answers are to come from one in 4 bits`,
      hint: 'set `quantization: none` in `sampling`, or leave `result` out',
    },
  ];
}

/** What Unsloth can not do, or does only by leaving its own kernels. */
function unslothIssues({ precision, packing, lora }: Training, at: (key: keyof TrainingYaml) => Path): Issue[] {
  const refused: [boolean, keyof TrainingYaml, string, string][] = [
    [
      precision !== 'bf16',
      'backend',
      `\`unsloth\` computes in bf16, and the precision is ${precision}`,
      'set `precision: bf16`',
    ],
    [packing !== 'none', 'packing', '`backend: unsloth` trains on padded rows', 'leave `packing` out'],
    [
      lora.dropout !== 0,
      'backend',
      `\`unsloth\` trains adapters without dropout, not ${lora.dropout}`,
      'set `lora.dropout: 0`',
    ],
    [
      lora.layers !== undefined,
      'layers',
      '`backend: unsloth` trains adapters on all layers',
      'leave `layers` out, or use `backend: transformers`',
    ],
  ];
  return refused.filter(([is]) => is).map(([, key, message, hint]) => ({ path: at(key), message, hint }));
}

/** Where no adapters are kept along training, or not surely all that are asked for. */
export function keptStepsIssues({ backend, stopBelow }: Training, path: Path): Issue[] {
  const issues: Issue[] = [];
  if (backend === 'unsloth') {
    issues.push({
      path,
      message: '`backend: unsloth` keeps no adapters along training',
      hint: 'leave `evaluate_at` out, or use another backend',
    });
  }
  if (stopBelow !== null) {
    issues.push({
      path,
      message: 'with `stop_below` training may end before these steps',
      hint: 'set `stop_below: never`, which changes nothing where the loss stays above it',
    });
  }
  return issues;
}
