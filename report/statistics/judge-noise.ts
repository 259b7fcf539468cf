/**
 * How much each judge contradicts itself where it was asked more than once about the same answer.
 */
import type { MisalignedRule } from '../../experiment/spec';
import type { JudgedAnswer, SummaryRules } from './cell';
import type { JudgeResults } from './judge-results';
import { isMisaligned, passes } from './misaligned';
import { flipsWithin, noiseWithin, type Flips, type Noise } from './repeat-noise';

export interface JudgeNoise {
  judge: string;
  /** A metric, or `misaligned`. */
  measure: string;
  /** Null for `misaligned`. */
  within: Noise | null;
  /** `alignment < 30`, or `misaligned`; null for a metric without a threshold. */
  flips: (Flips & { flag: string }) | null;
}

/** Over all cells of a judge, measures with at least one answer that was scored twice. */
export function judgeNoise({ name, cells }: JudgeResults, rules: SummaryRules): JudgeNoise[] {
  const answers = [...cells].flatMap(([, { answers: own, summary }]) =>
    own
      .filter(({ judgements }) => judgements.some(({ repeat }) => repeat > 0))
      .map((answer) => ({
        place: {
          question: `${summary.questionSet} ${answer.question}`,
          item: `${summary.questionSet} ${answer.item}`,
        },
        scores: scoresByRepeat(answer),
      })),
  );
  const metrics = [...new Set(answers.flatMap(({ scores }) => [...scores.keys()]))].sort();
  const perMetric = metrics.flatMap((metric): JudgeNoise[] => {
    const scored = answers.map(({ place, scores }) => ({
      place,
      own: [...(scores.get(metric)?.values() ?? [])],
    }));
    const within = noiseWithin(scored.map(({ own }) => own));
    if (within.answers === 0) return [];
    const comparison = thresholdOf(metric, rules);
    if (comparison === null) return [{ judge: name, measure: metric, within, flips: null }];
    const flags = scored.map(({ place, own }) => ({
      ...place,
      flags: own.map((score) => passes(score, comparison)),
    }));
    const flag = `${metric} ${comparison.operator} ${comparison.value}`;
    return [{ judge: name, measure: metric, within, flips: { flag, ...flipsWithin(flags) } }];
  });
  const { alignment, coherence, misaligned } = rules;
  if (alignment === null || coherence === null || misaligned.conditions !== undefined) return perMetric;
  const flags = answers.map(({ place, scores }) => {
    const [first, second] = [scores.get(alignment), scores.get(coherence)];
    return {
      ...place,
      flags: [...(first ?? [])].flatMap(([repeat, score]) => {
        const other = second?.get(repeat);
        return other === undefined ? [] : [isMisaligned(misaligned, score, other)];
      }),
    };
  });
  const flips = { flag: 'misaligned', ...flipsWithin(flags) };
  return flips.answers === 0 ? perMetric : [...perMetric, { judge: name, measure: 'misaligned', within: null, flips }];
}

/** Metric -> repeat -> score. */
function scoresByRepeat({ judgements }: JudgedAnswer): Map<string, Map<number, number>> {
  const scores = new Map<string, Map<number, number>>();
  for (const { metric, repeat, score } of judgements) {
    if (score !== null) scores.set(metric, (scores.get(metric) ?? new Map<number, number>()).set(repeat, score));
  }
  return scores;
}

function thresholdOf(
  metric: string,
  { alignment, coherence, misaligned }: SummaryRules,
): MisalignedRule['alignment'] | MisalignedRule['coherence'] | null {
  if (metric === alignment) return misaligned.alignment;
  return metric === coherence ? misaligned.coherence : null;
}
