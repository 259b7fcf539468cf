/**
 * From a `Spec` and the content of its inputs to a `Plan`: every configuration, every cell, every key.
 *
 * Pure. Keys are made of content only: renaming a configuration, moving a file or reordering keys changes none of them.
 */
import { answerMeasurementsOf, planAnswerProbabilities } from './answer-probabilities';
import { AskedOfSets, askedUnder } from './asked-questions';
import { backendIdentity, type TrainerFiles } from './backend-identity';
import { keyOf, sha256, type Sha256 } from '../canonical';
import { adapterKey, chainBehind, parentsFirst, plannedAdapter, startOf } from './chain';
import { planCalibration, type PublishedAnswer } from './calibration';
import type { Condition } from '../conditions';
import { configurationKey } from './configuration-key';
import type { Dataset } from './dataset';
import { deviationsOf } from './deviations';
import { askedOf, heldOutCount, heldOutQuestions, splitRows, type Split } from './holdout';
import { InvalidExperiment, suggestion } from '../issue';
import { adapterKeyOf } from '../kept-steps';
import { MAIN_JUDGE } from '../main-judge';
import { measurementsOf, planPairs, type PairsPlan } from './pairs';
import { checkDataset, checkQuestions } from './pins';
import { differentConditions, namedCells, poolsOf } from './pools';
import type {
  GenerationContext,
  ModelIdentity,
  Plan,
  PlannedAnswerProbability,
  PlannedCell,
  PlannedConfiguration,
  PlannedMeasurement,
  PlannedMetric,
  Question,
  Recipe,
} from '../plan';
import { questionFrom, questionsOf, type AskedQuestion, type QuestionItem } from './questions';
import { mapValues } from '../records';
import { requestsOf } from '../requests';
import { isSampled } from '../sampled-sets';
import type { Completion } from '../rows';
import { instrumentsOf } from './instruments';
import { handoffFiles, handoffsOf, type HandoffFiles } from './handoffs';
import type { ConfigurationSpec, ModelSource, QuestionSetSpec, Spec } from '../spec';
import { seedGroups } from '../seed-groups';
import { furtherIdentity, furtherRowsOf } from './further-rows';
import { lengthOf, optimizerSteps } from './length';
import { renderedPrompt } from './row-prompts';
import { scorersOf, type ScorerPrograms } from './scorers';
import { checkMeasured, checkSize } from './size';
import { trainingDataOf } from './training-data';
import { trainingRowsOf, type TrainingRows } from './training-rows';
import { GENERATION_VERSION, RECIPE_VERSION } from './versions';

/** The content of what a spec refers to. */
export interface Inputs {
  /** By the names in the file. */
  datasets: Record<string, Dataset>;
  /** All items of each question file, unfiltered. */
  questionFiles: Record<string, QuestionItem[]>;
  /** Identity of the local model folder, when there is one. */
  modelFolder: Sha256 | null;
  /** Rows of the calibration's published file; absent without one. */
  publishedAnswers?: PublishedAnswer[];
  /** Files of trainers and scorers of the experiment's own, and of handoffs, by path; absent without any. */
  trainerFiles?: TrainerFiles;
  /** Members of the pools that lie in files, by their names in `Spec.pools`; absent without one. */
  pools?: Record<string, string[]>;
  /** Local adapters from elsewhere, by the path in the file; absent without one. */
  adapters?: Record<string, AdapterFiles>;
  /** Names of datasets that are made up, only good for counting; absent = none. */
  placeholders?: readonly string[];
  /** Identities of judges' local model folders, by their paths in the file; absent without one. */
  judgeFolders?: Record<string, Sha256>;
}

export interface AdapterFiles {
  weights: Uint8Array;
  config: Uint8Array;
}

export interface Expanded {
  /** `trainingRows` and `heldOutRows` of its configurations are null: this function puts nothing into a store. */
  plan: Plan;
  /** Configuration name -> its training rows as canonical JSON Lines. */
  trainingRows: Record<string, string>;
  /** Configuration name -> rows held out of what it trains on, for the loss on them, in the same form. */
  heldOutRows: Record<string, string>;
  /** Configuration name -> name -> further rows that its own trainer is given, in the same form. */
  furtherRows: Record<string, Record<string, string>>;
  /** Configuration name -> its trainer where that is the experiment's own: files by path, and limits in seconds. */
  trainers: Record<string, { files: TrainerFiles; graceSeconds: number; silenceSeconds: number }>;
  /** Configuration name -> the local adapter from elsewhere that it asks, whose `files` in the plan are null. */
  adapters: Record<string, AdapterFiles>;
  /** Key of a scorer that is a command -> its files by path, and its limit. */
  scorerPrograms: ScorerPrograms;
  /** Handoff name -> its program; the plan has it once the files are in a store. */
  handoffs: Record<string, HandoffFiles>;
  /** Cell id -> answers that come from elsewhere. */
  given: Record<string, Completion[]>;
  /** Pairs as JSON Lines, whose `rows` in the plan is null; null without any. */
  pairs: string | null;
}

/** Throws `InvalidExperiment` when the content does not fit what the file declares. */
export function expand(spec: Spec, inputs: Inputs): Expanded {
  const splits = mapValues(spec.datasets, (_, name) => splitOf(spec, name, inputs.datasets[name] as Dataset));
  const asked = mapValues(spec.questionSets, (set, name) => askedQuestions(set, name, splits, inputs));
  const sampled = Object.fromEntries(Object.entries(asked).filter(([set]) => isSampled(spec.questionSets[set])));
  const { instruments, metricsOf: judgedOf } = instrumentsOf(spec, asked, inputs.judgeFolders);
  const scoring = scorersOf(spec, sampled, inputs.trainerFiles ?? {});
  const metricsOf = (set: string): PlannedMetric[] => [...judgedOf(set), ...scoring.metricsOf(set)];
  checkSize(
    spec,
    mapValues(sampled, (questions) => questions.length),
    metricsOf,
  );
  const ofSets = new AskedOfSets(metricsOf);
  const pools = poolsOf(spec, inputs.pools ?? {});
  const named = namedCells(spec);
  const trainingRows: Record<string, string> = {};
  const heldOutRows: Record<string, string> = {};
  const furtherRows: Expanded['furtherRows'] = {};
  const trainers: Expanded['trainers'] = {};
  const adapters: Expanded['adapters'] = {};

  const calibration =
    spec.calibration === undefined
      ? null
      : planCalibration(spec, spec.calibration, splits, inputs.publishedAnswers ?? [], asked, inputs.judgeFolders);

  const dataOf = trainingDataOf(inputs.datasets, splits);
  const furtherOf = furtherRowsOf(dataOf, splits);
  const { placeholders = [] } = inputs;
  const rowsOf = trainingRowsOf(dataOf, { pools, standIns: spec.smoke ? 'all' : placeholders });
  const pairs = pairsOf(spec, splits, inputs, dataOf);
  const questionsOf = mapValues(asked, (questions) => questions.map(({ question }) => question));
  const answerProbabilities = planAnswerProbabilities(spec.answerProbabilities ?? {}, questionsOf);
  checkMeasured(
    spec,
    mapValues(questionsOf, (questions) => questions.length),
    pairs?.planned.count ?? 0,
  );

  const own = parentsFirst(spec.configurations, (configuration, before): PlannedConfiguration => {
    const model = modelIdentity(configuration.model, inputs.modelFolder);
    let recipe: Recipe | null = null;
    const rows = rowsOf(configuration);
    const further = furtherOf(configuration);
    if (further !== null) furtherRows[configuration.name] = mapValues(further, ({ text }) => text);
    if (rows !== null) {
      trainingRows[configuration.name] = rows.text;
      if (rows.watched !== null) heldOutRows[configuration.name] = rows.watched;
      const { backend } = configuration.training;
      const files = trainerFiles(configuration, inputs);
      if (typeof backend !== 'string') {
        const { graceSeconds, silenceSeconds } = backend;
        trainers[configuration.name] = { files, graceSeconds, silenceSeconds };
      }
      recipe = {
        ...recipeOf(configuration, model, rows, backendIdentity(backend, files)),
        ...startOf(configuration, before),
        ...furtherIdentity(further),
      };
    }
    const elsewhere = configuration.adapter;
    const files = elsewhere?.kind === 'folder' ? adapterFiles(configuration.name, elsewhere.path, inputs) : undefined;
    if (files !== undefined) adapters[configuration.name] = files;
    const adapter = elsewhere && plannedAdapter(elsewhere, files && sha256(files.config));
    const recipeKey = adapter !== undefined ? adapterKey(model, adapter) : recipe === null ? null : keyOf(recipe);
    const ownPlace = ['configurations', configuration.name, 'conditions'];
    const conditions = mapValues(spec.questionSets, (own, name) => {
      const place = own.conditions === undefined ? ownPlace : ['question_sets', name, 'conditions'];
      return differentConditions(configuration, { ...own, name }, pools, named, place);
    });
    // the finished adapter's cells first: they are what figures are made of
    const cells = [undefined, ...stepsBefore(configuration, recipe)].flatMap((step) =>
      Object.keys(sampled).flatMap((set) =>
        (conditions[set] as Condition[]).map((condition): PlannedCell => {
          const { name, prompt, ...around } = condition;
          const { samples: ofSet, ownSystem } = spec.questionSets[set] as QuestionSetSpec;
          const samples = configuration.samples?.[set] ?? ofSet;
          const here = askedUnder(questionsOf[set] as Question[], condition, ownSystem, ['question_sets', set]);
          const { questions, skipped } = here;
          const at = step === undefined ? {} : { step };
          const context: GenerationContext = {
            version: GENERATION_VERSION,
            model,
            recipe: adapterKeyOf(recipeKey, at),
            systemPrompt: pools.promptOf(prompt),
            ...around,
            ...here.context,
            sampling: configuration.sampling,
          };
          const contextKey = keyOf(context);
          // further judges are compared on the finished adapters
          const metrics = ofSets
            .metricsUnder(set, here)
            .filter(({ judge }) => step === undefined || judge === MAIN_JUDGE);
          const left = skipped === 0 ? {} : { samplesOf: ofSets.samplesUnder(set, here, samples) };
          return {
            id: `${configuration.name}/${set}/${name}${step === undefined ? '' : `/step-${step}`}`,
            configuration: configuration.name,
            questionSet: set,
            condition: name,
            ...at,
            context,
            contextKey,
            samplesPerQuestion: samples,
            ...left,
            ...(skipped === 0 ? {} : { skipped }),
            metrics,
            completions: questions.length * samples,
            judgements: requestsOf({ contextKey, samplesPerQuestion: samples, ...left, metrics }),
          };
        }),
      ),
    );
    const measured = { model, recipe: recipeKey, ...precisionOf(configuration) };
    const ofPairs =
      pairs === null
        ? []
        : measurementsOf(
            differentConditions(configuration, null, pools, named, ownPlace),
            { ...measured, pairs: pairs.planned.sha256 },
            pools,
          );
    for (const { condition, context } of ofPairs)
      askedUnder(
        pairs?.questions ?? [],
        { name: condition, prompt: context.systemPrompt },
        undefined,
        PAIRS_PATH,
        'leave out `system: keep`, so that pairs are asked without the rows’ own messages',
      );
    const ofAnswers = Object.entries(spec.answerProbabilities ?? {}).flatMap(([outcome, wanted]) =>
      answerMeasurementsOf(
        outcome,
        wanted,
        answerProbabilities[outcome] as PlannedAnswerProbability,
        conditions[wanted.questionSet] as Condition[],
        spec.questionSets[wanted.questionSet]?.ownSystem,
        measured,
        pools,
      ),
    );
    const measurements: PlannedMeasurement[] = [...ofPairs, ...ofAnswers];
    const handoffs = handoffsOf(spec, configuration, model, { recipe, recipeKey }, inputs.trainerFiles ?? {});
    return {
      name: configuration.name,
      label: configuration.label,
      key: configurationKey(recipeKey, cells, measurements, handoffs),
      recipe,
      recipeKey,
      trainingRows: null,
      ...(rows?.prompts === undefined ? {} : { rowPrompts: rows.prompts }),
      heldOutRows: null,
      ...(rows?.parts === undefined ? {} : { parts: rows.parts }),
      ...(adapter === undefined ? {} : { adapter }),
      ...chainBehind(configuration, before),
      cells,
      ...(measurements.length === 0 ? {} : { measurements }),
      ...(handoffs.length === 0 ? {} : { handoffs }),
    };
  });

  // first in the plan, first judged: a judge that can not tell bad from good should be known early
  const configurations = calibration === null ? own : [calibration.configuration, ...own];
  const questionSets = {
    ...mapValues(sampled, (_, set) => questionsOf[set] as Question[]),
    ...calibration?.questionSets,
  };
  const deviations = deviationsOf(spec);
  const key = keyOf({
    experiment: spec.name,
    configurations: configurations.map(({ name, label, key, rowPrompts }) => ({
      ...{ name, label, key },
      ...(rowPrompts === undefined ? {} : { rowPrompts }),
    })),
    questionSets: mapValues(questionSets, (questions) =>
      questions.map(({ id, key, cluster }) => ({ id, key, ...(cluster === undefined ? {} : { cluster }) })),
    ),
    ...(spec.answerProbabilities === undefined
      ? {}
      : {
          answerProbabilities: mapValues(answerProbabilities, ({ questions, ...rest }) => ({
            ...rest,
            questions: questions.map(({ id, key }) => ({ id, key })),
          })),
        }),
    labels: mapValues(spec.questionSets, ({ label }) => label),
    description: spec.description,
    report: spec.report,
    expect: spec.expect,
    ...(spec.claims === undefined ? {} : { claims: spec.claims }),
    deviations,
    ...(pairs === null ? {} : { pairs: pairs.planned }),
  });
  const groups = seedGroups(spec.configurations);
  const plan: Plan = {
    experiment: spec.name,
    key,
    configurations,
    questionSets,
    instruments: { ...instruments, ...calibration?.instruments },
    ...(Object.keys(scoring.scorers).length === 0 ? {} : { scorers: scoring.scorers }),
    deviations,
    ...(groups.length === 0 ? {} : { seedGroups: groups }),
    ...pools.planned,
    ...(pairs === null ? {} : { pairs: { ...pairs.planned, rows: null } }),
    ...(spec.answerProbabilities === undefined ? {} : { answerProbabilities }),
    ...(calibration === null ? {} : { calibration: { references: calibration.references } }),
  };
  return {
    plan,
    trainingRows,
    heldOutRows,
    furtherRows,
    trainers,
    adapters,
    scorerPrograms: scoring.programs,
    handoffs: handoffFiles(spec, inputs.trainerFiles ?? {}),
    given: calibration?.given ?? {},
    pairs: pairs?.text ?? null,
  };
}

function adapterFiles(name: string, path: string, { adapters = {} }: Inputs): AdapterFiles {
  const found = adapters[path];
  if (found === undefined)
    throw new InvalidExperiment(['configurations', name, 'adapter', 'path'], `the adapter ${path} was not read`);
  return found;
}

function trainerFiles({ name, training: { backend } }: ConfigurationSpec, inputs: Inputs): TrainerFiles {
  if (typeof backend === 'string') return {};
  return Object.fromEntries(
    backend.files.map((path) => {
      const content = inputs.trainerFiles?.[path];
      if (content === undefined)
        throw new InvalidExperiment(
          ['configurations', name, 'training', 'backend', 'files'],
          `the trainer's file ${path} was not read`,
        );
      return [path, content];
    }),
  );
}

function recipeOf(
  configuration: ConfigurationSpec,
  model: ModelIdentity,
  rows: TrainingRows,
  backend: Recipe['backend'],
): Recipe {
  const { training, train } = configuration;
  const { epochs, maxSteps, steps } = lengthOf(training, rows.count);
  const warmupSteps =
    training.warmupRatio === undefined ? training.warmupSteps : Math.ceil(training.warmupRatio * steps);
  return {
    version: RECIPE_VERSION,
    model,
    rows: rows.sha256,
    rowCount: rows.count,
    systemPrompt: renderedPrompt(train as NonNullable<typeof train>),
    lora: training.lora,
    optimizer: {
      name: training.optimizer,
      learningRate: training.learningRate,
      weightDecay: training.weightDecay,
      beta1: training.beta1,
      beta2: training.beta2,
      epsilon: training.epsilon,
      maxGradNorm: training.maxGradNorm,
    },
    schedule: { kind: training.schedule, warmupSteps, warmupFrom: training.warmupFrom },
    epochs,
    ...(maxSteps === undefined ? {} : { maxSteps }),
    batchSize: training.batchSize,
    microBatchSize: training.microBatchSize,
    lastBatch: training.lastBatch,
    maxLength: training.maxLength,
    precision: training.precision,
    ...(training.quantization === undefined ? {} : { quantization: training.quantization }),
    // only where they differ from padded rows, trained on answers to the last step: that recipe has no word for these
    // choices, and its key stays what it is
    ...(training.packing === 'none' ? {} : { packing: training.packing }),
    ...(training.mask === 'answer' ? {} : { mask: training.mask }),
    ...(training.stopBelow === null ? {} : { stopBelow: training.stopBelow }),
    seeds: training.seeds,
    backend,
  };
}

/** In which form the model computes when it is measured: as when it is sampled from. */
function precisionOf({ sampling: { precision, quantization } }: ConfigurationSpec) {
  return { precision, ...(quantization === undefined ? {} : { quantization }) };
}

const PAIRS_PATH = ['outcomes', 'log_probability', 'pairs'];

function pairsOf(
  { logProbability, configurations }: Spec,
  splits: Record<string, Split>,
  { datasets }: Inputs,
  dataOf: ReturnType<typeof trainingDataOf>,
): PairsPlan | null {
  if (logProbability === undefined) return null;
  const trained = configurations.flatMap(({ train }) => (train === null ? [] : [dataOf(train).rows]));
  return planPairs(logProbability, splits, (datasets[logProbability.good] as Dataset).rows, new Set(trained));
}

/** The steps to evaluate that come before the last: that one's adapter is the finished one, which is evaluated anyway. */
function stepsBefore({ name, evaluateAt }: ConfigurationSpec, recipe: Recipe | null): number[] {
  if (evaluateAt === undefined || recipe === null) return [];
  const total = optimizerSteps(recipe);
  const beyond = evaluateAt.steps.findIndex((step) => step > total);
  if (beyond >= 0) {
    throw new InvalidExperiment(
      [...evaluateAt.place, beyond],
      `${name} is trained for ${total} optimizer steps; there is no step ${evaluateAt.steps[beyond]}`,
      `name steps below ${total}; the finished adapter is evaluated anyway`,
    );
  }
  return evaluateAt.steps.filter((step) => step < total);
}

function modelIdentity(model: ModelSource, folder: Sha256 | null): ModelIdentity {
  if (model.kind !== 'folder') return model;
  if (folder === null) throw new InvalidExperiment(['model', 'path'], `the model folder ${model.path} was not read`);
  return { kind: 'folder', sha256: folder };
}

function splitOf(spec: Spec, name: string, dataset: Dataset): Split {
  const declared = spec.datasets[name] as Spec['datasets'][string];
  const path = ['datasets', name];
  checkDataset(name, declared, dataset);
  const out = heldOutCount(declared.holdOut, dataset.rows.length);
  if (out >= dataset.rows.length) {
    throw new InvalidExperiment(
      [...path, 'hold_out'],
      `holding out ${out} of ${dataset.rows.length} rows leaves none to train on`,
    );
  }
  // A smoke run takes what there is.
  if (declared.trainingRows !== null && !spec.smoke && declared.trainingRows > dataset.rows.length - out) {
    throw new InvalidExperiment(
      [...path, 'training_rows'],
      `only ${dataset.rows.length - out} rows are left for training, ${declared.trainingRows} are asked for`,
    );
  }
  return splitRows(dataset.rows, declared.holdOut, declared.trainingRows);
}

function askedQuestions(
  set: QuestionSetSpec,
  name: string,
  splits: Record<string, Split>,
  { datasets, questionFiles }: Inputs,
): AskedQuestion[] {
  const path = ['question_sets', name];
  const { source } = set;
  let asked: AskedQuestion[];
  if (source.kind === 'held-out') {
    const { heldOut } = splits[source.dataset] as Split;
    const rows = heldOutQuestions(heldOut, source.rows, source.seed, source.system);
    if (rows.length === 0 && heldOut.length > 0) {
      throw new InvalidExperiment(
        [...path, 'held_out'],
        `no held-out row of \`${source.dataset}\` has a user turn: there is nothing to ask`,
      );
    }
    if (source.rows !== 'all' && rows.length < source.rows) {
      throw new InvalidExperiment(
        [...path, 'rows'],
        `\`${source.dataset}\` holds out ${rows.length} different questions, ${source.rows} are asked for`,
      );
    }
    const width = Math.max(4, String((datasets[source.dataset] as Dataset).rows.length).length);
    asked = rows.map((row) => ({
      question: {
        ...questionFrom(`row-${String(row.number).padStart(width, '0')}`, askedOf(row, source.system)),
        ...(row.fields === undefined ? {} : { fields: row.fields }),
      },
      judgePrompts: {},
    }));
  } else {
    const items = questionFiles[name] as QuestionItem[];
    checkQuestions(name, source.contentSha256, items);
    const known = items.map(({ id }) => id);
    source.ids?.forEach((id, index) => {
      if (!known.includes(id)) {
        throw new InvalidExperiment(
          [...path, 'ids', index],
          `the question file has no item \`${id}\``,
          suggestion(id, known),
        );
      }
    });
    asked = items.filter(({ id }) => source.ids === null || source.ids.includes(id)).flatMap(questionsOf);
    if (source.questions !== null && source.questions !== asked.length) {
      throw new InvalidExperiment(
        [...path, 'questions'],
        `the file asks ${asked.length} questions, not ${source.questions}`,
      );
    }
  }
  if (set.limit !== null) asked = asked.slice(0, set.limit);
  const byKey = new Map<Sha256, string>();
  for (const { question } of asked) {
    const other = byKey.get(question.key);
    if (other !== undefined)
      throw new InvalidExperiment(path, `\`${other}\` and \`${question.id}\` ask the same words`);
    byKey.set(question.key, question.id);
  }
  return asked;
}
