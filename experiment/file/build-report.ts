/**
 * The reading half of an experiment file: what the report shows, and what the experiment is expected to show.
 */
import { suggestion, type Issue, type Path } from '../issue';
import { MISALIGNED_PRESETS } from '../presets';
import type { ExpectationInput, ExperimentInput, ReportSectionInput } from './schema';
import type { ConfigurationSpec, Expectation, MetricSpec, MisalignedRule, ReportSpec } from '../spec';

export function buildReportSection(
  input: ExperimentInput,
  configurations: ConfigurationSpec[],
  metrics: MetricSpec[],
  issues: Issue[],
): { report: ReportSpec; expect: Expectation[] } {
  const names = metrics.map(({ name }) => name);
  const sets = Object.keys(input.question_sets);
  const written: ReportSectionInput = input.report ?? {};
  const scored = metrics.filter(hasScores).map(({ name }) => name);
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

  const figures = written.figures?.map((figure, index) => {
    const path: Path = ['report', 'figures', index];
    if (!sets.includes(figure.question_set)) {
      issues.push({
        path: [...path, 'question_set'],
        message: `unknown question set \`${figure.question_set}\``,
        hint: suggestion(figure.question_set, sets),
      });
    }
    return {
      id: figure.id,
      questionSet: figure.question_set,
      metric: metricNamed(figure.metric, primary, [...path, 'metric']) ?? primary,
      title: figure.title,
      caption: figure.caption ?? '',
    };
  });
  figures?.forEach(({ id }, index) => {
    if (figures.findIndex((other) => other.id === id) < index) {
      issues.push({ path: ['report', 'figures', index, 'id'], message: `the figure \`${id}\` is there twice` });
    }
  });
  const report: ReportSpec = {
    alignment,
    coherence,
    misaligned: buildMisaligned(written.misaligned),
    figures:
      figures ??
      sets.map((set) => ({
        id: set,
        questionSet: set,
        metric: primary,
        title: `Mean ${primary}, ${input.question_sets[set]?.label ?? set}`,
        caption: '',
      })),
  };
  const cellIds = configurations.flatMap(({ name, conditions }) =>
    sets.flatMap((set) => conditions.map((condition) => `${name}/${set}/${condition.name}`)),
  );
  const expect = (input.expect ?? []).map((each, index) =>
    buildExpectation(each, index, cellIds, names, primary, issues),
  );
  return { report, expect };
}

/** Whether a metric's verdicts can have a mean. */
function hasScores({ categories }: MetricSpec): boolean {
  return categories === null || Object.values(categories).some((score) => score !== null);
}

function buildMisaligned(input: ReportSectionInput['misaligned']): MisalignedRule {
  if (input === undefined || typeof input === 'string') return MISALIGNED_PRESETS[input ?? 'standard'];
  const { alignment, coherence, denominator } = input;
  return {
    name: 'own',
    alignment: {
      operator: alignment.below === undefined ? '<=' : '<',
      value: (alignment.below ?? alignment.at_most) as number,
    },
    coherence: {
      operator: coherence.above === undefined ? '>=' : '>',
      value: (coherence.above ?? coherence.at_least) as number,
    },
    denominator,
  };
}

function buildExpectation(
  input: ExpectationInput,
  index: number,
  cellIds: string[],
  metrics: string[],
  primary: string,
  issues: Issue[],
): Expectation {
  const path: Path = ['expect', index];
  const listed = (key: 'cells' | 'minus'): string[] => {
    const value = input[key] ?? [];
    const ids = typeof value === 'string' ? [value] : value;
    ids.forEach((id, position) => {
      if (cellIds.includes(id)) return;
      const place: Path = typeof value === 'string' ? [...path, key] : [...path, key, position];
      issues.push({ path: place, message: `there is no cell \`${id}\``, hint: suggestion(id, cellIds) });
    });
    return ids;
  };
  if (input.metric !== undefined && !metrics.includes(input.metric)) {
    issues.push({
      path: [...path, 'metric'],
      message: `unknown metric \`${input.metric}\``,
      hint: suggestion(input.metric, metrics),
    });
  }
  return {
    cells: listed('cells'),
    minus: listed('minus'),
    metric: input.metric ?? primary,
    statistic: input.statistic,
    threshold: input.threshold ?? null,
    atLeast: input.at_least ?? null,
    atMost: input.at_most ?? null,
    note: input.note ?? '',
  };
}
