/**
 * Which rubric judges which question: a metric's own text, the text that a question brings along, or another question
 * file's for questions that bring none (held-out rows).
 */
import { keyOf, sha256, type Sha256 } from './canonical';
import { InvalidExperiment, suggestion, type Path } from './issue';
import type { Instrument, PlannedMetric } from './plan';
import type { AskedQuestion } from './questions';
import type { MetricSpec, Spec } from './spec';
import { INSTRUMENT_VERSION } from './versions';

export interface Instruments {
  instruments: Record<Sha256, Instrument>;
  /** The metrics of a question set, in the file's order. */
  metricsOf: (set: string) => PlannedMetric[];
}

/** `asked`: the questions of each set. Throws `InvalidExperiment` for a missing, ambiguous or unpinned-for rubric. */
export function instrumentsOf(spec: Spec, asked: Record<string, AskedQuestion[]>): Instruments {
  const instruments: Record<Sha256, Instrument> = {};
  const bySet: Record<string, PlannedMetric[]> = {};
  for (const [set, questions] of Object.entries(asked)) {
    bySet[set] = spec.metrics
      .filter(({ questionSets }) => questionSets === null || questionSets.includes(set))
      .map((metric) => {
        const instrumentOf: Record<Sha256, Sha256> = {};
        const keys = new Map<string, Sha256>();
        for (const { question, judgePrompts } of questions) {
          const rubric = rubricFor(metric, judgePrompts, question.id, asked);
          let key = keys.get(rubric);
          if (key === undefined) {
            const instrument = instrumentFor(spec, metric, rubric);
            key = keyOf(instrument);
            keys.set(rubric, key);
            instruments[key] = instrument;
          }
          instrumentOf[question.key] = key;
        }
        return { metric: metric.name, repeats: metric.repeats, instrumentOf };
      });
  }
  return { instruments, metricsOf: (set) => bySet[set] as PlannedMetric[] };
}

function instrumentFor({ judge }: Spec, metric: MetricSpec, rubric: string): Instrument {
  return {
    version: INSTRUMENT_VERSION,
    judge: judge.kind,
    model: judge.model,
    metric: metric.name,
    rubric,
    verdicts:
      metric.verdicts ?? (['CODE', 'REFUSAL'] as const).filter((word) => new RegExp(`\\b${word}\\b`).test(rubric)),
    maxTokens: judge.maxTokens,
    temperature: judge.temperature,
    apiVersion: judge.apiVersion,
  };
}

function rubricFor(
  { name, rubric }: MetricSpec,
  own: Record<string, string>,
  question: string,
  asked: Record<string, AskedQuestion[]>,
): string {
  const path: Path = ['metrics', name, 'rubric'];
  const text = rubric.kind === 'text' ? rubric.text : named(rubric, own, question, asked, path);
  if (rubric.sha256 !== null && !rubric.sha256.includes(sha256(text))) {
    throw new InvalidExperiment(
      [...path, 'sha256'],
      `the rubric of \`${name}\` has SHA-256 ${sha256(text)}, pinned is ${rubric.sha256.join(' or ')}`,
      'these are other words than the file asks for, and scores would not be comparable',
    );
  }
  return text;
}

function named(
  rubric: Extract<MetricSpec['rubric'], { kind: 'prompt' }>,
  own: Record<string, string>,
  question: string,
  asked: Record<string, AskedQuestion[]>,
  path: Path,
): string {
  const text = own[rubric.prompt] ?? borrowed(rubric.prompt, rubric.questionSet, asked, path);
  if (text === undefined) {
    throw new InvalidExperiment(
      path,
      `the question \`${question}\` has no rubric \`${rubric.prompt}\``,
      suggestion(rubric.prompt, Object.keys(own)),
    );
  }
  return text;
}

/** The one text that all questions of a file share; several would be a silent choice. */
function borrowed(
  prompt: string,
  set: string | null,
  asked: Record<string, AskedQuestion[]>,
  path: Path,
): string | undefined {
  if (set === null) return undefined;
  const texts = new Set(
    (asked[set] ?? []).map(({ judgePrompts }) => judgePrompts[prompt]).filter((text) => text !== undefined),
  );
  if (texts.size > 1) {
    throw new InvalidExperiment(
      [...path, 'question_set'],
      `the questions of \`${set}\` have ${texts.size} different rubrics \`${prompt}\`: none can stand for questions without one`,
      'write the rubric as text',
    );
  }
  return [...texts][0];
}
