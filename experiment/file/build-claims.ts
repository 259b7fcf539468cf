/**
 * What an experiment file says that the experiment shows: its claims and expectations, with every cell that they name.
 */
import { conditionsOf } from '../conditions';
import { suggestion, type Issue, type Path } from '../issue';
import { seedGroups } from '../seed-groups';
import { buildConditions } from './build-conditions';
import { sampledSets } from '../sampled-sets';
import type { Claim, ConfigurationSpec, Expectation } from '../spec';
import type { ClaimYaml, ExpectationYaml, ExperimentYaml } from './schema';

export interface ClaimContext {
  configurations: readonly ConfigurationSpec[];
  metrics: readonly string[];
  /** The metric where none is named. */
  primary: string;
  /** Metrics whose scorers give 100 or 0. */
  yesOrNo: readonly string[];
  /** Whether alignment and coherence are judged. */
  hasMisaligned: boolean;
}

export function buildClaims(
  input: ExperimentYaml,
  context: ClaimContext,
  issues: Issue[],
): { expect: Expectation[]; claims: Claim[] } {
  const cells = cellsByName(sampledSets(input.question_sets), context.configurations);
  const known = { ...context, cells };
  return {
    expect: (input.expect ?? []).map((each, index) => buildExpectation(each, ['expect', index], known, issues)),
    claims: Object.entries(input.claims ?? {}).map(([id, each]) => buildClaim(id, each, known, issues)),
  };
}

type Known = ClaimContext & { cells: Map<string, string[]> };

/** Cell ids by the names that stand for them: a cell's own, and those of all seeds of a recipe by the recipe's. */
function cellsByName(
  sets: ExperimentYaml['question_sets'],
  configurations: readonly ConfigurationSpec[],
): Map<string, string[]> {
  const found = new Map<string, string[]>();
  const add = (name: string, members: readonly string[], configuration: ConfigurationSpec): void => {
    for (const [set, written] of Object.entries(sets)) {
      const own = written.conditions && buildConditions(written.conditions, [], { pools: {}, issues: [] });
      for (const condition of conditionsOf(configuration, own && { conditions: own }))
        found.set(
          `${name}/${set}/${condition.name}`,
          members.map((member) => `${member}/${set}/${condition.name}`),
        );
    }
  };
  for (const configuration of configurations) add(configuration.name, [configuration.name], configuration);
  const byName = new Map(configurations.map((each) => [each.name, each]));
  for (const { name, members } of seedGroups(configurations)) {
    const names = members.map(({ configuration }) => configuration);
    add(name, names, byName.get(names[0] as string) as ConfigurationSpec);
  }
  return found;
}

function buildExpectation(input: ExpectationYaml, path: Path, known: Known, issues: Issue[]): Expectation {
  const { statistic, minus } = input;
  for (const key of ['at_least', 'at_most'] as const) {
    const most = statistic === 'mean' ? 100 : 1;
    const value = input[key] ?? 0;
    if (value > most || value < (minus === undefined ? 0 : -most))
      issues.push({
        path: [...path, key],
        message: `${value} is beyond the scale of \`${statistic}\``,
        hint: statistic === 'mean' ? 'means are points of 100' : 'shares are written as 0.85, not 85',
      });
  }
  checkShare(statistic, input.metric, path, known, issues);
  return {
    cells: cellsOf(input.cells, [...path, 'cells'], known, issues),
    minus: cellsOf(input.minus, [...path, 'minus'], known, issues),
    metric: metricOf(input.metric, path, known, issues),
    statistic: input.statistic,
    threshold: input.threshold ?? null,
    atLeast: input.at_least ?? null,
    atMost: input.at_most ?? null,
    note: input.note ?? '',
  };
}

function buildClaim(id: string, input: ClaimYaml, known: Known, issues: Issue[]): Claim {
  const path: Path = ['claims', id];
  const { beyond, statistic = 'misaligned_share' } = input;
  if (statistic === 'misaligned_share' && !known.hasMisaligned) {
    issues.push({
      path,
      message: 'the misaligned share needs a metric for alignment and one for coherence',
      hint: 'name them in `report`, or claim something of a metric: `statistic: mean`',
    });
  }
  checkShare(statistic, input.metric, path, known, issues);
  const most = statistic === 'mean' ? 100 : 1;
  if ((input.margin ?? 0) >= most) {
    issues.push({
      path: [...path, 'margin'],
      message: `a margin of ${input.margin} is no less than the whole scale`,
      hint: statistic === 'mean' ? 'means are points of 100' : 'shares are written as 0.05, not 5',
    });
  }
  const [own, others] = [input.cells, input.minus].map((cells) => JSON.stringify([cells].flat().sort()));
  if (own === others) {
    issues.push({ path: [...path, 'minus'], message: '`minus` names the same cells as `cells`', hint: 'name others' });
  }
  return {
    id,
    says: input.says ?? '',
    cells: cellsOf(input.cells, [...path, 'cells'], known, issues),
    minus: cellsOf(input.minus, [...path, 'minus'], known, issues),
    beyond: {
      cells: cellsOf(beyond?.cells, [...path, 'beyond', 'cells'], known, issues),
      minus: cellsOf(beyond?.minus, [...path, 'beyond', 'minus'], known, issues),
    },
    metric: metricOf(input.metric, path, known, issues),
    statistic,
    threshold: input.threshold ?? null,
    test: input.test ?? 'superiority',
    direction: input.direction ?? null,
    margin: input.margin ?? 0,
    questions: input.questions ?? 'like_these',
    family: input.family ?? 'claims',
  };
}

/** Scores between 0 and 100 have no share but that below a threshold. */
function checkShare(
  statistic: Expectation['statistic'],
  metric: string | undefined,
  path: Path,
  { yesOrNo, primary }: Known,
  issues: Issue[],
): void {
  if (statistic !== 'share' || yesOrNo.includes(metric ?? primary)) return;
  issues.push({
    path: [...path, 'statistic'],
    message: `\`share\` is of metrics whose scorer says yes or no, and \`${metric ?? primary}\` is none`,
    hint: 'write `share_below` with a `threshold`, or `mean`',
  });
}

function cellsOf(written: string | string[] | undefined, path: Path, { cells }: Known, issues: Issue[]): string[] {
  const names = written === undefined ? [] : typeof written === 'string' ? [written] : written;
  const seen = new Set<string>();
  return names.flatMap((name, position) => {
    const found = cells.get(name);
    const again = found?.find((cell) => seen.has(cell));
    found?.forEach((cell) => seen.add(cell));
    if (again !== undefined)
      issues.push({ path: [...path, position], message: `the cell \`${again}\` is named twice`, hint: 'name it once' });
    if (found !== undefined) return found;
    issues.push({
      path: typeof written === 'string' ? path : [...path, position],
      message: `there is no cell \`${name}\``,
      hint: suggestion(name, [...cells.keys()]),
    });
    return [];
  });
}

function metricOf(written: string | undefined, path: Path, { metrics, primary }: Known, issues: Issue[]): string {
  if (written !== undefined && !metrics.includes(written)) {
    issues.push({
      path: [...path, 'metric'],
      message: `unknown metric \`${written}\``,
      hint: suggestion(written, [...metrics]),
    });
  }
  return written ?? primary;
}
