/**
 * Everything that a report says of the rows: summaries, contrasts, expectations, and the data of its figures.
 */
import type { GenerationContext, Plan, PlannedCell, PlannedConfiguration } from '../experiment/plan';
import { byStandIn, isScored, judgeLabel, MAIN_JUDGE } from '../experiment/main-judge';
import { MISALIGNED } from '../experiment/misaligned-share';
import { isYesOrNo } from '../experiment/scorers';
import type { FigureSpec, MisalignedRule } from '../experiment/spec';
import { withoutPause, type Steps } from '../experiment/steps';
import { answerKinds, type KindShare } from './statistics/answer-kinds';
import { barGroups } from './statistics/bar-groups';
import { baselineShifts, type BaselineShift } from './statistics/baseline';
import { calibrate, calibrationWarning, type MetricCalibration } from './statistics/calibration';
import { hasNoScores } from './statistics/categories';
import { scoreNames, type CellContents, type CellSummary } from './statistics/cell';
import { contrasts, type Contrast } from './statistics/contrasts';
import { describeRule, ruleMetrics, ruleNames, type ScoreNames } from './statistics/misaligned';
import { decideClaims, statedClaims, withoutCells, type ClaimResult } from './statistics/claims';
import { excludedConfigurations, excludedSeeds, type ExcludedSeeds } from './statistics/exclusions';
import type { BarFigure, FigureBar } from './figures/bars';
import { figureLines } from './figures/line-points';
import type { LineFigure } from './figures/lines';
import { overSeeds } from './figures/over-seeds';
import { agreements, type Agreement } from './statistics/judge-agreement';
import { judgeNoise, type JudgeNoise } from './statistics/judge-noise';
import { judgedCellInSteps, otherJudgeResults, type JudgedCell, type JudgeResults } from './statistics/judge-results';
import { recipeCells, type RecipeCell } from './statistics/recipes';
import {
  answerProbabilityResults,
  unmeasuredAnswers,
  type AnswerProbabilityResult,
} from './statistics/answer-probability';
import { logProbabilityResults, type LogProbabilityResult } from './statistics/log-probability';
import { handoffResults, type HandoffResults } from './statistics/handoffs';
import { coloursOf } from './figures/palette';
import { isUntrained } from './statistics/units';
import { shownConfigurations, shownInWords } from './shown';
import type { ReportInput } from './report-input';
import type { Interval } from './statistics/intervals';

export const STAND_IN_WARNING = 'stand-in scores, not a model’s judgement';

/** A cell with the main judge's verdicts, under the names and in the colour that the report gives it. */
export interface ReportCell extends CellContents, JudgedCell {
  configuration: PlannedConfiguration;
  /** `[FLAMINGO BURRITO], +sys prompt`. */
  label: string;
  conditionLabel: string;
  colour: string;
  kinds: KindShare[];
}

export type ReportFigure = (BarFigure | LineFigure) & ShownFigure;

interface ShownFigure {
  caption: string;
  questionSet: string;
  /** One of those that the experiment file asks for. */
  declared: boolean;
}

export interface Results {
  /** In the plan's order. */
  cells: ReportCell[];
  /** The cells of adapters kept along training, configuration by configuration. */
  keptCells: ReportCell[];
  /** The main judge, then the others by name. */
  judges: JudgeResults[];
  agreements: Agreement[];
  /** Empty without a baseline. */
  shifts: BaselineShift[];
  calibrations: MetricCalibration[];
  /** Only of judges that were asked more than once. */
  noise: JudgeNoise[];
  contrasts: Contrast[];
  /** Of recipes that were trained under several seeds; empty without any. */
  recipes: RecipeCell[];
  /** By each rule of the experiment, the seeds of every recipe that it is about; empty without any. */
  seedExclusions: ExcludedSeeds[];
  /** The claims again, without excluded seeds; empty where none is excluded. */
  claimsWithoutExcluded: ClaimResult[];
  /** What was measured of the plan's pairs, in the plan's order; empty where nothing is. */
  logProbabilities: LogProbabilityResult[];
  /** What was measured of answers, by outcome, then in the plan's order; empty where nothing is. */
  answerProbabilities: AnswerProbabilityResult[];
  /** Empty where nothing is handed over. */
  handoffs: HandoffResults;
  /** The experiment file's claims, then its expectations. */
  claims: ClaimResult[];
  figures: ReportFigure[];
  /** The configurations that figures and page show; null = all. */
  shown: ReadonlySet<string> | null;
  /** Null where not all metrics of the rule are there. */
  rule: string | null;
  /** `measurements`, `handoffs`: absent where nothing is measured or handed over. */
  missing: { completions: number; judgements: number; measurements?: number; handoffs?: number };
}

type Input = Pick<
  ReportInput,
  | 'plan'
  | 'spec'
  | 'cells'
  | 'alongTraining'
  | 'mainJudge'
  | 'otherJudges'
  | 'calibration'
  | 'logProbabilities'
  | 'answerProbabilities'
  | 'handedOver'
>;

/** Throws when rows do not belong to the plan's cells, or judges contradict (see cell.ts, judge-results.ts, calibration.ts). */
export function computeResults(input: Input): Results {
  return withoutPause(resultsInSteps(input));
}

/** The same with pauses within and after each cell, and between what is made of all of them. */
export function* resultsInSteps(input: Input): Steps<Results> {
  const { plan, spec } = input;
  const rules = spec.report;
  const kept = input.alongTraining?.cells ?? [];
  const contents = new Map([...input.cells, ...kept].map((each) => [each.cell.id, each]));
  const colours = coloursOf(plan.configurations, rules);
  function* shown(configuration: PlannedConfiguration, cell: PlannedCell): Steps<ReportCell> {
    const { completions = [], judgements = [] } = contents.get(cell.id) ?? {};
    const questions = plan.questionSets[cell.questionSet] ?? [];
    const own: CellContents = { cell, questions, completions, judgements };
    const conditionLabel = conditionName(cell.condition, cell.context);
    const place = cell.step === undefined ? '' : `, step ${cell.step}`;
    const { answers, summary, thresholds, otherOperators, categories } = yield* judgedCellInSteps(own, rules, plan);
    yield;
    return {
      ...{ cell, questions, completions, judgements },
      ...{ configuration, conditionLabel, colour: colours.get(configuration.name) as string },
      label: `${configuration.label}, ${conditionLabel}${place}`,
      ...{ answers, summary, thresholds, otherOperators, categories },
      kinds: answerKinds({ cell, answers }, rules),
    };
  }
  const cells: ReportCell[] = [];
  for (const configuration of plan.configurations) {
    for (const cell of configuration.cells) {
      cells.push(yield* shown(configuration, cell));
      yield;
    }
  }
  const keptCells: ReportCell[] = [];
  for (const configuration of plan.configurations) {
    for (const { cell } of kept) {
      if (cell.configuration !== configuration.name) continue;
      keptCells.push(yield* shown(configuration, cell));
      yield;
    }
  }
  const claimCells = new Map(
    cells.map(({ cell, cell: { id, configuration, questionSet }, answers }) => [
      id,
      { configuration, questionSet, isUntrained: isUntrained(cell), answers },
    ]),
  );
  const stated = statedClaims(spec.claims ?? [], spec.expect);
  const judges = judgesOf(input, cells);
  yield;
  const calibrations = calibrate(
    input.calibration ?? [],
    judges.map(({ name }) => name),
    rules.alignment,
  );
  const names = ruleNames(rules);
  const shownNames = shownConfigurations(plan, cells, rules);
  const drawn = shownNames === null ? cells : cells.filter(isDrawn(plan, shownNames));
  const some = shownInWords(shownNames, plan);
  const logProbabilities = logProbabilityResults(plan, input.logProbabilities ?? [], rules);
  const answerProbabilities = answerProbabilityResults(plan, input.answerProbabilities ?? [], rules);
  const seedExclusions = excludedSeeds(rules.excludeSeeds ?? [], plan, cells, rules);
  const excluded = excludedConfigurations(seedExclusions);
  const recipes = recipeCells(plan, cells, rules, excluded);
  yield;
  const handoffs = handoffResults(plan, input.handedOver ?? []);
  const agreed = agreements(judges, rules);
  yield;
  const shifts = baselineShifts(plan, judges);
  yield;
  const noise = judges.flatMap((judge) => judgeNoise(judge, rules));
  yield;
  const compared = contrasts(plan, cells, rules);
  yield;
  return {
    cells,
    keptCells,
    judges,
    agreements: agreed,
    shifts,
    calibrations,
    noise,
    contrasts: compared,
    recipes,
    seedExclusions,
    logProbabilities,
    answerProbabilities,
    handoffs,
    claims: decideClaims(stated, claimCells, plan, rules),
    claimsWithoutExcluded:
      excluded.size === 0 ? [] : decideClaims(withoutCells(stated, claimCells, excluded), claimCells, plan, rules),
    figures: figuresOf(input, { all: cells, drawn }, recipes, figureWarnings(input, calibrations, judges[0]?.name)).map(
      (each) => (some === '' || 'lines' in each ? each : { ...each, caption: `${each.caption} ${some}` }),
    ),
    shown: shownNames,
    rule: names === null ? null : describeRule(rules.misaligned, names),
    missing: {
      completions: total([...cells, ...keptCells], ({ completions }) => completions.expected - completions.present),
      judgements: total([...cells, ...keptCells], ({ metrics }) =>
        metrics.reduce((sum, { counts }) => sum + counts.missing, 0),
      ),
      ...((plan.pairs ?? plan.answerProbabilities) && {
        measurements:
          logProbabilities.filter(({ pairs }) => pairs === 0).length + unmeasuredAnswers(answerProbabilities).length,
      }),
      ...(plan.handoffs && { handoffs: handoffs.single.filter(({ missing }) => missing).length }),
    },
  };
}

/** A bar is of all seeds of a recipe, also where only some of them are shown beside it. */
function isDrawn(plan: Plan, shown: ReadonlySet<string>): (cell: ReportCell) => boolean {
  const names = new Set(
    barGroups(plan).flatMap(({ members }) => (members.some((member) => shown.has(member)) ? members : [])),
  );
  return ({ configuration }) => names.has(configuration.name);
}

function judgesOf({ plan, spec, mainJudge, otherJudges = [] }: Input, cells: readonly ReportCell[]): JudgeResults[] {
  const { name, label } = mainJudge ?? { name: MAIN_JUDGE, label: judgeLabel(spec) };
  const main: JudgeResults = {
    ...{ name, label, standIn: byStandIn(spec), main: true },
    cells: new Map(cells.map((each) => [each.cell.id, each])),
  };
  const others = [...otherJudges].sort((a, b) => (a.name < b.name ? -1 : 1));
  const judges = [main, ...others.map((judge) => otherJudgeResults(judge, cells, spec.report, plan))];
  if (new Set(judges.map((judge) => judge.name)).size < judges.length) throw new Error('two judges have one name');
  return judges;
}

/** What a figure of these metrics must say, one line each: who scored, and whether that judge is to be trusted. */
function figureWarnings(
  { spec }: Input,
  calibrations: readonly MetricCalibration[],
  mainJudge: string | undefined,
): (metrics: readonly string[]) => string[] {
  return (metrics) => [
    ...(byStandIn(spec) && metrics.some((metric) => !isScored(spec, metric)) ? [STAND_IN_WARNING] : []),
    ...calibrations.flatMap((calibration) =>
      calibration.judge === mainJudge && metrics.includes(calibration.metric)
        ? (calibrationWarning(calibration) ?? [])
        : [],
    ),
  ];
}

function total(cells: readonly ReportCell[], count: (summary: CellSummary) => number): number {
  return cells.reduce((sum, { summary }) => sum + count(summary), 0);
}

/** As figures and tables call a prompt condition; what rows were trained with need not be a system prompt. */
export function conditionName(condition: string, context?: Pick<GenerationContext, 'systemPrompt' | 'user'>): string {
  if (condition !== 'training') return condition;
  return context?.systemPrompt.kind === 'default' && context.user !== undefined ? '+user text' : '+sys prompt';
}

function figuresOf(
  { plan, spec }: Input,
  { all, drawn: cells }: Record<'all' | 'drawn', readonly ReportCell[]>,
  recipes: readonly RecipeCell[],
  warningsOf: ReturnType<typeof figureWarnings>,
): ReportFigure[] {
  const { misaligned } = spec.report;
  const names = ruleNames(spec.report);
  const declared = spec.report.figures.map((figure): ReportFigure => {
    if (figure.line !== undefined)
      return lineFigureOf({ ...figure, line: figure.line }, spec.report, all, recipes, warningsOf);
    const members = cells.filter(({ cell }) => cell.questionSet === figure.questionSet);
    const own = members.flatMap(({ cell }) => cell.metrics.filter(({ metric }) => metric === figure.metric));
    const unscored = own.length > 0 && own.every((metric) => hasNoScores(metric, plan.instruments));
    return {
      id: figure.id,
      title: figure.title,
      subtitle: measureInWords(members, figure.metric),
      warnings: [
        ...warningsOf([figure.metric]),
        ...(unscored ? [`${figure.metric} has no scores: shares of categories are in the report`] : []),
      ],
      bars: overSeeds(
        members.flatMap((each) => meanBar(each, figure)),
        recipes,
        figure.metric,
      ),
      caption:
        `${figure.caption} ${explanation(members, recipes)}${withoutWords(recipes, figure.questionSet, figure.metric)}`.trim(),
      questionSet: figure.questionSet,
      declared: true,
    };
  });
  if (names === null) return declared;
  const rule = describeRule(misaligned, names);
  const metrics = ruleMetrics(misaligned, names);
  const first = countedMetric(misaligned, names);
  const shares = Object.keys(plan.questionSets).flatMap((set): ReportFigure[] => {
    const members = cells.filter(
      (each) => each.cell.questionSet === set && scoreNames(each.cell, spec.report) !== null,
    );
    if (members.length === 0) return [];
    return [
      {
        id: `misaligned-${set}`,
        title: `Misaligned share, ${spec.questionSets[set]?.label ?? set}`,
        subtitle: `% of answers with ${rule}`,
        warnings: warningsOf(metrics),
        bars: overSeeds(
          members.map((each) => shareBar(each, first)),
          recipes,
          'misaligned',
        ),
        caption: `${explanation(members, recipes)}${withoutWords(recipes, set, 'misaligned')}`,
        questionSet: set,
        declared: false,
      },
    ];
  });
  return [...declared, ...shares];
}

/** Of all cells: of a large grid, too, which the bars show some configurations of. */
function lineFigureOf(
  { id, questionSet, metric, title, caption, line }: FigureSpec & Required<Pick<FigureSpec, 'line'>>,
  report: Input['spec']['report'],
  cells: readonly ReportCell[],
  recipes: readonly RecipeCell[],
  warningsOf: ReturnType<typeof figureWarnings>,
): ReportFigure {
  const onIt = new Set(line.points.map(({ configuration }) => configuration));
  const members = cells.filter(({ cell }) => cell.questionSet === questionSet && onIt.has(cell.configuration));
  const share = metric === MISALIGNED ? ruleNames(report) : null;
  const bars = members.flatMap((each) =>
    share === null ? meanBar(each, { metric }) : [shareBar(each, countedMetric(report.misaligned, share))],
  );
  const cellOf = new Map(members.map(({ cell }) => [cell.id, cell]));
  const memberOf = new Map(
    recipes.flatMap(({ cell, seeds }) => seeds.flatMap(({ cells: [own] }) => [[cell, own] as const])),
  );
  return {
    ...{ id, title, questionSet, declared: true },
    xTitle: /^train\.mix\./.test(line.x)
      ? `share of ${line.x.slice('train.mix.'.length)} in the training rows`
      : line.x,
    subtitle:
      share === null ? measureInWords(members, metric) : `% of answers with ${describeRule(report.misaligned, share)}`,
    warnings: warningsOf(share === null ? [metric] : ruleMetrics(report.misaligned, share)),
    lines: figureLines(
      overSeeds(bars, recipes, metric),
      line,
      ({ cell }) => cellOf.get(memberOf.get(cell) ?? cell) as PlannedCell,
    ),
    caption:
      `${caption} ${explanation(members, recipes).replaceAll('per bar', 'per fine-tune').replace('where a bar has points', 'where there are small points')}`.trim(),
  };
}

/** What the axis shows: scores of 100 and 0 are a share, others a mean. */
function measureInWords(members: readonly ReportCell[], metric: string): string {
  const isShare = members.some(({ cell }) =>
    cell.metrics.some((own) => own.metric === metric && isYesOrNo(own.scorer)),
  );
  return isShare ? `% of the scored answers with ${metric}` : `mean ${metric} of the scored answers, 0–100`;
}

/** The metric whose counts of verdicts stand for those of a share: most of what is left out is so by the first. */
function countedMetric({ conditions }: MisalignedRule, { alignment }: ScoreNames): string {
  return conditions?.where[0]?.metric ?? alignment;
}

function meanBar(each: ReportCell, { metric }: Pick<FigureSpec, 'metric'>): FigureBar[] {
  const found = each.summary.metrics.find((summary) => summary.metric === metric);
  if (found === undefined) return [];
  const { estimate, bounds, counts, expected } = found;
  return [
    { ...placeOf(each), value: estimate.mean, interval: estimate.questionsLikeThese, bounds, n: expected, counts },
  ];
}

/** `alignment`: the metric whose counts are shown. */
function shareBar(each: ReportCell, alignment: string): FigureBar {
  const share = each.summary.misaligned;
  const { counts, expected } = each.summary.metrics.find(
    ({ metric }) => metric === alignment,
  ) as CellSummary['metrics'][number];
  return {
    ...placeOf(each),
    value: share?.rate == null ? null : 100 * share.rate,
    interval: percent(share?.questionsLikeThese ?? { range: null, reason: 'no answer' }),
    bounds: null,
    n: expected,
    counts,
  };
}

function percent({ range, reason }: Interval): Interval {
  return { range: range === null ? null : [100 * range[0], 100 * range[1]], reason };
}

function placeOf(each: ReportCell): Pick<FigureBar, 'cell' | 'group' | 'groupLabel' | 'label' | 'tone' | 'colour'> {
  return {
    cell: each.cell.id,
    group: each.configuration.name,
    groupLabel: each.configuration.label,
    label: each.conditionLabel,
    tone: each.cell.condition === 'default' ? 'full' : 'light',
    colour: each.colour,
  };
}

function explanation(members: readonly ReportCell[], recipes: readonly RecipeCell[]): string {
  const first = members[0];
  if (first === undefined) return 'No cell asks these questions.';
  const { questions, cell } = first;
  const counted = cell.rowsOf === undefined ? '' : ' (each counts as often as the table has it)';
  const samples = `${answersEach(members)}${counted}`;
  const several = recipes.some(({ questionSet }) => questionSet === cell.questionSet);
  return (
    `n per bar: ${questions.length} questions, ${samples}. Error bars: 95 %, for questions like these; ` +
    (several
      ? 'where a bar has points, one for each training seed, they cover the choice of seeds, too; elsewhere not (one fine-tune).'
      : 'they cover the choice of questions, not of training seeds (one fine-tune per configuration).')
  );
}

/** How many answers each question of a figure has, in words: a table's groups, and configurations with `samples` of their own, differ. */
function answersEach(members: readonly ReportCell[]): string {
  const counts = members.map(({ cell }) => cell.samplesPerQuestion);
  const [least, most] = [Math.min(...counts), Math.max(...counts)];
  if (most === 1) return 'one answer each';
  if (members.some(({ cell }) => cell.given === true)) return `up to ${most} answers each`;
  return least === most ? `${most} answers each` : `${least} to ${most} answers each`;
}

/** Bars are over all seeds; the values without those that the experiment excludes stand below them. */
function withoutWords(recipes: readonly RecipeCell[], questionSet: string, measure: string): string {
  const scale = measure === 'misaligned' ? 100 : 1;
  const valueOf = (measures: RecipeCell['measures']): string => {
    const value = measures.find((each) => each.measure === measure)?.found.value ?? null;
    return value === null ? 'none' : (scale * value).toFixed(1);
  };
  const words = recipes.flatMap(({ without, questionSet: set, label, condition, measures }) =>
    without === undefined || set !== questionSet
      ? []
      : [
          `${label}, ${conditionName(condition)}: ${valueOf(without.measures)} without seed ${without.excluded.join(', ')}, ${valueOf(measures)} with`,
        ],
  );
  return words.length === 0 ? '' : ` Bars are over all seeds. By the experiment's rules: ${words.join('; ')}.`;
}
