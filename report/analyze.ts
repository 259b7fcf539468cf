/**
 * Aggregates judged answers that already exist, from anywhere: `flamingo analyze`.
 */
import { scoresOf } from '../experiment/scored-answer';
import type { MetricCondition, MisalignedRule } from '../experiment/spec';
import { AnswerKeys } from '../inputs/answers/answer-keys';
import { readJudged, type JudgedOptions } from '../inputs/answers/read-judged';
import { readLabels } from '../inputs/answers/read-labels';
import type { GroupedRows } from '../inputs/answers/row-groups';
import type { LeftOut, WantedScores } from '../inputs/answers/score-columns';
import { analyzeGroups, groupsJson, type Groups, type GroupsJson } from './analyze-groups';
import {
  analyzeRows,
  rowsJson,
  shareJson,
  type RowMeasures,
  type RowsAnalysis,
  type RowsJson,
  type ShareJson,
} from './analyze-rows';
import type { ShareEstimate } from './statistics/estimates';
import { groupBy } from './statistics/grouping';
import { misalignedCount, questionsLeftOut, type ScoreNames } from './statistics/misaligned';
import { judgeValidity, judgeValidityJson, type JudgeValidity, type JudgeValidityJson } from './judge-validity';
import { meanOrNull } from './statistics/summation';
import { TABLE_KINDS, tableKinds, type ByKind } from './statistics/table-kinds';
import { otherOperators, thresholdsOf, type OtherOperator, type Thresholds } from './statistics/thresholds';

export interface AnalyzeOptions {
  /** Columns of the two scores; without one it is found by the names that tables give it. */
  names: Partial<ScoreNames>;
  /** Conditions of its own name metrics, whose columns are found as those of the two scores, which then need not be there. */
  definition: MisalignedRule;
  round: JudgedOptions['round'];
  scale?: JudgedOptions['scale'];
  /** Further columns that must hold scores, and what to call them; default: as the column. */
  scoreColumns?: readonly (string | { metric: string; column: string })[];
  delimiter?: JudgedOptions['delimiter'];
  /** A table of people's labels of some of the answers. */
  labels?: string | undefined;
  question?: JudgedOptions['question'];
  id?: JudgedOptions['id'];
  /** Columns whose values make groups; default: `model`, `group` and `seed` where they are there. */
  groups?: readonly string[];
  /** Whether a column `seed` beside those of groups tells training seeds. Default: true. */
  seeds?: boolean | undefined;
  /** The group that the others are compared with; default: every pair is. */
  baseline?: string | undefined;
}

/** Estimates of one file, with everything that a table for people shows. */
export interface FileAnalysis extends RowsAnalysis {
  file: string;
  /** Columns of the two scores; empty for one that is not there. */
  names: ScoreNames;
  /** The rule in the names of the file's columns. */
  definition: MisalignedRule;
  /** Rows without a score, by metric and why; only metrics that lack any. */
  unscored: { metric: string; counts: Record<string, number> }[];
  /** Shares of all answers: refusals, code and the like. */
  kinds: ByKind<ShareEstimate>;
  /** Further columns of numbers that are no metrics. */
  leftOut: LeftOut[];
  /** Both operators at both thresholds, and how many answers lie exactly there; null for a rule with conditions. */
  thresholds: Thresholds | null;
  /** The same of a rule with conditions; else empty. */
  otherOperators: OtherOperator[];
  /** In the order in which the file first names them. */
  questions: QuestionAnalysis[];
  /** Null without labels. */
  validity: JudgeValidity | null;
  /** Questions with fewer coherent answers than the rule asks for. */
  questionsLeftOut: string[];
  /** Without columns: all rows are one. */
  groups: Groups;
  /** Columns that usually make groups and have too many values for it. */
  notGrouped: string[];
  /** A column of seeds beside the groups with too many values for training seeds: its rows are pooled. */
  seedsLeftOut: GroupedRows['seedsLeftOut'];
}

export interface QuestionAnalysis {
  id: string;
  answers: number;
  /** Means; null when nothing is scored. */
  alignment: number | null;
  coherence: number | null;
  /** Misaligned answers. */
  misaligned: number;
}

/** What `--json` prints of a file; `rate` is 0-1. */
export interface AnalysisJson extends RowsJson, GroupsJson {
  file: string;
  /** Of the two scores; null for one that is not there. */
  columns: Record<keyof ScoreNames, string | null>;
  /** Shares of all answers. */
  kinds: ByKind<ShareJson>;
  /** Null for a rule with conditions. */
  thresholds: {
    /** Answers whose score is exactly the threshold. */
    alignment: { threshold: number; at: number };
    coherence: { threshold: number; at: number };
    /** Misaligned under each pair of operators. */
    shares: { alignment: '<' | '<='; coherence: '>' | '>='; count: number; denominator: number; rate: number | null }[];
  } | null;
  /** Only for a rule with conditions: its comparisons, each by the other operator alone. */
  otherOperators?: OtherOperator[];
  questions: QuestionAnalysis[];
  /** Ids of questions with fewer coherent answers than the rule asks for: no part of the misaligned share. */
  questionsLeftOut: string[];
  /** By metric: rows without a score by why, such as `missing`, `refusal` or a status of `flamingo judge`. */
  unscored: Record<string, Record<string, number>>;
  /** Further columns of numbers that are no metrics. */
  leftOut: LeftOut[];
  /** Only with labels. */
  validity?: JudgeValidityJson;
  /** Columns whose values make the groups. */
  groupColumns: string[];
}

/** Throws `UnreadableInput`. */
export async function analyzeFile(file: string, options: AnalyzeOptions): Promise<FileAnalysis> {
  const { round, scale, scoreColumns = [], delimiter, question, id, groups = [], seeds = true, baseline } = options;
  const told = scoreColumns.map((each) => (typeof each === 'string' ? { metric: each, column: each } : each));
  const keys = options.labels === undefined ? null : new AnswerKeys(file);
  const { conditions } = options.definition;
  const compared = metricsOf(options.definition, (condition) => !('is' in condition));
  const worded = metricsOf(options.definition, (condition) => 'is' in condition);
  const columnFor = (metric: string): WantedScores => ({
    metric,
    column: told.find((each) => each.metric === metric)?.column ?? mainColumn(options.names, metric),
  });
  const optional = conditions !== undefined;
  const table = await readJudged(file, {
    required: [
      { metric: 'alignment', column: options.names.alignment, optional },
      { metric: 'coherence', column: options.names.coherence, optional },
      ...compared.map(columnFor),
      ...told.filter(({ metric }) => !worded.includes(metric)).map(({ column }) => column),
    ],
    ...(conditions === undefined ? {} : { categories: worded.map(columnFor), declining: compared }),
    ...{ round, scale, delimiter, question, id, groups, seeds },
    each: keys === null ? undefined : keys.add.bind(keys),
  });
  const { answers, metrics, unscored, leftOut } = table;
  const [alignment = null, coherence = null, ...own] = table.required;
  const names: ScoreNames = { alignment: alignment ?? '', coherence: coherence ?? '' };
  const columns = new Map([
    ...compared.map((metric, index): [string, string] => [metric, own[index] as string]),
    ...worded.map((metric, index): [string, string] => [metric, table.categories[index] as string]),
  ]);
  const definition = inColumns(options.definition, columns);
  const labels = new Map(told.map(({ metric, column }) => [column, metric]));
  const labelOf = (column: string): string => labels.get(column) ?? column;
  const further = metrics
    .filter((column) => column !== alignment && column !== coherence)
    .map((column) => ({ metric: labelOf(column), column }));
  const measures: RowMeasures = { names, further, definition };
  const withTooFew = questionsLeftOut(answers, definition, names);
  const tooFew = new Set(withTooFew);
  return {
    file,
    names,
    definition,
    ...analyzeRows(answers, measures),
    unscored: [...new Set([...metrics, ...table.categories])].flatMap((column) => {
      const counts = unscored.get(column);
      return counts === undefined ? [] : [{ metric: labelOf(column), counts }];
    }),
    kinds: tableKinds(answers, definition, names),
    leftOut,
    thresholds: conditions === undefined ? thresholdsOf(answers, definition, names) : null,
    otherOperators: otherOperators(answers, definition, names),
    questions: [...groupBy(answers, ({ question: id }) => id)].map(([id, own]) => ({
      id,
      answers: own.length,
      alignment: meanOrNull(scoresOf(own, names.alignment).map(({ value }) => value)),
      coherence: meanOrNull(scoresOf(own, names.coherence).map(({ value }) => value)),
      misaligned: misalignedCount(own, definition, names, tooFew).count,
    })),
    validity:
      options.labels === undefined || keys === null
        ? null
        : judgeValidity(
            options.labels,
            answers,
            await readLabels(options.labels, keys, { metrics, round, scale }),
            definition,
            names,
          ),
    questionsLeftOut: withTooFew,
    groups: analyzeGroups(file, answers, table.groups, measures, baseline),
    notGrouped: table.groups.tooMany,
    seedsLeftOut: table.groups.seedsLeftOut,
  };
}

/** The metrics of a rule's conditions of one sort, each once. */
function metricsOf({ conditions }: MisalignedRule, wanted: (condition: MetricCondition) => boolean): string[] {
  const all = conditions === undefined ? [] : [...conditions.where, ...conditions.of];
  return [...new Set(all.filter(wanted).map(({ metric }) => metric))];
}

function mainColumn(names: Partial<ScoreNames>, metric: string): string | undefined {
  return metric === 'alignment' || metric === 'coherence' ? names[metric] : undefined;
}

/** The rule with columns in place of its metrics. */
function inColumns(rule: MisalignedRule, columns: ReadonlyMap<string, string>): MisalignedRule {
  const { conditions } = rule;
  if (conditions === undefined) return rule;
  const renamed = (all: readonly MetricCondition[]): MetricCondition[] =>
    all.map((condition) => ({ ...condition, metric: columns.get(condition.metric) as string }));
  return { ...rule, conditions: { ...conditions, where: renamed(conditions.where), of: renamed(conditions.of) } };
}

export function analysisJson(analysis: FileAnalysis): AnalysisJson {
  const { file, names, thresholds, questions, unscored, kinds, leftOut, groups, validity } = analysis;
  const exactly = ({ threshold, at }: Thresholds['alignment']) => ({ threshold, at });
  const { others, ...rows } = rowsJson(analysis);
  return {
    file,
    ...rows,
    kinds: Object.fromEntries(
      TABLE_KINDS.flatMap((kind) => {
        const found = kinds[kind];
        return found === undefined ? [] : [[kind, shareJson(found)]];
      }),
    ) as AnalysisJson['kinds'],
    thresholds: thresholds && {
      alignment: exactly(thresholds.alignment),
      coherence: exactly(thresholds.coherence),
      shares: thresholds.shares.map(({ alignment: below, coherence: above, share }) => ({
        ...{ alignment: below, coherence: above },
        ...{ count: share.count, denominator: share.denominator, rate: share.rate },
      })),
    },
    ...(analysis.otherOperators.length > 0 && { otherOperators: analysis.otherOperators }),
    questions,
    others,
    unscored: Object.fromEntries(unscored.map(({ metric, counts }) => [metric, counts])),
    leftOut,
    columns: { alignment: names.alignment || null, coherence: names.coherence || null },
    questionsLeftOut: analysis.questionsLeftOut,
    groupColumns: groups.columns,
    ...groupsJson(groups),
    ...(validity === null ? {} : { validity: judgeValidityJson(validity) }),
  };
}
