/**
 * How much work an experiment is; also before its inputs are there, from what its file declares.
 */
import type { TrainerFiles } from './backend-identity';
import type { PublishedAnswer } from './calibration';
import { canonicalJson, keyOf } from '../canonical';
import { conditionsOf } from '../conditions';
import { datasetOf, canonicalRow, type Dataset, type DatasetRow } from './dataset';
import { judgeFolders } from '../local-judges';
import { expand, type Inputs } from './expand';
import { heldOutCount } from './holdout';
import { instrumentsOf } from './instruments';
import { mixCounts } from './mix';
import type { Instrument, Plan, PlannedCell } from '../plan';
import { questionFrom, type QuestionItem } from './questions';
import { mapValues } from '../records';
import { isUniform, requestCounter } from '../requests';
import { samplesOf } from '../shards';
import { checkQuestionCount } from './size';
import type { ScorerSpec } from '../scorers';
import type { ConfigurationSpec, MetricSpec, RowWhere, Spec } from '../spec';

export interface PlanCounts {
  configurations: number;
  cells: number;
  /** Distinct pieces of work: configurations that share a fine-tune count it once. */
  fineTunes: number;
  completions: number;
  /** Requests to the judges; a combined one counts once. */
  judgements: number;
  /** Of pairs one for each model and prompt condition, of answers one for each outcome besides; absent where nothing is measured. */
  measurements?: number;
  /** Models that are handed over, by the name of the handoff; absent where nothing is. */
  handoffs?: Record<string, number>;
}

export function countsOf({ configurations, pairs, answerProbabilities }: Plan): PlanCounts {
  const measured = configurations.flatMap(({ measurements = [] }) => measurements);
  const cells = configurations.flatMap((configuration) => configuration.cells);
  const contexts = new Map<string, PlannedCell[]>();
  for (const cell of cells) contexts.set(cell.contextKey, [...(contexts.get(cell.contextKey) ?? []), cell]);
  const total = { completions: 0, judgements: 0 };
  // a grid asks the same in every context: what comes of that is counted once
  const known = new Map<string, typeof total>();
  const numbers = new Map<object, number>();
  for (const own of contexts.values()) {
    const slot = own.every(isPlain) ? slotOf(own, numbers) : null;
    const counted = (slot === null ? undefined : known.get(slot)) ?? countContext(own);
    if (slot !== null) known.set(slot, counted);
    total.completions += counted.completions;
    total.judgements += counted.judgements;
  }
  return {
    configurations: configurations.length,
    cells: cells.length,
    fineTunes: new Set(configurations.flatMap(({ recipe, recipeKey }) => (recipe && recipeKey) ?? [])).size,
    ...total,
    ...((pairs ?? answerProbabilities) && { measurements: new Set(measured.map(({ key }) => key)).size }),
    ...countHandoffs(configurations),
  };
}

/** Whether the context itself has no part in how much is asked. */
function isPlain({ samplesOf: own, metrics }: PlannedCell): boolean {
  return own === undefined && metrics.every(isUniform);
}

/** What decides how much cells of one context ask. */
function slotOf(cells: readonly PlannedCell[], numbers: Map<object, number>): string {
  const numberOf = (value: object): number => {
    const number = numbers.get(value) ?? numbers.size;
    numbers.set(value, number);
    return number;
  };
  return JSON.stringify(
    cells.map(({ questionSet, samplesPerQuestion, completions, metrics }) => [
      ...[questionSet, samplesPerQuestion, completions],
      ...metrics.map(numberOf),
    ]),
  );
}

/** Distinct completions and judgements of the cells of a context. */
function countContext(cells: readonly PlannedCell[]): { completions: number; judgements: number } {
  const completions: Counted = new Map();
  const judgements: Counted = new Map();
  for (const cell of cells) {
    const { contextKey, metrics } = cell;
    // A set without metrics would be no cell to judge; its questions are those of any of its metrics.
    for (const metric of metrics) {
      const requests = requestCounter(metric);
      for (const [question, instrument] of Object.entries(metric.instrumentOf)) {
        raise(completions, contextKey, question, samplesOf(cell, question));
        raise(judgements, `${contextKey} ${instrument}`, question, requests(cell, question));
      }
    }
    if (metrics.length === 0) raise(completions, contextKey, cell.questionSet, cell.completions);
  }
  return { completions: sum(completions), judgements: sum(judgements) };
}

function countHandoffs(configurations: Plan['configurations']): Pick<PlanCounts, 'handoffs'> {
  const keys = new Map<string, Set<string>>();
  for (const { handoff, key } of configurations.flatMap(({ handoffs = [] }) => handoffs))
    keys.set(handoff, (keys.get(handoff) ?? new Set()).add(key));
  if (keys.size === 0) return {};
  return { handoffs: Object.fromEntries([...keys].map(([name, own]) => [name, own.size])) };
}

type Counted = Map<string, Map<string, number>>;

function raise(counted: Counted, context: string, question: string, value: number): void {
  const counts = counted.get(context) ?? new Map<string, number>();
  counted.set(context, counts);
  counts.set(question, Math.max(counts.get(question) ?? 0, value));
}

function sum(counted: Counted): number {
  let total = 0;
  for (const counts of counted.values()) for (const value of counts.values()) total += value;
  return total;
}

/**
 * Counts by what the file declares (`rows`, `ids`, `questions`), without any input. `undeclared` names the inputs whose
 * size the file does not say; their questions are missing from the counts.
 */
export function planCounts(spec: Spec, known: Partial<Inputs> = {}): { counts: PlanCounts; undeclared: string[] } {
  const { inputs, undeclared } = provisionalInputs(spec, known);
  const { plan } = expand(
    {
      ...withoutUnknown(spec, known),
      // Which words judge does not change how many verdicts there are.
      metrics: spec.metrics.map((metric) => ({ ...metric, rubric: ANY_RUBRIC })),
      // nor does the scorer, which may need fields of questions that are not there
      ...(spec.scorers === undefined ? {} : { scorers: spec.scorers.map((each) => ({ ...each, scorer: ANY_SCORER })) }),
    },
    inputs,
  );
  const counts = countsOf(plan);
  const ofPairs = spec.logProbability && { measurements: (counts.measurements ?? 0) + countMeasurements(spec, plan) };
  return { counts: { ...counts, ...ofPairs }, undeclared };
}

/**
 * Instruments whose rubrics the file itself or known questions hold. Throws `InvalidExperiment` for what a part of the inputs shows
 * already: a mix with too few rows, a condition that fits none of the rows, questions without the rubric that a metric names.
 * Whatever concerns an input that is not among `known` passes.
 */
export function checkKnown(spec: Spec, known: Partial<Inputs>): Instrument[] {
  const isKnown = (set: string): boolean =>
    spec.questionSets[set]?.source.kind !== 'file' || known.questionFiles?.[set] !== undefined;
  const asked = (sets: readonly string[] | null): readonly string[] => sets ?? Object.keys(spec.questionSets);
  const areKnown = ({ rubric, questionSets }: MetricSpec): boolean => {
    if (rubric.kind !== 'prompt') return true;
    const shared = rubric.questionSet === null ? [] : [rubric.questionSet];
    return [...asked(questionSets), ...shared].every(isKnown);
  };
  const { inputs } = provisionalInputs(spec, known);
  const { plan } = expand(
    {
      ...withoutUnknown(spec, known),
      metrics: spec.metrics.map((metric) => (areKnown(metric) ? metric : { ...metric, rubric: ANY_RUBRIC })),
      ...(spec.scorers === undefined
        ? {}
        : {
            scorers: spec.scorers.map((each) =>
              known.trainerFiles !== undefined && asked(each.questionSets).every(isKnown)
                ? each
                : { ...each, scorer: ANY_SCORER },
            ),
          }),
    },
    inputs,
  );
  const unread = spec.metrics.filter((metric) => !areKnown(metric)).map(({ name }) => name);
  const ofQuestions = Object.values(plan.instruments).filter(({ metric }) => !unread.includes(metric));
  return [...writtenInstruments(spec, inputs), ...ofQuestions];
}

/** Those of rubrics in the file, which do not depend on the questions: of questions that are not known there may be none. */
function writtenInstruments(spec: Spec, { judgeFolders: folders }: Inputs): Instrument[] {
  const written = { ...spec, metrics: spec.metrics.filter(({ rubric }) => rubric.kind !== 'prompt') };
  const question = { question: questionFrom('any', [{ role: 'user', content: 'any' }]), judgePrompts: {} };
  const { instruments } = instrumentsOf(
    written,
    mapValues(spec.questionSets, () => [question]),
    folders,
  );
  return Object.values(instruments);
}

const ANY_RUBRIC: MetricSpec['rubric'] = { kind: 'text', text: '{question} {answer}', sha256: null };
const ANY_SCORER: ScorerSpec = { kind: 'equals', words: ['any'], ignore: [] };

/** The spec without what only inputs that are not `known` could fulfil: their pins, the pairs, how large pools are. */
function withoutUnknown(spec: Spec, known: Partial<Inputs>): Spec {
  // which rows are pairs is known only from both datasets' words, how often they are measured without them
  const { logProbability: _, ...rest } = spec;
  return {
    ...rest,
    datasets: mapValues(spec.datasets, (dataset, name) =>
      known.datasets?.[name] === undefined ? { ...dataset, contentSha256: null } : dataset,
    ),
    questionSets: mapValues(spec.questionSets, (set, name) =>
      set.source.kind === 'file' && known.questionFiles?.[name] === undefined
        ? { ...set, source: { ...set.source, contentSha256: null } }
        : set,
    ),
    configurations: spec.configurations.map((configuration) => withoutUnread(configuration, spec, known)),
  };
}

/** How large a pool is, is known only once it was read. */
function withoutUnread(
  configuration: ConfigurationSpec,
  { pools = {} }: Spec,
  known: Partial<Inputs>,
): ConfigurationSpec {
  const { train } = configuration;
  if (train?.systemPrompt.kind !== 'pool') return configuration;
  const { systemPrompt } = train;
  if (pools[systemPrompt.pool]?.source.kind === 'inline' || known.pools?.[systemPrompt.pool] !== undefined)
    return configuration;
  return { ...configuration, train: { ...train, systemPrompt: { ...systemPrompt, repeat: 'allow' } } };
}

/** Counts the measurements of the pairs of a plan that was made without them. */
function countMeasurements({ configurations }: Spec, plan: Plan): number {
  const recipes = new Map(plan.configurations.map(({ name, recipeKey }) => [name, recipeKey]));
  const measured = configurations.flatMap((configuration) => {
    const { name, model, sampling } = configuration;
    return conditionsOf(configuration).map(({ prompt, user }) =>
      keyOf({ model, recipe: recipes.get(name), prompt, user, precision: sampling.precision }),
    );
  });
  return new Set(measured).size;
}

/** Stand-ins of the declared size for what is missing. Only good for counting: keys made of them mean nothing. */
function provisionalInputs(spec: Spec, known: Partial<Inputs>): { inputs: Inputs; undeclared: string[] } {
  const undeclared: string[] = [];
  const datasets: Record<string, Dataset> = {};
  for (const [name, dataset] of Object.entries(spec.datasets)) {
    const content = known.datasets?.[name];
    datasets[name] = content ?? placeholderRows(name, dataset.rows ?? enoughRows(spec, name), wheresOf(spec, name));
    const counted = Object.values(spec.questionSets).some(
      ({ source }) => source.kind === 'held-out' && source.dataset === name && source.rows === 'all',
    );
    if (content === undefined && dataset.rows === null && counted && dataset.holdOut?.rows == null)
      undeclared.push(name);
  }
  const questionFiles: Record<string, QuestionItem[]> = {};
  let declared = 0;
  for (const [name, { source, limit }] of Object.entries(spec.questionSets)) {
    if (source.kind !== 'file') continue;
    const content = known.questionFiles?.[name];
    if (content !== undefined) {
      questionFiles[name] = content;
      continue;
    }
    const size = source.questions ?? source.ids?.length ?? limit;
    if (size === null) undeclared.push(name);
    checkQuestionCount((declared += size ?? 0));
    // One item may stand for several paraphrases: the declared number of questions goes first.
    const ids = source.ids ?? ['every'];
    const perItem = (index: number): number => (index === 0 ? (size ?? 0) - (ids.length - 1) : 1);
    questionFiles[name] = ids.map((id, index) => ({
      id,
      system: null,
      paraphrases: Array.from({ length: Math.max(0, perItem(index)) }, (_, number) => `${name} ${id} ${number}`),
      judgePrompts: {},
    }));
  }
  const publishedAnswers = known.publishedAnswers ?? placeholderAnswers(spec.calibration?.bridge?.rows ?? 0);
  const modelFolder = known.modelFolder ?? '0'.repeat(64);
  const trainerFiles = { ...placeholderFiles(spec), ...known.trainerFiles };
  const unread = Object.entries(spec.pools ?? {}).filter(([, { source }]) => source.kind !== 'inline');
  const pools = { ...Object.fromEntries(unread.map(([id]) => [id, [`a prompt of ${id}`]])), ...known.pools };
  const adapters = { ...placeholderAdapters(spec), ...known.adapters };
  const read = { datasets, questionFiles, modelFolder, publishedAnswers, trainerFiles, pools, adapters };
  const unhashed = judgeFolders(spec).map(({ path }): [string, string] => [path, '0'.repeat(64)]);
  const folders = { judgeFolders: { ...Object.fromEntries(unhashed), ...known.judgeFolders } };
  const placeholders = Object.keys(datasets).filter((name) => known.datasets?.[name] === undefined);
  return { inputs: { ...read, ...folders, placeholders }, undeclared };
}

function placeholderAdapters({ configurations }: Spec): NonNullable<Inputs['adapters']> {
  const nothing = { weights: new Uint8Array(), config: new Uint8Array() };
  return Object.fromEntries(
    configurations.flatMap(({ adapter }) => (adapter?.kind === 'folder' ? [[adapter.path, nothing]] : [])),
  );
}

function placeholderFiles({ configurations, handoffs = [] }: Spec): TrainerFiles {
  const programs = [...configurations.map(({ training }) => training.backend), ...handoffs];
  const paths = programs.flatMap((program) => (typeof program === 'string' ? [] : program.files));
  return Object.fromEntries(paths.map((path) => [path, new Uint8Array()]));
}

/** Which rows of a dataset configurations prompt. */
function wheresOf({ configurations }: Spec, name: string): RowWhere[] {
  const found = configurations.flatMap(({ train }): RowWhere[] => {
    const where = train?.dataset === name ? train.rows?.where : undefined;
    return where === undefined ? [] : [where];
  });
  return [...new Map(found.map((where) => [canonicalJson(where), where])).values()];
}

/** Each of `wheres` fits some of them, and none fits others. */
function placeholderRows(name: string, count: number, wheres: readonly RowWhere[]): Dataset {
  return datasetOf(
    Array.from({ length: count }, (_, index) => ({
      ...canonicalRow([
        { role: 'user', content: `${name} question ${index}` },
        { role: 'assistant', content: `${name} answer ${index}` },
      ]),
      ...keysOf(wheres[index % (wheres.length + 1)]),
    })),
  );
}

function keysOf(where: RowWhere | undefined): Pick<DatasetRow, 'part' | 'fields'> {
  if (where === undefined) return {};
  const { part, ...fields } = mapValues(where, (wanted) => (Array.isArray(wanted) ? wanted[0] : wanted.contains));
  return { fields, ...(typeof part === 'string' ? { part } : {}) };
}

function placeholderAnswers(rows: number): PublishedAnswer[] {
  return Array.from({ length: rows }, (_, index) => ({
    question: `published question ${index}`,
    id: null,
    answer: `published answer ${index}`,
    reference: {},
  }));
}

/** The fewest rows that satisfy everything the file asks of a dataset of unknown size. */
function enoughRows(spec: Spec, name: string): number {
  const { holdOut, trainingRows } = spec.datasets[name] as Spec['datasets'][string];
  const batches = spec.configurations.map(({ training }) => training.batchSize);
  const asked = Object.values(spec.questionSets).flatMap(({ source }) =>
    source.kind === 'held-out' && source.dataset === name && source.rows !== 'all' ? [source.rows] : [],
  );
  for (const side of [spec.calibration?.bad, spec.calibration?.good]) if (side?.dataset === name) asked.push(side.rows);
  const trained = spec.configurations.flatMap(({ train }) =>
    train === null ? [] : [train, ...Object.values(train.further ?? {})],
  );
  const mixed = trained.map(({ mix }) =>
    mix?.shares[name] === undefined ? 0 : (mixCounts(mix, (part) => part)[name] as number),
  );
  const training = Math.max(
    1,
    ...[trainingRows ?? 1, ...batches, ...spec.configurations.map(rowsToLastStep(name)), ...mixed],
  );
  let rows = training;
  while (rows - heldOutCount(holdOut, rows) < training || heldOutCount(holdOut, rows) < Math.max(0, ...asked)) {
    if (holdOut?.rows != null && holdOut.rows < Math.max(0, ...asked)) break;
    rows += Math.ceil(rows / 16);
  }
  return rows;
}

/** Training rows with which a configuration reaches the last step that it is evaluated at. */
function rowsToLastStep(dataset: string): (configuration: Spec['configurations'][number]) => number {
  return ({ train, evaluateAt, training: { epochs, maxSteps, batchSize } }) =>
    // where `max_steps` is given, any number of rows reaches it
    train?.dataset === dataset && maxSteps === undefined
      ? Math.ceil((evaluateAt?.steps.at(-1) ?? 0) / epochs) * batchSize
      : 0;
}
