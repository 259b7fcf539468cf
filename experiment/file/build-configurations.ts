/**
 * The configurations of an experiment file: shared settings, overrides and grids come to one full list.
 */
import { buildBackend } from '../expand/backend-identity';
import { spread } from './grid';
import type { Issue, Path } from '../issue';
import type { Sampling, SystemPrompt } from '../plan';
import { CONTINUOUS_BATCH, FIRST_DEFAULTS, RECIPES, SAMPLING_PRESETS } from '../presets';
import type {
  ConditionInput,
  ConfigurationInput,
  ExperimentInput,
  ModelInput,
  SamplingInput,
  SystemPromptInput,
  TrainingInput,
} from './schema';
import type { ConditionSpec, ConfigurationSpec, ModelSource, Training } from '../spec';

export function buildConfigurations(input: ExperimentInput, issues: Issue[]): ConfigurationSpec[] {
  const sharedPath: Path = ['grid'];
  const configurations: ConfigurationSpec[] = [];
  for (const [name, written] of Object.entries(input.configurations)) {
    const { grid, ...plain } = written;
    const path: Path = ['configurations', name];
    const found = spread(name, plain, {
      shared: { grid: input.grid ?? {}, path: sharedPath },
      own: { grid: grid ?? {}, path: [...path, 'grid'] },
    });
    issues.push(...found.issues);
    for (const point of found.points) {
      configurations.push(buildConfiguration(input, point.name, point.input, point.axes, path, issues));
    }
  }
  if (configurations.length === 0 && issues.length === 0) {
    issues.push({ path: ['configurations'], message: 'an experiment needs at least one configuration' });
  }
  const folders = new Set(configurations.flatMap(({ model }) => (model.kind === 'folder' ? [model.path] : [])));
  if (folders.size > 1) {
    issues.push({
      path: ['model'],
      message: 'an experiment may use one local model folder',
      hint: 'split it into two experiments',
    });
  }
  return configurations;
}

function buildConfiguration(
  shared: ExperimentInput,
  name: string,
  own: ConfigurationInput,
  axes: Record<string, string>,
  path: Path,
  issues: Issue[],
): ConfigurationSpec {
  const train =
    own.train === 'none'
      ? null
      : { dataset: own.train.dataset, systemPrompt: buildPrompt(own.train.system_prompt ?? 'default') };
  const recipe = RECIPES[shared.recipe ?? 'clean'];
  const training = buildTraining(shared.training ?? {}, own.training ?? {}, recipe.training);
  issues.push(...combinationIssues(training, shared.training ?? {}, own.training ?? {}, path));
  if (training.microBatchSize > training.batchSize) {
    const where: Path = own.training?.micro_batch_size === undefined ? ['training'] : [...path, 'training'];
    issues.push({
      path: [...where, 'micro_batch_size'],
      message: `micro_batch_size ${training.microBatchSize} is more than batch_size ${training.batchSize}`,
    });
  }
  const steps = own.training?.evaluate_at ?? shared.training?.evaluate_at ?? [];
  const stepsPath: Path = [...(own.training?.evaluate_at === undefined ? [] : path), 'training', 'evaluate_at'];
  if (train !== null && steps.length > 0) issues.push(...keptStepsIssues(training, stepsPath));
  const conditionsPath: Path = own.conditions === undefined ? ['conditions'] : [...path, 'conditions'];
  const suffix = Object.entries(axes).map(([axis, value]) => `${axis} ${value}`);
  return {
    name,
    label: [own.label ?? name.split('.')[0] ?? name, ...suffix].join(', '),
    axes,
    model: buildModel(own.model ?? shared.model),
    train,
    training,
    sampling: buildSampling(shared.sampling ?? {}, own.sampling ?? {}, recipe.sampling),
    conditions: buildConditions(
      own.conditions ?? shared.conditions,
      train?.systemPrompt ?? null,
      conditionsPath,
      issues,
    ),
    ...(train === null || steps.length === 0 ? {} : { evaluateAt: { steps, place: stepsPath } }),
  };
}

function buildModel(input: ModelInput): ModelSource {
  if (input.hub !== undefined) return { kind: 'hub', id: input.hub, revision: input.revision as string };
  if (input.path !== undefined) return { kind: 'folder', path: input.path };
  return { kind: 'bundled', name: input.bundled as string };
}

function buildPrompt(input: SystemPromptInput): SystemPrompt {
  return typeof input === 'string' ? { kind: input } : { kind: 'text', text: input.text };
}

/** `training` is left out where there is nothing of its own to show: base model, or equal to another condition. */
function buildConditions(
  input: ConditionInput[] | undefined,
  trained: SystemPrompt | null,
  path: Path,
  issues: Issue[],
): ConditionSpec[] {
  const all: ConditionSpec[] =
    input === undefined
      ? FIRST_DEFAULTS.conditions
      : input.map((condition) => {
          if (condition === 'training') return { name: 'training', prompt: null };
          if (typeof condition === 'string') return { name: condition, prompt: { kind: condition } };
          return { name: condition.name, prompt: { kind: 'text', text: condition.text } };
        });
  const seen = new Set<string>();
  all.forEach(({ name }, index) => {
    if (seen.has(name.toLowerCase()))
      issues.push({ path: [...path, index], message: `the condition \`${name}\` is there twice` });
    seen.add(name.toLowerCase());
  });
  input?.forEach((condition, index) => {
    if (typeof condition === 'object' && ['default', 'training', 'none', 'empty'].includes(condition.name)) {
      issues.push({
        path: [...path, index, 'name'],
        message: `\`${condition.name}\` is the name of a built-in condition`,
      });
    }
  });
  const same = (a: SystemPrompt | null, b: SystemPrompt | null): boolean => JSON.stringify(a) === JSON.stringify(b);
  const kept = all.filter(
    ({ prompt }) => prompt !== null || (trained !== null && !all.some((other) => same(other.prompt, trained))),
  );
  if (kept.length === 0) {
    issues.push({
      path,
      message: 'no condition is left: the base model has no training prompt',
      hint: 'add `default`',
    });
  }
  return kept;
}

/** What does not go together, at the place of the setting that has to give way. */
function combinationIssues(training: Training, shared: TrainingInput, own: TrainingInput, path: Path): Issue[] {
  const at = (key: keyof TrainingInput): Path =>
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
  if (training.backend === 'unsloth') issues.push(...unslothIssues(training, at));
  return issues;
}

/** What Unsloth can not do, or does only by leaving its own kernels. */
function unslothIssues({ precision, packing, lora }: Training, at: (key: keyof TrainingInput) => Path): Issue[] {
  const refused: [boolean, keyof TrainingInput, string, string][] = [
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
  ];
  return refused.filter(([is]) => is).map(([, key, message, hint]) => ({ path: at(key), message, hint }));
}

/** Where no adapters are kept along training, or not surely all that are asked for. */
function keptStepsIssues({ backend, stopBelow }: Training, path: Path): Issue[] {
  const issues: Issue[] = [];
  if (backend !== 'transformers') {
    issues.push({
      path,
      message: `adapters along training are kept by \`backend: transformers\` only, not by ${backend === 'unsloth' ? '`unsloth`' : 'a `command`'}`,
      hint: 'leave `evaluate_at` out, or use `backend: transformers`',
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

function buildTraining(shared: TrainingInput, own: TrainingInput, d: Training): Training {
  const merged = { ...defined(shared), ...defined(own) };
  const lora = { ...defined(shared.lora ?? {}), ...defined(own.lora ?? {}) };
  const batchSize = merged.batch_size ?? d.batchSize;
  const precision = merged.precision ?? d.precision;
  const seeds = (key: 'initialisation' | 'data_order'): number =>
    own.seeds?.[key] ?? own.seed ?? shared.seeds?.[key] ?? shared.seed ?? 0;
  const optimizer = merged.optimizer ?? d.optimizer;
  const backend = merged.backend === undefined ? d.backend : buildBackend(merged.backend);
  const packable = precision === 'bf16' && optimizer === 'adamw' && backend === 'transformers';
  return {
    optimizer,
    lora: {
      rank: lora.rank ?? d.lora.rank,
      alpha: lora.alpha ?? d.lora.alpha,
      rsLora: lora.rs_lora ?? d.lora.rsLora,
      dropout: lora.dropout ?? d.lora.dropout,
      targetModules: lora.target_modules ?? d.lora.targetModules,
    },
    learningRate: merged.learning_rate ?? d.learningRate,
    weightDecay: merged.weight_decay ?? d.weightDecay,
    beta1: merged.beta1 ?? d.beta1,
    beta2: merged.beta2 ?? d.beta2,
    epsilon: merged.epsilon ?? d.epsilon,
    maxGradNorm: merged.max_grad_norm ?? d.maxGradNorm,
    schedule: merged.schedule ?? d.schedule,
    warmupSteps: merged.warmup_steps ?? d.warmupSteps,
    warmupFrom: merged.warmup_from ?? d.warmupFrom,
    epochs: merged.epochs ?? d.epochs,
    batchSize,
    microBatchSize: merged.micro_batch_size ?? Math.min(d.microBatchSize, batchSize),
    lastBatch: merged.last_batch ?? d.lastBatch,
    maxLength: merged.max_length ?? d.maxLength,
    precision,
    packing: merged.packing ?? (packable ? d.packing : 'none'),
    mask: merged.mask ?? d.mask,
    stopBelow: merged.stop_below === 'never' ? null : (merged.stop_below ?? d.stopBelow),
    seeds: { initialisation: seeds('initialisation'), dataOrder: seeds('data_order') },
    backend,
  };
}

function buildSampling(shared: SamplingInput, own: SamplingInput, standard: keyof typeof SAMPLING_PRESETS): Sampling {
  const merged = { ...defined(shared), ...defined(own) };
  const preset = SAMPLING_PRESETS[merged.preset ?? standard];
  const precision = merged.precision ?? preset.precision;
  const continuous = (merged.batching ?? (precision === 'bf16' ? 'continuous' : 'static')) === 'continuous';
  return {
    temperature: merged.temperature ?? preset.temperature,
    topP: merged.top_p ?? preset.topP,
    topK: merged.top_k ?? preset.topK,
    minP: merged.min_p ?? preset.minP,
    repetitionPenalty: merged.repetition_penalty ?? preset.repetitionPenalty,
    maxNewTokens: merged.max_new_tokens ?? preset.maxNewTokens,
    precision,
    batchSize: merged.batch_size ?? (continuous ? CONTINUOUS_BATCH : preset.batchSize),
    ...(continuous ? { batching: 'continuous' } : {}),
    seed: merged.seed ?? preset.seed,
  };
}

function defined<T extends object>(value: T): Partial<T> {
  return Object.fromEntries(Object.entries(value).filter(([, member]) => member !== undefined)) as Partial<T>;
}
