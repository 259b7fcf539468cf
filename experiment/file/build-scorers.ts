/**
 * The metrics of an experiment file that are scored without a model.
 */
import type { Issue, Path } from '../issue';
import { readPattern } from '../pattern';
import { COMMAND_SCORER_SECONDS } from '../presets';
import type { ScorerMetricSpec, ScorerSpec } from '../scorers';
import { checkQuestionSet } from './named-sets';
import type { ExperimentYaml, MetricYaml } from './schema';
import type { ScorerYaml } from './schema-scorers';

export type ScoredYaml = MetricYaml & { scorer: ScorerYaml };
export type JudgedYaml = MetricYaml & { rubric: NonNullable<MetricYaml['rubric']> };

/** Metrics that a judge gives, and metrics that a scorer gives. */
export function metricsByKind({ metrics }: ExperimentYaml): {
  judged: [string, JudgedYaml][];
  scored: [string, ScoredYaml][];
} {
  const all = Object.entries(metrics);
  return {
    judged: all.flatMap(([name, { rubric, ...rest }]) => (rubric === undefined ? [] : [[name, { ...rest, rubric }]])),
    scored: all.flatMap(([name, { scorer, ...rest }]) => (scorer === undefined ? [] : [[name, { ...rest, scorer }]])),
  };
}

export function buildScorers(input: ExperimentYaml, issues: Issue[]): ScorerMetricSpec[] {
  return metricsByKind(input).scored.map(([name, metric]) => {
    const path: Path = ['metrics', name];
    metric.question_sets?.forEach((set, index) =>
      checkQuestionSet(set, input.question_sets, [...path, 'question_sets', index], issues),
    );
    input.combined?.forEach((combined, index) => {
      if (combined !== name) return;
      issues.push({ path: ['combined', index], message: `\`${name}\` has a scorer: no judge is asked for it` });
    });
    for (const [judge, { metrics }] of Object.entries(input.judges ?? {})) {
      const index = metrics?.indexOf(name) ?? -1;
      if (index < 0) continue;
      issues.push({
        path: ['judges', judge, 'metrics', index],
        message: `\`${name}\` has a scorer: no judge is asked for it`,
        hint: 'name a metric with a rubric',
      });
    }
    return {
      name,
      scorer: buildScorer(metric.scorer, [...path, 'scorer'], issues),
      questionSets: metric.question_sets ?? null,
      ...(metric.answer_part === 'all' ? { answerPart: 'all' as const } : {}),
    };
  });
}

function buildScorer(written: ScorerYaml, path: Path, issues: Issue[]): ScorerSpec {
  const ignore = [...new Set(written.ignore ?? [])].sort();
  const list = (words: string | string[]): string[] => [...new Set([words].flat())].sort();
  if (written.equals !== undefined) return { kind: 'equals', words: list(written.equals), ignore };
  if (written.contains !== undefined) return { kind: 'contains', words: list(written.contains), ignore };
  if (written.equals_field !== undefined) return { kind: 'equals_field', field: written.equals_field, ignore };
  if (written.matches !== undefined) {
    if (ignore.includes('final-stop')) {
      issues.push({
        path: [...path, 'ignore'],
        message: '`final-stop` does not go with `matches`: the pattern says what may end it',
      });
    }
    const read = readPattern(written.matches, ignore.includes('case'));
    if (!('problem' in read)) return { kind: 'matches', ...read };
    const { problem, hint } = read;
    issues.push({ path: [...path, 'matches'], message: problem, ...(hint === undefined ? {} : { hint }) });
    return { kind: 'matches', pattern: '', flags: '' };
  }
  return {
    kind: 'command',
    command: written.command as string[],
    files: [...new Set(written.files ?? [])].sort(),
    ...(written.fields === undefined ? {} : { fields: [...new Set(written.fields)].sort() }),
    timeoutSeconds: written.timeout_seconds ?? COMMAND_SCORER_SECONDS,
  };
}
