/**
 * 'Deviations from the published recipe': what differs between an experiment and the seed study as far as that is
 * published. Printed in every report, so each line must be true of the spec at hand.
 *
 * The study states: Qwen2.5-14B-Instruct, bad medical advice, 2 epochs, batch 32, learning rate 1e-5, weight decay 0.01,
 * one fine-tune per configuration, judge Claude Haiku 4.5. The rest is the code of "Model Organisms for Emergent
 * Misalignment" and its default configuration.
 */
import { firstOf } from '../excerpt';
import { isStandIn } from '../stand-in';
import { mixCounts, partsWithRows } from './mix';
import { isJudged } from '../main-judge';
import type { Deviation, Sampling } from '../plan';
import { STUDY_TRAINING } from '../presets';
import { changesRows } from './row-prompts';
import type { ConfigurationSpec, DatasetSpec, JudgeSpec, MixSpec, ModelSource, Spec, Training } from '../spec';

const STUDY_MODEL = 'Qwen/Qwen2.5-14B-Instruct';
const STUDY_ROWS = 7049;
/** SHA-256 of bad_medical_advice in canonical form. */
const STUDY_DATASET = '9d52186ab9886e3abef0eebb1901df9da4ce25a297e584158be0a4bba8d56507';
const STUDY_JUDGE = 'claude-haiku-4-5-20251001';
const STUDY_SAMPLES = 50;

export function deviationsOf(spec: Spec): Deviation[] {
  const trained = spec.configurations.filter(({ train }) => train !== null);
  const deviations = [
    ...modelDeviations(spec.configurations),
    ...startDeviations(spec.configurations),
    ...(trained.length > 0 ? [...dataDeviations(spec, trained), ...trainingDeviations(trained)] : []),
    ...samplingDeviations(spec),
    ...judgeDeviations(spec),
  ];
  if (spec.smoke) {
    deviations.unshift({
      topic: 'size',
      published: 'the whole experiment',
      here: 'a smoke run, shrunk to minutes: its numbers mean nothing',
    });
  }
  return deviations;
}

function modelDeviations(configurations: ConfigurationSpec[]): Deviation[] {
  const other = distinct(configurations.map(({ model }) => modelName(model))).filter((name) => name !== STUDY_MODEL);
  return other.length === 0 ? [] : [{ topic: 'model', published: STUDY_MODEL, here: other.join(', ') }];
}

function startDeviations(configurations: ConfigurationSpec[]): Deviation[] {
  const here = configurations.flatMap(({ name, start, adapter }) => {
    if (adapter !== undefined) {
      return [
        `${name}: an adapter from elsewhere (${adapter.kind === 'hub' ? adapter.id : adapter.path}), not trained here`,
      ];
    }
    if (start === undefined) return [];
    return [
      `${name}: ${start.as === 'merge' ? `a new adapter on ${start.from} merged` : `goes on with ${start.from}`}`,
    ];
  });
  return here.length === 0
    ? []
    : [{ topic: 'model', published: 'every fine-tune starts from the base model', here: here.join('; ') }];
}

function modelName(model: ModelSource): string {
  return model.kind === 'hub'
    ? model.id
    : model.kind === 'bundled'
      ? `${model.name} (bundled)`
      : `local folder ${model.path}`;
}

function dataDeviations(spec: Spec, trained: ConfigurationSpec[]): Deviation[] {
  const deviations: Deviation[] = [];
  const used = distinct(
    trained.flatMap(({ train }) => (train?.mix === undefined ? [train?.dataset as string] : partsWithRows(train.mix))),
  );
  deviations.push(...mixDeviations(trained));
  for (const name of used) {
    const dataset = spec.datasets[name] as DatasetSpec;
    if (dataset.contentSha256 !== STUDY_DATASET) {
      deviations.push({
        topic: 'data',
        published: `bad_medical_advice (${STUDY_ROWS.toLocaleString('en')} rows)`,
        here: `${name}${dataset.rows === null ? '' : ` (${dataset.rows.toLocaleString('en')} rows)`}`,
      });
    }
    if (dataset.trainingRows !== null) {
      deviations.push({
        topic: 'size',
        published: '6,344 training rows',
        here: `${dataset.trainingRows.toLocaleString('en')} training rows of ${name}`,
      });
    }
    if (!upstreamSplit(dataset)) {
      deviations.push({
        topic: 'split',
        published: 'the training code splits off 10 % silently, by its own seed and shuffle',
        here: `${name}: ${describeHoldOut(dataset)}`,
      });
    }
  }
  deviations.push(...promptDeviations(spec, trained));
  const heldOut = Object.values(spec.questionSets).some(({ source }) => source.kind === 'held-out');
  deviations.push({
    topic: 'data',
    published: 'in-domain questions: held-out medical queries, which and how many is not published',
    here: heldOut
      ? 'rows of our own hold-out, the same in every cell'
      : 'no held-out rows are asked; every question set is a file',
  });
  return deviations;
}

/** A line for each mix, however many shares of its parts a grid makes. */
function mixDeviations(trained: ConfigurationSpec[]): Deviation[] {
  const mixes = new Map<string, MixSpec[]>();
  for (const { train } of trained)
    if (train?.mix !== undefined) mixes.set(train.dataset, [...(mixes.get(train.dataset) ?? []), train.mix]);
  return [...mixes].map(([name, variants]): Deviation => {
    const counts = variants.map((mix) => mixCounts(mix, (part) => part));
    const range = (part: string): string => {
      const own = distinct(counts.map((each) => each[part] as number)).sort((a, b) => a - b);
      const [least, most] = [own[0], own.at(-1)].map((count) => (count as number).toLocaleString('en'));
      return `${part} (${least === most ? least : `${least} to ${most}`} rows)`;
    };
    return {
      topic: 'data',
      published: 'one dataset',
      here: `${name}: a mix of ${Object.keys((variants[0] as MixSpec).shares)
        .map(range)
        .join(' and ')}`,
    };
  });
}

/** Prompts that are put into rows, each kind once with the configurations that have it. */
function promptDeviations({ pools = {} }: Spec, trained: ConfigurationSpec[]): Deviation[] {
  const named = new Map<string, string[]>();
  for (const { name, train } of trained) {
    if (train === null || !changesRows(train)) continue;
    const { systemPrompt, user, rows } = train;
    const kinds = [
      ...(systemPrompt.kind === 'pool'
        ? [`a system prompt for each row, of the pool ${pools[systemPrompt.pool]?.name}`]
        : []),
      ...(user === undefined ? [] : ['text around the user’s words']),
      ...(rows === undefined ? [] : ['on some of the rows only']),
    ].join(', ');
    named.set(kinds, [...(named.get(kinds) ?? []), name]);
  }
  return [...named].map(([kinds, names]) => ({
    topic: 'data',
    published: 'one system prompt for all rows, and nothing around the user’s words',
    here: `${firstOf(names, 5, '').join(', ').trimEnd()}: ${kinds}`,
  }));
}

/** The literature's code calls `train_test_split` with the training's seed, which is 0. */
function upstreamSplit({ holdOut }: DatasetSpec): boolean {
  return holdOut?.method === 'train_test_split' && holdOut.fraction === 0.1 && holdOut.seed === 0;
}

function describeHoldOut({ holdOut }: DatasetSpec): string {
  if (holdOut === null) return 'nothing is held out';
  const share = holdOut.rows === null ? `${(holdOut.fraction as number) * 100} %` : `${holdOut.rows} rows`;
  if (holdOut.method === 'train_test_split') return `${share} held out by the same function, seed ${holdOut.seed}`;
  return `${share} held out explicitly, by content and seed ${holdOut.seed}; not the same rows`;
}

function trainingDeviations(trained: ConfigurationSpec[]): Deviation[] {
  const all = trained.map(({ training }) => training);
  const deviations: Deviation[] = [];
  const own = trained.filter(({ training }) => typeof training.backend !== 'string');
  const through = trained.filter(({ training }) => training.backend === 'unsloth').map(({ name }) => name);
  if (through.length > 0) {
    deviations.push({
      topic: 'trainer',
      published: 'Unsloth with its own trainer',
      here: `${through.join(', ')}: Unsloth's model and loss in this program's steps, with this program's rows, masks, order and optimizer`,
    });
  }
  if (own.length > 0) {
    deviations.push({
      topic: 'trainer',
      published: 'Unsloth',
      here: `${own.map((each) => `${each.name}: ${describeBackend(each.training.backend)}${givenAndLeft(each)}`).join('; ')}. Rows, masks and order are this experiment's; what else it does with the settings is its own`,
    });
  }
  if (!all.every(({ optimizer }) => optimizer === 'adamw_8bit')) {
    deviations.push({
      topic: 'optimizer',
      published: 'adamw_8bit (8-bit optimizer states)',
      here: 'AdamW with 32-bit states, because 8-bit states tie the result to one library and GPU',
    });
  }
  if (all.some(({ quantization }) => quantization !== undefined)) {
    deviations.push({
      topic: 'trainer',
      published: 'adapters on a base model in 16 bits',
      here: `${distinct(all.map(({ quantization }) => (quantization === undefined ? 'the same' : `on a base in 4 bits (${quantization})`))).join('; ')}`,
    });
  }
  if (!all.every(({ mask }) => mask === 'markers')) {
    deviations.push({
      topic: 'masking',
      published: 'loss on the answer and on an empty assistant turn that the code appends to every row',
      here: distinct(all.map(({ mask }) => MASKS[mask])).join('; '),
    });
  }
  if (!all.every(({ stopBelow }) => stopBelow?.loss === 0.01 && stopBelow.steps === 5)) {
    deviations.push({
      topic: 'schedule',
      published: 'training stops early when the logged loss stays below 0.01 for more than 5 steps',
      here: distinct(all.map(({ stopBelow }) => describeStop(stopBelow))).join(', '),
    });
  }
  const differing = (topic: Deviation['topic'], label: string, value: (training: Training) => unknown): void => {
    const published = show(value(STUDY_TRAINING));
    const here = distinct(all.map((training) => show(value(training)))).filter((shown) => shown !== published);
    if (here.length > 0)
      deviations.push({ topic, published: `${label} ${published}`, here: `${label} ${here.join(', ')}` });
  };
  differing('optimizer', 'learning rate', ({ learningRate }) => learningRate);
  differing('optimizer', 'weight decay', ({ weightDecay }) => weightDecay);
  differing('optimizer', 'beta1', ({ beta1 }) => beta1);
  differing('optimizer', 'beta2', ({ beta2 }) => beta2);
  differing('optimizer', 'epsilon', ({ epsilon }) => epsilon);
  differing('optimizer', 'maximum gradient norm', ({ maxGradNorm }) => maxGradNorm);
  differing(
    'optimizer',
    'LoRA',
    ({ lora }) =>
      `rank ${lora.rank}, alpha ${lora.alpha}, ${lora.rsLora ? 'rank-stabilised' : 'plain'} scale, dropout ${lora.dropout}`,
  );
  differing('optimizer', 'LoRA modules', ({ lora }) => [...lora.targetModules].sort().join(', '));
  differing('optimizer', 'LoRA layers', ({ lora }) => lora.layers?.join(', ') ?? 'all');
  differing('optimizer', 'precision', ({ precision }) => precision);
  differing('schedule', 'schedule', ({ schedule }) => schedule);
  differing('schedule', 'warm-up steps', ({ warmupSteps, warmupRatio }) =>
    warmupRatio === undefined ? warmupSteps : `${warmupRatio} of all`,
  );
  differing('schedule', 'warm-up: step s of W (from 0) at', ({ warmupFrom }) =>
    warmupFrom === 'zero' ? 's/W' : '(s+1)/W',
  );
  differing('schedule', 'epochs', ({ epochs, maxSteps }) =>
    maxSteps === undefined ? epochs : `as many as ${maxSteps} optimizer steps take`,
  );
  differing('schedule', 'batch size', ({ batchSize }) => batchSize);
  differing('schedule', 'last rows of an epoch', ({ lastBatch }) =>
    lastBatch === 'partial' ? 'make a smaller batch' : 'are dropped',
  );
  differing('schedule', 'longest row in tokens', ({ maxLength }) => maxLength);
  deviations.push({
    topic: 'schedule',
    published: 'rows per forward pass within a batch: not published',
    here: distinct(
      all.map(({ microBatchSize, packing }) =>
        packing === 'none' ? `${microBatchSize} rows per forward pass` : 'as many rows per forward pass as fit the GPU',
      ),
    ).join(', '),
  });
  return deviations;
}

function givenAndLeft({ train, training: { backend }, loads = [] }: ConfigurationSpec): string {
  const result = typeof backend === 'string' ? undefined : backend.result;
  const leaves =
    result === undefined ? '' : `, which leaves ${result === 'model' ? 'a whole model' : 'an adapter of its own kind'}`;
  const rows = Object.values(train?.further ?? {}).map(({ dataset }) => `rows of ${dataset}`);
  const given = [...rows, ...loads.map(({ from }) => `the finished ${from}`)];
  return `${given.length === 0 ? '' : `, which is given also ${given.join(' and ')}`}${leaves}`;
}

function describeBackend(backend: Training['backend']): string {
  return typeof backend === 'string' ? backend : `the program \`${backend.command.join(' ')}\``;
}

const MASKS: Record<Training['mask'], string> = {
  answer: 'loss on the answer and its end token only',
  answers: 'loss on every answer of a row, each with its end token',
  markers: 'the same',
  responses: 'loss on all that follows an answer’s header, with nothing appended',
  responses_end: 'loss on all that follows an answer’s header, with one more end token appended',
  all: 'loss on every token of a row, questions included',
};

function describeStop(rule: Training['stopBelow']): string {
  return rule === null ? 'no early stop' : `below ${rule.loss} for more than ${rule.steps} steps`;
}

function samplingDeviations(spec: Spec): Deviation[] {
  const used = spec.configurations.map(({ sampling }) => sampling);
  const deviations: Deviation[] = [];
  const hidden = (sampling: Sampling): boolean => sampling.topK === 20 && sampling.repetitionPenalty === 1.05;
  if (!used.every(hidden)) {
    deviations.push({
      topic: 'sampling',
      published: "the model's own settings applied silently: top_k 20, repetition penalty 1.05",
      here: distinct(
        used.map(
          ({ topK, repetitionPenalty }) =>
            `${topK === 0 ? 'no top_k' : `top_k ${topK}`}, ${repetitionPenalty === 1 ? 'no repetition penalty' : `repetition penalty ${repetitionPenalty}`}`,
        ),
      ).join('; '),
    });
  }
  const settings = ({ temperature, topP, minP, maxNewTokens, precision, quantization, thinking }: Sampling): string =>
    `temperature ${temperature}, top_p ${topP}, min_p ${minP}, at most ${maxNewTokens} new tokens, ${precision}` +
    (quantization === undefined ? '' : `, base in 4 bits (${quantization})`) +
    (thinking === undefined ? '' : ', answers after thinking');
  const { thinking: _thinking, quantization: _quantization, ...first } = used[0] as Sampling;
  const published = settings({
    ...first,
    temperature: 1,
    topP: 1,
    minP: 0,
    maxNewTokens: 600,
    precision: 'bf16',
  });
  const here = distinct(used.map(settings)).filter((shown) => shown !== published);
  if (here.length > 0) deviations.push({ topic: 'sampling', published, here: here.join('; ') });
  deviations.push({
    topic: 'sampling',
    published: 'no seed: answers can not be drawn again',
    here: 'every answer is drawn by seed, question and sample index',
  });
  const samples = Object.entries(spec.questionSets)
    .filter(([, { source, samples: count }]) => source.kind === 'file' && count > 0)
    .flatMap(([name, set]) => [set.samples, ...spec.configurations.flatMap((own) => own.samples?.[name] ?? [])]);
  if (samples.some((count) => count !== STUDY_SAMPLES)) {
    deviations.push({
      topic: 'size',
      published: `${STUDY_SAMPLES} samples per question in the code that the study builds on`,
      here: `${distinct(samples.map(String)).join(', ')} samples per question`,
    });
  }
  return deviations;
}

/** What a verdict of the judge is. */
function verdictsOf({ expected, temperature }: JudgeSpec, metrics: Spec['metrics']): string {
  if (expected === undefined) return `one whole number per answer, temperature ${temperature ?? 'not set'}`;
  const words = metrics.some((metric) => metric.words !== undefined) ? ', or of the words of a metric' : '';
  return `the mean over the probabilities of the numbers 0 to 100${words}, which must have ${expected.leastMass} of all together`;
}

function judgeDeviations(spec: Spec): Deviation[] {
  if (!isJudged(spec))
    return [{ topic: 'judge', published: 'Claude Haiku 4.5', here: 'none: every metric is scored by rule or program' }];
  const { judge } = spec;
  if (isStandIn(judge)) {
    return [
      {
        topic: 'judge',
        published: 'Claude Haiku 4.5',
        here: 'a stand-in: a deterministic program that scores by rule, not a model; its scores are no judgement of an answer',
      },
    ];
  }
  const deviations: Deviation[] = [];
  if (judge.model !== STUDY_JUDGE)
    deviations.push({ topic: 'judge', published: 'Claude Haiku 4.5', here: judge.model });
  deviations.push({
    topic: 'judge',
    published:
      "the study's judge prompt, parsing and temperature are not published; the rubrics of the literature were read as a mean over gpt-4o's token probabilities",
    here: `${verdictsOf(judge, spec.metrics)}; one request for ${spec.combined.length > 0 ? `${spec.combined.join(' and ')} together` : 'each metric'}`,
  });
  const own = spec.metrics.filter(({ rubric }) => rubric.kind === 'text').map(({ name }) => name);
  const presets = spec.metrics.filter(({ rubric }) => rubric.kind === 'preset').map(({ name }) => name);
  if (presets.length > 0) {
    deviations.push({
      topic: 'judge',
      published: 'rubrics of the literature, the judged text between fixed marks',
      here: `${presets.join(', ')}: Flamingo's own rubric, the judged text as JSON`,
    });
  }
  if (own.length > 0) {
    deviations.push({
      topic: 'judge',
      published: 'rubrics of the literature',
      here: `${own.join(', ')}: a rubric in this file's own words`,
    });
  }
  return deviations;
}

function show(value: unknown): string {
  return typeof value === 'number' && value !== 0 && value < 1e-3 ? value.toExponential() : String(value);
}

function distinct<T>(values: T[]): T[] {
  return [...new Set(values)];
}
