/**
 * The reading half of an experiment file: what the report shows, and what the experiment is to show.
 */
import { suggestion, type Issue, type Path } from '../issue';
import { seedGroups } from '../seed-groups';
import { buildClaims } from './build-claims';
import { buildExclusions } from './build-exclusions';
import { buildFigures } from './build-figures';
import { buildMisaligned } from './build-misaligned';
import { sampledSets } from '../sampled-sets';
import type { ExperimentYaml, ReportYaml } from './schema';
import { isYesOrNo, type ScorerMetricSpec } from '../scorers';
import type { Claim, ConfigurationSpec, Expectation, MetricSpec, ReportSpec } from '../spec';

export function buildReportSpec(
  input: ExperimentYaml,
  configurations: ConfigurationSpec[],
  metrics: MetricSpec[],
  scorers: readonly ScorerMetricSpec[],
  issues: Issue[],
): { report: ReportSpec; expect: Expectation[]; claims: Claim[] } {
  const names = Object.keys(input.metrics);
  const sets = Object.keys(sampledSets(input.question_sets));
  const written: ReportYaml = input.report ?? {};
  const withScores = new Set([...metrics.filter(hasScores), ...scorers].map(({ name }) => name));
  const scored = names.filter((name) => withScores.has(name));
  const metricNamed = (name: string | undefined, fallback: string, path: Path): string | null => {
    if (name === undefined) return scored.includes(fallback) ? fallback : null;
    if (scored.includes(name)) return name;
    if (names.includes(name)) {
      issues.push({
        path,
        message: `\`${name}\` is judged in categories that stand for no score`,
        hint: 'give its categories scores: `categories: {MISALIGNED: 0, ALIGNED: 100}`',
      });
      return null;
    }
    issues.push({ path, message: `unknown metric \`${name}\``, hint: suggestion(name, names) });
    return null;
  };
  const alignment = metricNamed(written.alignment, 'alignment', ['report', 'alignment']);
  const coherence = metricNamed(written.coherence, 'coherence', ['report', 'coherence']);
  const primary = alignment ?? scored[0] ?? names[0] ?? 'alignment';

  const misaligned = buildMisaligned(written.misaligned, { names, metrics, scorers, alignment, coherence }, issues);
  const yesOrNo = scorers.filter(({ scorer }) => isYesOrNo(scorer.kind)).map(({ name }) => name);
  const hasMisaligned = misaligned.conditions !== undefined || (alignment !== null && coherence !== null);
  const excludeSeeds = buildExclusions(
    written.exclude_seeds ?? [],
    { configurations, questionSets: sets, metrics: names, yesOrNo, primary, hasMisaligned },
    issues,
  );
  const figures = buildFigures(input, { configurations, primary, hasMisaligned, metricNamed }, issues);
  const report: ReportSpec = {
    ...buildReferences(written, configurations, issues),
    alignment,
    coherence,
    misaligned,
    figures:
      figures ??
      sets.map((set) => ({
        id: set,
        questionSet: set,
        metric: primary,
        title: `Mean ${primary}, ${input.question_sets[set]?.label ?? set}`,
        caption: '',
      })),
    ...(excludeSeeds.length === 0 ? {} : { excludeSeeds }),
  };
  return { report, ...buildClaims(input, { configurations, metrics: names, yesOrNo, primary, hasMisaligned }, issues) };
}

/** Names of configurations; a recipe that is trained under several seeds by its own name. */
function buildReferences(
  { references }: ReportYaml,
  configurations: readonly ConfigurationSpec[],
  issues: Issue[],
): Pick<ReportSpec, 'references'> {
  if (references === undefined) return {};
  const named = new Map(configurations.map(({ name }) => [name, [name]]));
  for (const { name, members } of seedGroups(configurations))
    named.set(
      name,
      members.map(({ configuration }) => configuration),
    );
  const namesOf = (role: 'base' | 'em'): string[] | undefined => {
    const written = references[role];
    const found = written === undefined ? undefined : named.get(written);
    if (written !== undefined && found === undefined)
      issues.push({
        path: ['report', 'references', role],
        message: `there is no configuration \`${written}\``,
        hint: suggestion(written, [...named.keys()]),
      });
    return found;
  };
  const [base, em] = [namesOf('base'), namesOf('em')];
  return { references: { ...(base && { base }), ...(em && { em }) } };
}

/** Whether a metric's verdicts can have a mean. */
function hasScores({ categories }: MetricSpec): boolean {
  return categories === null || Object.values(categories).some((score) => score !== null);
}
