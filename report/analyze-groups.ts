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
import { differenceOfMeans, differenceOfShares, type Difference } from './statistics/differences';
import { CONFIDENCE } from './statistics/intervals';
import { misalignedValues } from './statistics/misaligned';

export interface GroupAnalysis extends RowsAnalysis {
  /** The values of the columns, joined by `, `. */
  group: string;
  /** Column -> value, as the file has it. */
  values: Record<string, string>;
}

export interface GroupContrast {
  /** Less `reference`. */
  group: string;
  reference: string;
  /** A column of scores, a further metric, or `misaligned` (in shares of 1). */
  measure: string;
  difference: Difference;
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
  { columns, values }: Pick<GroupedRows, 'columns' | 'values'>,
  measures: RowMeasures,
  baseline?: string,
): Groups {
  const rows = new Map<string, { own: readonly string[]; answers: Answer[] }>();
  values.forEach((own, row) => {
    const key = JSON.stringify(own);
    const known = rows.get(key);
    const answer = answers[row] as Answer;
    if (known === undefined) rows.set(key, { own, answers: [answer] });
    else known.answers.push(answer);
  });
  const members = [...rows.values()].map((each) => ({ ...each, group: each.own.map(shownValue).join(', ') }));
  return {
    columns,
    groups: members.map(({ group, own, answers: theirs }) => ({
      group,
      values: Object.fromEntries(columns.map((column, index) => [column, own[index] as string])),
      ...analyzeRows(theirs, measures),
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

function compare(here: Member, reference: Member, { names, further, definition }: RowMeasures): GroupContrast[] {
  const contrast = (measure: string, difference: Difference): GroupContrast => ({
    ...{ group: here.group, reference: reference.group },
    ...{ measure, difference },
  });
  const main = [names.alignment, names.coherence].filter((column) => column !== '');
  const means = [...main.map((column) => ({ metric: column, column })), ...further].map(({ metric, column }) =>
    contrast(metric, differenceOfMeans(scoresOf(here.answers, column), scoresOf(reference.answers, column))),
  );
  const hits = ({ answers }: Member) => misalignedValues(answers, definition, names);
  const shares = differenceOfShares(hits(here), hits(reference), CONFIDENCE, definition.estimator);
  return [...means, contrast('misaligned', shares)];
}

/** What `--json` prints of groups. */
export interface GroupsJson {
  groups: ({ group: string; values: Record<string, string> } & RowsJson)[];
  contrasts: ({
    group: string;
    reference: string;
    measure: string;
    difference: number | null;
    /** Questions that both answer. */
    questions: number;
  } & TwoRanges)[];
}

export function groupsJson({ groups, contrasts }: Groups): GroupsJson {
  return {
    groups: groups.map((each) => ({ group: each.group, values: each.values, ...rowsJson(each) })),
    contrasts: contrasts.map(({ group, reference, measure, difference }) => ({
      ...{ group, reference, measure },
      ...{ difference: difference.difference, questions: difference.questions },
      ...rangesOf(difference),
    })),
  };
}
