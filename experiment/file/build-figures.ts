/**
 * The figures that an experiment file asks for.
 */
import { suggestion, type Issue, type Path } from '../issue';
import { MISALIGNED } from '../misaligned-share';
import { checkQuestionSet } from './named-sets';
import { sampledSets } from '../sampled-sets';
import type { ExperimentYaml, FigureYaml } from './schema';
import { seedGroups } from '../seed-groups';
import type { ConfigurationSpec, FigureSpec, LinePoint } from '../spec';

export interface FigureContext {
  configurations: readonly ConfigurationSpec[];
  /** The metric of figures that name none. */
  primary: string;
  /** Whether there is a share of misaligned answers. */
  hasMisaligned: boolean;
  /** The metric of that name where it has scores; null, with an issue at `path`, where it has none. */
  metricNamed: (name: string | undefined, fallback: string, path: Path) => string | null;
}

/** Null where the file asks for none: then each question set has one. */
export function buildFigures(input: ExperimentYaml, context: FigureContext, issues: Issue[]): FigureSpec[] | null {
  const written = input.report?.figures;
  if (written === undefined) return null;
  const sets = Object.keys(sampledSets(input.question_sets));
  const seen = new Set<string>();
  return written.flatMap((figure, index): FigureSpec[] => {
    const path: Path = ['report', 'figures', index];
    if (seen.has(figure.id))
      issues.push({ path: [...path, 'id'], message: `the figure \`${figure.id}\` is there twice` });
    seen.add(figure.id);
    const questionSet = figure.question_set ?? (sets.length === 1 ? sets[0] : undefined);
    if (questionSet === undefined) {
      issues.push({ path, message: '`question_set` is needed', hint: suggestion('', sets) });
      return [];
    }
    checkQuestionSet(questionSet, input.question_sets, [...path, 'question_set'], issues);
    const metric = metricOf(figure, context, path, issues);
    const common = { id: figure.id, questionSet, metric, caption: figure.caption ?? '' };
    if (figure.kind !== 'line') return [{ ...common, title: figure.title as string }];
    const x = figure.x as string;
    const label = input.question_sets[questionSet]?.label ?? questionSet;
    const title = figure.title ?? `${metric === MISALIGNED ? 'Misaligned share' : `Mean ${metric}`}, ${label}`;
    return [{ ...common, title, line: { x, points: pointsOf(x, context, [...path, 'x'], issues) } }];
  });
}

function metricOf(
  figure: FigureYaml,
  { primary, hasMisaligned, metricNamed }: FigureContext,
  path: Path,
  issues: Issue[],
): string {
  const place = [...path, 'metric'];
  if (figure.kind !== 'line' || figure.metric !== MISALIGNED)
    return metricNamed(figure.metric, primary, place) ?? primary;
  if (!hasMisaligned)
    issues.push({
      path: place,
      message: 'there is no share of misaligned answers',
      hint: 'it is made of the metrics `report.alignment` and `report.coherence`',
    });
  return MISALIGNED;
}

/** Every configuration that the axis makes, with its value there and the line that it is on. */
function pointsOf(x: string, { configurations }: FigureContext, path: Path, issues: Issue[]): LinePoint[] {
  const steps = configurations.flatMap(({ name, label, gridSteps = [] }) => {
    const step = gridSteps.find(({ axis }) => axis === x);
    return step === undefined ? [] : [{ name, label, step }];
  });
  if (steps.length === 0) {
    const axes = new Set(configurations.flatMap(({ gridSteps = [] }) => gridSteps.map(({ axis }) => axis)));
    issues.push({ path, message: `no grid has the axis \`${x}\``, hint: suggestion(x, [...axes]) });
  }
  const other = steps.find(({ step }) => typeof step.value !== 'number');
  if (other !== undefined) {
    issues.push({ path, message: `\`${x}\` has values that are no numbers, such as that of ${other.name}` });
    return [];
  }
  const groups = new Map(
    seedGroups(configurations).flatMap((group) => group.members.map((member) => [member.configuration, group])),
  );
  return steps.map(({ name, label, step }) => ({
    configuration: name,
    line: (groups.get(name)?.name ?? name).replaceAll(step.piece, ''),
    label: (groups.get(name)?.label ?? label).replace(step.labelPiece, ''),
    x: step.value as number,
  }));
}
