/**
 * The rules of an experiment file by which training seeds are excluded.
 */
import { suggestion, type Issue, type Path } from '../issue';
import { seedGroups } from '../seed-groups';
import type { ConfigurationSpec, SeedExclusion } from '../spec';
import type { ExclusionYaml } from './schema-exclusions';

export interface ExclusionContext {
  configurations: readonly ConfigurationSpec[];
  questionSets: readonly string[];
  metrics: readonly string[];
  /** Metrics whose scorers give 100 or 0. */
  yesOrNo: readonly string[];
  primary: string;
  hasMisaligned: boolean;
}

const OPERATORS = { above: '>', at_least: '>=', below: '<', at_most: '<=' } as const;

export function buildExclusions(
  written: readonly ExclusionYaml[],
  { configurations, questionSets, metrics, yesOrNo, primary, hasMisaligned }: ExclusionContext,
  issues: Issue[],
): SeedExclusion[] {
  const PATH: Path = ['report', 'exclude_seeds'];
  if (written.length === 0) return [];
  if (seedGroups(configurations).length === 0) {
    issues.push({
      path: PATH,
      message: 'no recipe is trained under several seeds, so there is none to exclude',
      hint: 'give the file a grid: `training.seed: [0, 1, 2]`',
    });
  }
  const conditions = [...new Set(configurations.flatMap((each) => each.conditions.map(({ name }) => name)))];
  return written.map((rule, index): SeedExclusion => {
    const path = [...PATH, index];
    const known = (key: string, value: string, names: readonly string[], what: string): void => {
      if (!names.includes(value))
        issues.push({
          path: [...path, key],
          message: `unknown ${what} \`${value}\``,
          hint: suggestion(value, [...names]),
        });
    };
    const { condition = 'default', metric = primary, statistic } = rule;
    const bound =
      (Object.keys(OPERATORS) as (keyof typeof OPERATORS)[]).find((key) => rule[key] !== undefined) ?? 'above';
    known('question_set', rule.question_set, questionSets, 'question set');
    known('condition', condition, conditions, 'prompt condition');
    if (rule.metric !== undefined) known('metric', metric, metrics, 'metric');
    if (statistic === 'share' && !yesOrNo.includes(metric))
      issues.push({
        path: [...path, 'statistic'],
        message: `\`share\` is of metrics whose scorer says yes or no, and \`${metric}\` is none`,
        hint: 'write `share_below` with a `threshold`, or `mean`',
      });
    if (statistic === 'misaligned_share' && !hasMisaligned)
      issues.push({
        path: [...path, 'statistic'],
        message: 'the misaligned share needs alignment and coherence, or conditions',
      });
    const value = rule[bound] as number;
    if (statistic !== 'mean' && value > 1)
      issues.push({
        path: [...path, bound],
        message: `${value} is beyond the scale of \`${statistic}\``,
        hint: 'shares are written as 0.1, not 10',
      });
    return {
      ...{ says: rule.says ?? '', questionSet: rule.question_set, condition, metric, statistic },
      ...{ threshold: rule.threshold ?? null, operator: OPERATORS[bound], value },
    };
  });
}
