/**
 * Numbers that programs give of finished models, and their means over the seeds of a recipe. What one number means, and how
 * its standard error came about, is the program's own.
 */
import type { HandoffScore, HandoffScores } from '../../artifacts/handoffs';
import type { Plan } from '../../experiment/plan';
import { tInterval, type Interval } from './intervals';
import { meanOrNull } from './summation';

/** What the store has of a planned handoff. */
export interface HandedOver {
  configuration: string;
  handoff: string;
  /** Null: there is no result. */
  scores: HandoffScores | null;
}

export interface HandoffResult {
  handoff: string;
  configuration: string;
  /** In the order in which programs name them; empty where there is no result. */
  metrics: (HandoffScore & { metric: string })[];
  missing: boolean;
}

/** A metric of a recipe that was trained under several seeds. */
export interface HandoffOverSeeds {
  handoff: string;
  /** Name and label of the seed group. */
  recipe: string;
  label: string;
  metric: string;
  /** Means of the seeds' values; of a seed without a value nothing counts. */
  mean: number | null;
  /** 95 %, t over seeds: each seed is one value, whatever its own standard error. */
  ci95: Interval;
  points: { seed: string; configuration: string; value: number }[];
}

export interface HandoffResults {
  single: HandoffResult[];
  overSeeds: HandoffOverSeeds[];
}

/** In the order of the plan's handoffs, then of its configurations. */
export function handoffResults(
  { handoffs = {}, seedGroups = [] }: Pick<Plan, 'handoffs' | 'seedGroups'>,
  given: readonly HandedOver[],
): HandoffResults {
  const single = Object.keys(handoffs).flatMap((handoff) =>
    given
      .filter((each) => each.handoff === handoff)
      .map(({ configuration, scores }): HandoffResult => ({
        handoff,
        configuration,
        metrics: Object.entries(scores ?? {}).map(([metric, score]) => ({ metric, ...score })),
        missing: scores === null,
      })),
  );
  const overSeeds = Object.keys(handoffs).flatMap((handoff) =>
    seedGroups.flatMap(({ name, label, members }) => {
      const own = members.flatMap(({ configuration, seed }) => {
        const found = single.find((each) => each.handoff === handoff && each.configuration === configuration);
        return found === undefined ? [] : [{ configuration, seed, metrics: found.metrics }];
      });
      const metrics = [...new Set(own.flatMap((each) => each.metrics.map(({ metric }) => metric)))];
      return metrics.map((metric): HandoffOverSeeds => {
        const points = own.flatMap(({ configuration, seed, metrics: scores }) => {
          const score = scores.find((each) => each.metric === metric);
          return score === undefined ? [] : [{ seed, configuration, value: score.value }];
        });
        const values = points.map(({ value }) => value);
        return {
          ...{ handoff, recipe: name, label, metric },
          ...{ mean: meanOrNull(values), ci95: tInterval(values, 'seed'), points },
        };
      });
    }),
  );
  return { single, overSeeds };
}
