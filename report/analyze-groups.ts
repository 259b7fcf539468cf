/**
 * Groups of rows of a table of judged answers, such as models or seeds: the numbers of each, and their differences over the
 * questions that both answer.
 */
import { scoresOf, type Answer } from '../experiment/scored-answer';
import { UnreadableInput } from '../inputs/files';
import type { GroupedRows } from '../inputs/answers/row-groups';
import { columnList } from '../inputs/answers/spellings';
import {
  analyzeRows,
  rangesOf,
  rowsJson,
  type RowMeasures,
  type RowsAnalysis,
  type RowsJson,
  type TwoRanges,
} from './analyze-rows';
import { MOST_PAIRED_GROUPS } from './statistics/contrasts';
import { differenceIn, type Difference } from './statistics/differences';
import { estimateMean, type Clustered, type MeanEstimate } from './statistics/estimates';
import { groupBy } from './statistics/grouping';
import { CONFIDENCE } from './statistics/intervals';
import { misalignedShare, misalignedValues } from './statistics/misaligned';
import { combineMeansOverSeeds, combineSharesOverSeeds, type SeedArm } from './statistics/over-seeds';

export interface GroupAnalysis extends RowsAnalysis {
  /** The values of the columns, joined by `, `. */
  group: string;
  /** Column -> value, as the file has it. */
  values: Record<string, string>;
  /** Training seeds with an answer; 1: the numbers are of one fine-tune, or the table tells no seeds. */
  seeds: number;
  /** By measure, of a group with several: how many of them have a value, which are those that its intervals are over. */
  scoredSeeds: ScoredSeeds[];
}

export interface ScoredSeeds {
  /** As in `GroupContrast`. */
  measure: string;
  seeds: number;
}

export interface GroupContrast {
  /** Less `reference`. */
  group: string;
  reference: string;
  /** A column of scores, a further metric, or `misaligned` (in shares of 1). */
  measure: string;
  difference: Difference;
  /** Fewest training seeds of a side that has several; 1: the intervals are of single fine-tunes. */
  seeds: number;
  /** Sides with a single fine-tune where the other has several: the other's spread is taken for them, too. */
  singles: number;
}

export interface Groups {
  columns: string[];
  /** In the order in which the file first names them. */
  groups: GroupAnalysis[];
  /** Each pair of groups, the later less the earlier; with a baseline, or of many groups, each less that one. */
  contrasts: GroupContrast[];
}

/** `file`: for messages. Throws `UnreadableInput` for a baseline that is no group. */
export function analyzeGroups(
  file: string,
  answers: readonly Answer[],
  { columns, values, seeds }: Pick<GroupedRows, 'columns' | 'values' | 'seeds'>,
  measures: RowMeasures,
  baseline?: string,
): Groups {
  const rows = new Map<string, { own: readonly string[]; answers: Answer[]; seedOf: string[] }>();
  values.forEach((own, row) => {
    const key = JSON.stringify(own);
    const known = rows.get(key);
    const answer = answers[row] as Answer;
    const seed = seeds?.values[row] ?? '';
    if (known === undefined) rows.set(key, { own, answers: [answer], seedOf: [seed] });
    else {
      known.answers.push(answer);
      known.seedOf.push(seed);
    }
  });
  const members = [...rows.values()].map(({ own, answers: theirs, seedOf }) => ({
    ...{ own, answers: theirs },
    group: own.map(shownValue).join(', '),
    seeds: [
      ...groupBy(
        theirs.map((answer, row) => ({ answer, seed: seedOf[row] as string })),
        ({ seed }) => seed,
      ),
    ].map(([seed, ofSeed]) => ({ seed, answers: ofSeed.map(({ answer }) => answer) })),
  }));
  return {
    columns,
    groups: members.map((member) => ({
      group: member.group,
      values: Object.fromEntries(columns.map((column, index) => [column, member.own[index] as string])),
      seeds: member.seeds.length,
      scoredSeeds: member.seeds.length > 1 ? scoredSeeds(member, measures) : [],
      ...analyzeRows(member.answers, measures),
      ...(member.seeds.length > 1 && overSeeds(member, measures)),
    })),
    contrasts: pairsOf(file, members, baseline).flatMap(([here, reference]) => compare(here, reference, measures)),
  };
}

function shownValue(value: string): string {
  return value === '' ? '(empty)' : value;
}

interface Member {
  group: string;
  answers: readonly Answer[];
  /** One where the table tells no seeds. */
  seeds: readonly { seed: string; answers: readonly Answer[] }[];
}

/** The seed is the outer level of a group with several: its values are means of the seeds' own, and their intervals over seeds. */
function overSeeds(
  member: Member,
  { names, further, definition }: RowMeasures,
): Pick<RowsAnalysis, 'alignment' | 'coherence' | 'others' | 'misaligned'> {
  const meanOf = (column: string): MeanEstimate => {
    const { value, theseQuestions, questionsLikeThese } = combineMeansOverSeeds([
      armOf(1, member, (answers) => scoresOf(answers, column)),
    ]);
    return { ...estimateMean(scoresOf(member.answers, column)), mean: value, theseQuestions, questionsLikeThese };
  };
  const { value, theseQuestions, questionsLikeThese } = combineSharesOverSeeds(
    [armOf(1, member, (answers) => misalignedValues(answers, definition, names))],
    CONFIDENCE,
    definition.estimator,
  );
  return {
    alignment: meanOf(names.alignment),
    coherence: meanOf(names.coherence),
    others: further.map(({ metric, column }) => ({ metric, estimate: meanOf(column) })),
    misaligned: {
      ...misalignedShare(member.answers, definition, names),
      ...{ rate: value, theseQuestions, questionsLikeThese },
    },
  };
}

function scoredSeeds({ seeds }: Member, measures: RowMeasures): ScoredSeeds[] {
  return measuresOf(measures).map(({ measure, valuesOf }) => ({
    measure,
    seeds: seeds.filter(({ answers }) => valuesOf(answers).length > 0).length,
  }));
}

interface Measure {
  measure: string;
  isShare: boolean;
  valuesOf: (answers: readonly Answer[]) => Clustered[];
}

/** Each metric's scores, and which answers are misaligned. */
function measuresOf({ names, further, definition }: RowMeasures): Measure[] {
  const main = [names.alignment, names.coherence].filter((column) => column !== '');
  return [
    ...[...main.map((column) => ({ metric: column, column })), ...further].map(({ metric, column }): Measure => ({
      ...{ measure: metric, isShare: false },
      valuesOf: (answers) => scoresOf(answers, column),
    })),
    {
      ...{ measure: 'misaligned', isShare: true },
      valuesOf: (answers) => misalignedValues(answers, definition, names),
    },
  ];
}

/** A group whose only seed is empty is the base model: no training seed was drawn for it that another could replace. */
function armOf(sign: 1 | -1, { seeds }: Member, valuesOf: (answers: readonly Answer[]) => Clustered[]): SeedArm {
  return {
    sign,
    isUntrained: seeds.every(({ seed }) => seed === ''),
    seeds: seeds.map(({ seed, answers }) => ({ seed, values: valuesOf(answers) })),
  };
}

function pairsOf(file: string, members: readonly Member[], baseline: string | undefined): [Member, Member][] {
  if (baseline === undefined && members.length <= MOST_PAIRED_GROUPS) {
    return members.flatMap((here, index) => members.slice(0, index).map((there): [Member, Member] => [here, there]));
  }
  const reference = baseline === undefined ? members[0] : members.find(({ group }) => group === baseline);
  if (reference === undefined) {
    const there =
      members.length === 0 ? 'no groups; --group names their column' : columnList(members.map(({ group }) => group));
    throw new UnreadableInput(`${file}: no group is called ${JSON.stringify(baseline)}; there are: ${there}`);
  }
  return members.flatMap((here): [Member, Member][] => (here === reference ? [] : [[here, reference]]));
}

function compare(here: Member, reference: Member, measures: RowMeasures): GroupContrast[] {
  const { estimator } = measures.definition;
  return measuresOf(measures).map(({ measure, isShare, valuesOf }) => {
    const arms = [armOf(1, here, valuesOf), armOf(-1, reference, valuesOf)];
    const found = isShare ? combineSharesOverSeeds(arms, CONFIDENCE, estimator) : combineMeansOverSeeds(arms);
    return {
      ...{ group: here.group, reference: reference.group },
      ...{ measure, difference: differenceIn(found), seeds: found.seeds, singles: found.singles },
    };
  });
}

/** What `--json` prints of groups. */
export interface GroupsJson {
  groups: (Pick<GroupAnalysis, 'group' | 'values' | 'seeds' | 'scoredSeeds'> & RowsJson)[];
  contrasts: ({
    group: string;
    reference: string;
    measure: string;
    difference: number | null;
    /** Questions that both answer. */
    questions: number;
    seeds: number;
    singles: number;
  } & TwoRanges)[];
}

export function groupsJson({ groups, contrasts }: Groups): GroupsJson {
  return {
    groups: groups.map((each) => ({
      ...{ group: each.group, values: each.values, seeds: each.seeds, scoredSeeds: each.scoredSeeds },
      ...rowsJson(each),
    })),
    contrasts: contrasts.map(({ group, reference, measure, difference, seeds, singles }) => ({
      ...{ group, reference, measure, seeds, singles },
      ...{ difference: difference.difference, questions: difference.questions },
      ...rangesOf(difference),
    })),
  };
}
