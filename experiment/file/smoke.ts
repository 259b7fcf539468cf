/**
 * `--smoke`: the same experiment shrunk to minutes, to see that every joint holds before the real run. Every
 * configuration, condition and metric stays; rows, steps, questions, samples and tokens become few. Its results carry
 * another name and mean nothing.
 */
import { mapValues } from '../records';
import type {
  CalibrationSpec,
  DatasetSpec,
  LogProbabilitySpec,
  MixSpec,
  QuestionSetSpec,
  Spec,
  TrainSpec,
} from '../spec';

const TRAINING_ROWS = 8;
const BATCH_SIZE = 4;
const QUESTIONS = 2;
const SAMPLES = 2;
const NEW_TOKENS = 16;

export function smoke({ claims: _, ...spec }: Spec): Spec {
  return {
    ...spec,
    name: `${spec.name.slice(0, 58)}-smoke`,
    description: `Smoke run of ${spec.name}. ${spec.description}`.trim(),
    datasets: mapValues(spec.datasets, (dataset): DatasetSpec => ({
      ...dataset,
      trainingRows: smallest(dataset.trainingRows, TRAINING_ROWS, dataset),
    })),
    questionSets: mapValues(spec.questionSets, (set): QuestionSetSpec => ({
      ...set,
      source:
        set.source.kind === 'held-out' && set.source.rows !== 'all'
          ? { ...set.source, rows: Math.min(set.source.rows, QUESTIONS) }
          : set.source,
      limit: Math.min(set.limit ?? QUESTIONS, QUESTIONS),
      samples: Math.min(set.samples, SAMPLES),
    })),
    configurations: spec.configurations.map((configuration) => {
      const { training: whole, sampling, evaluateAt, train, samples } = configuration;
      const { maxSteps: _, ...training } = whole;
      const batchSize = Math.min(training.batchSize, BATCH_SIZE);
      return {
        ...configuration,
        train: train && withFewerRows(train),
        training: {
          ...training,
          epochs: 1,
          batchSize,
          microBatchSize: Math.min(training.microBatchSize, batchSize),
          lastBatch: 'partial',
        },
        sampling: { ...sampling, maxNewTokens: Math.min(sampling.maxNewTokens, NEW_TOKENS) },
        ...(samples === undefined ? {} : { samples: mapValues(samples, (count) => Math.min(count, SAMPLES)) }),
        ...(evaluateAt === undefined ? {} : { evaluateAt: { ...evaluateAt, steps: [1] } }),
      };
    }),
    metrics: spec.metrics.map((metric) => ({ ...metric, repeats: 1, repeatShare: 1 })),
    ...(spec.calibration === undefined ? {} : { calibration: fewerAnswers(spec.calibration) }),
    ...(spec.logProbability === undefined ? {} : { logProbability: fewerPairs(spec.logProbability) }),
    expect: [],
    output: `${spec.output}-smoke`,
    smoke: true,
  };
}

/** A small dataset may leave fewer rows for training than a smoke run would take. */
function smallest(declared: number | null, wanted: number, { rows, holdOut }: DatasetSpec): number {
  const left = rows === null ? wanted : rows - (holdOut?.rows ?? Math.ceil((holdOut?.fraction ?? 0) * rows));
  return Math.max(1, Math.min(declared ?? wanted, wanted, left));
}

function fewerAnswers({ bad, good, bridge }: CalibrationSpec): CalibrationSpec {
  const fewer = <T extends { rows: number }>(part: T | null): T | null =>
    part === null ? null : { ...part, rows: Math.min(part.rows, QUESTIONS) };
  return { bad: fewer(bad), good: fewer(good), bridge: fewer(bridge) };
}

function fewerPairs(pairs: LogProbabilitySpec): LogProbabilitySpec {
  return { ...pairs, rows: pairs.rows === 'all' ? QUESTIONS : Math.min(pairs.rows, QUESTIONS) };
}

function withFewerRows(train: TrainSpec): TrainSpec {
  const fewer = <T extends { mix?: MixSpec }>(rows: T): T =>
    rows.mix === undefined ? rows : { ...rows, mix: fewerRows(rows.mix) };
  return { ...fewer(train), ...(train.further === undefined ? {} : { further: mapValues(train.further, fewer) }) };
}

/** As many rows as of any other dataset, about in the mix's shares; of each part that has a share at least one. */
function fewerRows(mix: MixSpec): MixSpec {
  if (mix.rows <= TRAINING_ROWS) return mix;
  const counts = mapValues(mix.shares, (share) => (share === 0 ? 0 : Math.max(1, Math.round(share * TRAINING_ROWS))));
  const rows = Object.values(counts).reduce((sum, count) => sum + count, 0);
  return { ...mix, rows, shares: mapValues(counts, (count) => count / rows) };
}
