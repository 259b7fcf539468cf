/**
 * Whether a judge can be trusted with an experiment: its scores of answers whose quality is known beforehand. Answers that
 * are known to be bad give the floor, good ones the ceiling, and answers with published scores the bridge to these.
 */
import type { CalibrationSet, JudgeCalibration } from '../report-input';
import { spearman } from './ranks';
import { separation, type ScoreOfItem, type Separation } from './separation';
import { tInterval, type Interval } from './intervals';
import { mean, sd } from './summation';

/** Below this AUC a judge does not tell good from bad well enough, and what rests on its scores says so. */
export const LEAST_AUC = 0.9;

export interface MetricCalibration {
  judge: string;
  metric: string;
  /** Null: no such answers were given. */
  floor: SetScores | null;
  ceiling: SetScores | null;
  /** How far good answers score above bad ones; null unless both are given. */
  separation: Separation | null;
  /**
   * Whether the AUC reaches 0.9; `unknown` when one of the sets has no score. Null for a metric in which bad and good need
   * not differ, such as coherence.
   */
  outcome: 'passed' | 'failed' | 'unknown' | null;
  bridge: Bridge | null;
}

export interface SetScores {
  /** Scored answers, and those without a score. */
  n: number;
  unscored: number;
  mean: number | null;
  sd: number | null;
  /** 95 %, t over answers. */
  ci95: Interval;
}

export interface Bridge {
  /** Answers with a score on both sides, and those without. */
  n: number;
  unscored: number;
  mean: number | null;
  referenceMean: number | null;
  /** Mean of (this judge - published); null without a pair. */
  difference: number | null;
  /** 95 %, t over the answers' differences. */
  ci95: Interval;
  spearman: number | null;
}

/**
 * One row per judge and metric: judges in the order of `judges`, others after them, metrics by name. `alignment`: the
 * metric that bad and good answers differ in unless a judge's calibration names its own. Throws on sets that contradict.
 */
export function calibrate(
  calibrations: readonly JudgeCalibration[],
  judges: readonly string[],
  alignment: string | null,
): MetricCalibration[] {
  const place = (name: string): number => (judges.includes(name) ? judges.indexOf(name) : judges.length);
  const names = new Set(calibrations.map(({ judge }) => judge));
  if (names.size < calibrations.length) throw new Error('a judge has two calibrations');
  return [...calibrations]
    .sort((a, b) => place(a.judge) - place(b.judge) || (a.judge < b.judge ? -1 : 1))
    .flatMap(({ judge, sets, separates = alignment === null ? [] : [alignment] }) =>
      [...new Set(sets.map(({ metric }) => metric))].sort().map((metric): MetricCalibration => {
        const bad = setOf(judge, sets, 'bad', metric);
        const good = setOf(judge, sets, 'good', metric);
        const apart = bad === null || good === null ? null : separation(scoresOfItems(bad), scoresOfItems(good));
        return {
          judge,
          metric,
          floor: bad === null ? null : scored(bad),
          ceiling: good === null ? null : scored(good),
          separation: apart,
          outcome: apart === null || !separates.includes(metric) ? null : outcomeOf(apart),
          bridge: bridgeOf(judge, sets, metric),
        };
      }),
    );
}

/** `alignment: AUC 0.81 on answers of known sign, below 0.9`; null where there is nothing to warn of. */
export function calibrationWarning({ metric, outcome, separation: apart }: MetricCalibration): string | null {
  if (outcome === 'failed') return `${metric}: AUC ${flooredAuc(apart)} on answers of known sign, below ${LEAST_AUC}`;
  if (outcome === 'unknown') return `${metric}: not calibrated, no score on answers of known sign`;
  return null;
}

/** Rounded down, so that 0.8996 is never shown as the bar that it misses. */
function flooredAuc(apart: Separation | null): string {
  return (Math.floor((apart?.auc ?? 0) * 1000) / 1000).toFixed(3);
}

function outcomeOf({ auc }: Separation): MetricCalibration['outcome'] {
  return auc === null ? 'unknown' : auc >= LEAST_AUC ? 'passed' : 'failed';
}

function setOf(judge: string, sets: readonly CalibrationSet[], name: CalibrationSet['name'], metric: string) {
  const found = sets.filter((set) => set.name === name && set.metric === metric);
  const of = `calibration of ${judge}: the set ${name} of ${metric}`;
  if (found.length > 1) throw new Error(`${of} is there twice`);
  const [set] = found;
  if (set === undefined) return null;
  const { scores, items, reference = [] } = set;
  if ([...scores, ...reference].some((score) => score !== null && !(score >= 0 && score <= 100)))
    throw new Error(`${of} has a score that is not 0-100`);
  if (items.length !== scores.length) throw new Error(`${of} has ${scores.length} scores of ${items.length} answers`);
  if (name === 'bridge' && reference.length !== scores.length)
    throw new Error(`${of} has ${scores.length} scores and ${reference.length} published ones`);
  return set;
}

function scoresOfItems({ scores, items }: CalibrationSet): ScoreOfItem[] {
  return scores.flatMap((score, index) => (score === null ? [] : [{ item: items[index] as string, score }]));
}

function scored({ scores }: CalibrationSet): SetScores {
  const values = scores.filter((score) => score !== null);
  return {
    n: values.length,
    unscored: scores.length - values.length,
    mean: values.length === 0 ? null : mean(values),
    sd: values.length < 2 ? null : sd(values),
    ci95: tInterval(values, 'score'),
  };
}

function bridgeOf(judge: string, sets: readonly CalibrationSet[], metric: string): Bridge | null {
  const set = setOf(judge, sets, 'bridge', metric);
  if (set === null) return null;
  const pairs = set.scores.flatMap((score, index): [number, number][] => {
    const published = set.reference?.[index] ?? null;
    return score === null || published === null ? [] : [[score, published]];
  });
  const differences = pairs.map(([own, published]) => own - published);
  const some = pairs.length > 0;
  return {
    n: pairs.length,
    unscored: set.scores.length - pairs.length,
    mean: some ? mean(pairs.map(([own]) => own)) : null,
    referenceMean: some ? mean(pairs.map(([, published]) => published)) : null,
    difference: some ? mean(differences) : null,
    ci95: tInterval(differences, 'difference'),
    spearman: spearman(pairs),
  };
}
