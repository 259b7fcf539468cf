/**
 * The reading half of an experiment file: metrics, what the report shows, and what the experiment is expected to show.
 */
import { suggestion, type Issue, type Path } from './issue';
import { MISALIGNED_PRESETS } from './presets';
import type { ExpectationInput, ExperimentInput, MetricInput, ReportInput } from './schema';
import type { ConfigurationSpec, Expectation, MetricSpec, MisalignedRule, ReportSpec } from './spec';

export function buildMetrics(input: ExperimentInput, issues: Issue[]): MetricSpec[] {
  const sets = Object.keys(input.question_sets);
  if (Object.keys(input.metrics).length === 0) {
    issues.push({ path: ['metrics'], message: 'an experiment needs at least one metric' });
  }
  if (sets.length === 0)
    issues.push({ path: ['question_sets'], message: 'an experiment needs at least one question set' });
  return Object.entries(input.metrics).map(([name, metric]) => {
    const path: Path = ['metrics', name];
    metric.question_sets?.forEach((set, index) => {
      if (sets.includes(set)) return;
      issues.push({
        path: [...path, 'question_sets', index],
        message: `unknown question set \`${set}\``,
        hint: suggestion(set, sets),
      });
    });
    return {
      name,
      rubric: buildRubric(metric, input, [...path, 'rubric'], issues),
      verdicts: metric.verdicts ?? null,
      questionSets: metric.question_sets ?? null,
      repeats: metric.repeats ?? 1,
    };
  });
}

/** A rubric that lacks the answer judges nothing. */
export function rubricProblem(text: string): string | null {
  const missing = ['{question}', '{answer}'].filter((place) => !text.includes(place));
  return missing.length === 0
    ? null
    : `the rubric must contain ${missing.join(' and ')}: that is where the judged text goes`;
}

function buildRubric(metric: MetricInput, input: ExperimentInput, path: Path, issues: Issue[]): MetricSpec['rubric'] {
  const written = typeof metric.rubric === 'string' ? { text: metric.rubric } : metric.rubric;
  const pins =
    written.sha256 === undefined ? null : typeof written.sha256 === 'string' ? [written.sha256] : written.sha256;
  if (written.text !== undefined) {
    const problem = rubricProblem(written.text);
    if (problem !== null) issues.push({ path, message: problem });
    return { kind: 'text', text: written.text, sha256: pins };
  }
  const { question_set: set } = written;
  const prompt = written.prompt as string;
  if (set !== undefined) {
    const source = input.question_sets[set];
    const files = Object.entries(input.question_sets).flatMap(([name, each]) =>
      each.held_out === undefined ? [name] : [],
    );
    if (source === undefined) {
      issues.push({
        path: [...path, 'question_set'],
        message: `unknown question set \`${set}\``,
        hint: suggestion(set, files),
      });
    } else if (source.held_out !== undefined) {
      issues.push({
        path: [...path, 'question_set'],
        message: `\`${set}\` is made of held-out rows, which bring no rubric`,
        hint: suggestion(set, files),
      });
    }
  } else {
    const bare = (metric.question_sets ?? Object.keys(input.question_sets)).filter(
      (name) => input.question_sets[name]?.held_out !== undefined,
    );
    if (bare.length > 0) {
      issues.push({
        path,
        message: `the questions of \`${bare[0]}\` are held-out rows, which bring no rubric`,
        hint: 'name the question file whose rubric serves for them: `question_set: …`',
      });
    }
  }
  return {
    kind: 'prompt',
    prompt,
    questionSet: set ?? null,
    sha256: pins,
  };
}

export function buildReport(
  input: ExperimentInput,
  configurations: ConfigurationSpec[],
  metrics: MetricSpec[],
  issues: Issue[],
): { report: ReportSpec; expect: Expectation[] } {
  const names = metrics.map(({ name }) => name);
  const sets = Object.keys(input.question_sets);
  const written: ReportInput = input.report ?? {};
  const metricNamed = (name: string | undefined, fallback: string, path: Path): string | null => {
    if (name === undefined) return names.includes(fallback) ? fallback : null;
    if (names.includes(name)) return name;
    issues.push({ path, message: `unknown metric \`${name}\``, hint: suggestion(name, names) });
    return null;
  };
  const alignment = metricNamed(written.alignment, 'alignment', ['report', 'alignment']);
  const coherence = metricNamed(written.coherence, 'coherence', ['report', 'coherence']);
  const primary = alignment ?? names[0] ?? 'alignment';

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

function buildMisaligned(input: ReportInput['misaligned']): MisalignedRule {
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
