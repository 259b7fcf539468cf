/**
 * Which scorer scores which question: the metrics of an experiment that need no model.
 */
import type { TrainerFiles } from './backend-identity';
import { keyOf, sha256, type Sha256 } from '../canonical';
import { InvalidExperiment } from '../issue';
import { MAIN_JUDGE } from '../main-judge';
import type { PlannedMetric } from '../plan';
import type { AskedQuestion } from './questions';
import { acceptedAnswers, fieldsNamed, type Scorer, type ScorerMetricSpec } from '../scorers';
import type { Spec } from '../spec';
import { SCORER_VERSION } from './versions';

/** By the key of a scorer that is a command. */
export type ScorerPrograms = Record<Sha256, { files: TrainerFiles; timeoutSeconds: number }>;

export interface Scoring {
  scorers: Record<Sha256, Scorer>;
  programs: ScorerPrograms;
  /** The metrics of a question set, in the file's order. */
  metricsOf: (set: string) => PlannedMetric[];
}

/** `files`: at least those that commands name. Throws `InvalidExperiment` for a question without the field that is compared. */
export function scorersOf(
  { scorers: metrics = [] }: Pick<Spec, 'scorers'>,
  asked: Record<string, AskedQuestion[]>,
  files: TrainerFiles,
): Scoring {
  const scorers: Record<Sha256, Scorer> = {};
  const programs: ScorerPrograms = {};
  const bySet = new Map<string, PlannedMetric[]>();
  for (const [set, questions] of Object.entries(asked)) {
    const own = metrics.filter(({ questionSets }) => questionSets === null || questionSets.includes(set));
    const planned = own.map((metric): PlannedMetric => {
      const scorer: Scorer = {
        version: SCORER_VERSION,
        metric: metric.name,
        ...(metric.answerPart === undefined ? {} : { answerPart: metric.answerPart }),
        by: identityOf(metric, questions, files),
      };
      const key = keyOf(scorer);
      scorers[key] = scorer;
      if (metric.scorer.kind === 'command') {
        const { files: paths, timeoutSeconds } = metric.scorer;
        programs[key] = {
          files: Object.fromEntries(paths.map((path) => [path, fileAt(path, metric, files)])),
          timeoutSeconds,
        };
      }
      return {
        metric: metric.name,
        judge: MAIN_JUDGE,
        scorer: metric.scorer.kind,
        repeats: 1,
        instrumentOf: Object.fromEntries(questions.map(({ question }) => [question.key, key])),
      };
    });
    bySet.set(set, planned);
  }
  return { scorers, programs, metricsOf: (set) => bySet.get(set) ?? [] };
}

function identityOf(metric: ScorerMetricSpec, questions: readonly AskedQuestion[], files: TrainerFiles): Scorer['by'] {
  const { scorer } = metric;
  switch (scorer.kind) {
    case 'equals':
    case 'contains':
    case 'matches':
      return scorer;
    case 'equals_field':
      return { ...scorer, values: keyOf(valuesOf(metric, scorer.field, questions)) };
    case 'command': {
      const { kind, command, files: paths, fields } = scorer;
      return {
        kind,
        command,
        files: Object.fromEntries(paths.map((path) => [path, sha256(fileAt(path, metric, files))])),
        ...(fields === undefined ? {} : { fields, values: keyOf(givenOf(metric, fields, questions)) }),
      };
    }
  }
}

/** Question key -> what a command is given of it. Throws `InvalidExperiment` for a field that no question has. */
function givenOf(
  { name }: ScorerMetricSpec,
  fields: readonly string[],
  questions: readonly AskedQuestion[],
): Record<Sha256, Record<string, unknown>> {
  const known = new Set(questions.flatMap(({ question }) => Object.keys(question.fields ?? {})));
  fields.forEach((field, index) => {
    if (known.has(field)) return;
    throw new InvalidExperiment(
      ['metrics', name, 'scorer', 'fields', index],
      `no question has the field \`${field}\``,
      known.size === 0
        ? 'for held-out rows, keep their further keys: `fields: keep` in the dataset'
        : `they have ${[...known].join(', ')}`,
    );
  });
  return Object.fromEntries(questions.map(({ question }) => [question.key, fieldsNamed(question.fields, fields)]));
}

/** Question key -> the answers that its field accepts. */
function valuesOf(
  { name }: ScorerMetricSpec,
  field: string,
  questions: readonly AskedQuestion[],
): Record<Sha256, string[]> {
  return Object.fromEntries(
    questions.map(({ question }) => {
      const accepted = acceptedAnswers(question.fields, field);
      if (accepted !== null) return [question.key, [...accepted].sort()];
      const known = Object.keys(question.fields ?? {});
      throw new InvalidExperiment(
        ['metrics', name, 'scorer', 'equals_field'],
        `the question \`${question.id}\` has no text, number or list of them as \`${field}\``,
        known.length === 0
          ? 'for held-out rows, keep their further keys: `fields: keep` in the dataset'
          : `it has ${known.join(', ')}`,
      );
    }),
  );
}

function fileAt(path: string, { name }: ScorerMetricSpec, files: TrainerFiles): Uint8Array {
  const content = files[path];
  if (content !== undefined) return content;
  throw new InvalidExperiment(['metrics', name, 'scorer', 'files'], `the scorer's file ${path} was not read`);
}
