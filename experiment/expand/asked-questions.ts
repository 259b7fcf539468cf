/**
 * Which questions of a set are asked under a condition, and what becomes of those that bring a system message of their own.
 */
import { ownSystemOf } from '../asked';
import type { Condition } from '../conditions';
import type { Sha256 } from '../canonical';
import { InvalidExperiment, type Path } from '../issue';
import type { GenerationContext, PlannedMetric, Question } from '../plan';
import type { QuestionSetSpec } from '../spec';

export interface AskedUnder {
  questions: readonly Question[];
  /** Part of the context: what becomes of the questions' own system messages. */
  context: Pick<GenerationContext, 'ownSystem'>;
  /** Questions that are left out. */
  skipped: number;
}

const OWN_SYSTEM =
  'say with `own_system: only_default | prepend | replace` what to do, or ask the set under `conditions: [default]` only';

/** Throws `InvalidExperiment` where a question would get two system messages and nothing says what to do. */
export function askedUnder(
  questions: readonly Question[],
  { name, prompt }: { name: string; prompt: Pick<Condition['prompt'], 'kind'> },
  ownSystem: QuestionSetSpec['ownSystem'],
  path: Path,
  remedy = OWN_SYSTEM,
): AskedUnder {
  const all = { questions, context: {}, skipped: 0 };
  if (prompt.kind === 'default') return all;
  const own = questions.find(({ messages }) => ownSystemOf(messages) !== null);
  if (own === undefined) return all;
  switch (ownSystem) {
    case undefined:
      throw new InvalidExperiment(
        path,
        `the question \`${own.id}\` brings its own system message; the condition \`${name}\` would be a second one`,
        remedy,
      );
    case 'only_default': {
      const kept = questions.filter(({ messages }) => ownSystemOf(messages) === null);
      if (kept.length > 0) return { questions: kept, context: {}, skipped: questions.length - kept.length };
      throw new InvalidExperiment(
        [...path, 'own_system'],
        `every question brings its own system message, so none is asked under the condition \`${name}\``,
        'give the set `conditions: [default]`',
      );
    }
    case 'prepend':
      if (prompt.kind === 'none' || prompt.kind === 'empty') {
        throw new InvalidExperiment(
          [...path, 'own_system'],
          `the question \`${own.id}\` brings its own system message, and the condition \`${name}\` has no words to put before it`,
          'use `replace` or `only_default`, or give the set `conditions` of its own',
        );
      }
      return { ...all, context: { ownSystem } };
    case 'replace':
      return { ...all, context: { ownSystem } };
  }
}

/**
 * A set's metrics and its questions' samples as cells have them. Cells that leave questions out leave out the same ones, those with
 * a system message of their own, so they share one object: a plan has thousands of cells of hundreds of questions.
 */
export class AskedOfSets {
  private readonly metrics = new Map<string, PlannedMetric[]>();
  private readonly samples = new Map<string, Record<Sha256, number>>();

  constructor(private readonly metricsOf: (set: string) => PlannedMetric[]) {}

  metricsUnder(set: string, here: AskedUnder): PlannedMetric[] {
    const of = (): PlannedMetric[] => this.metricsOf(set).map((metric) => metricFor(metric, here));
    return here.skipped === 0 ? of() : remembered(this.metrics, set, of);
  }

  /** Question key -> number of its answers. */
  samplesUnder(set: string, { questions }: AskedUnder, samples: number): Record<Sha256, number> {
    return remembered(this.samples, `${set} ${samples}`, () =>
      Object.fromEntries(questions.map(({ key }) => [key, samples])),
    );
  }
}

function remembered<T>(known: Map<string, T>, key: string, make: () => T): T {
  const value = known.get(key) ?? make();
  known.set(key, value);
  return value;
}

/** A metric for those of its questions that are asked. */
export function metricFor(metric: PlannedMetric, { questions, skipped }: AskedUnder): PlannedMetric {
  if (skipped === 0) return metric;
  const { instrumentOf } = metric;
  const asked = questions.flatMap(({ key }): [string, string][] => {
    const instrument = instrumentOf[key];
    return instrument === undefined ? [] : [[key, instrument]];
  });
  return { ...metric, instrumentOf: Object.fromEntries(asked) };
}
