/**
 * The groups of a judged table and their differences, as rows of the tables that `flamingo analyze` prints.
 */
import { columnList } from '../inputs/answers/spellings';
import type { Groups } from '../report/analyze-groups';
import { visibleLine } from '../report/page/visible';
import type { ScoreNames } from '../report/statistics/misaligned';
import { interval, share, shortened, shown } from './analyze-cells';

/** Means, and the misaligned share with both intervals, by group. */
export function groupRows({ groups }: Groups, names: ScoreNames): string[][] {
  const others = groups[0]?.others.map(({ metric }) => metric) ?? [];
  const main = [names.alignment, names.coherence].filter((name) => name !== '');
  const seeds = groups.some((each) => each.seeds > 1);
  return [
    [
      ...['group', ...(seeds ? ['seeds'] : []), 'answers', ...main, ...others].map(visibleLine),
      ...['misaligned', '95 %, these questions', '95 %, questions like these', 'n'],
    ],
    ...groups.map(({ group, seeds: own, answers, alignment, coherence, others: further, misaligned }) => [
      shortened(visibleLine(group)),
      ...(seeds ? [String(own)] : []),
      String(answers),
      ...[
        ...(names.alignment === '' ? [] : [alignment]),
        ...(names.coherence === '' ? [] : [coherence]),
        ...further.map(({ estimate }) => estimate),
      ].map(({ mean }) => shown(mean, 2)),
      share(misaligned.rate),
      interval(misaligned.theseQuestions, 100),
      interval(misaligned.questionsLikeThese, 100),
      `${misaligned.count} of ${misaligned.denominator}`,
    ]),
  ];
}

/** `b − a`, by measure, with both intervals; of shares in percentage points. */
export function contrastRows({ contrasts }: Groups): string[][] {
  return [
    ['difference', 'of', 'value', '95 %, these questions', '95 %, questions like these', 'common questions'],
    ...contrasts.map(({ group, reference, measure, difference }) => {
      const scale = measure === 'misaligned' ? 100 : 1;
      return [
        `${shortened(visibleLine(group))} − ${shortened(visibleLine(reference))}`,
        visibleLine(measure),
        shown(difference.difference === null ? null : scale * difference.difference, 2),
        interval(difference.theseQuestions, scale),
        interval(difference.questionsLikeThese, scale),
        String(difference.questions),
      ];
    }),
  ];
}

/** Names the differences that have a side with a single fine-tune, whose spread over seeds is not its own; empty without any. */
export function singleSeedLines({ contrasts }: Groups): string[] {
  const pairs = contrasts.flatMap(({ group, reference, singles }) => (singles > 0 ? [`${group} − ${reference}`] : []));
  if (pairs.length === 0) return [];
  return [
    `  a side with one seed is taken to vary over seeds as the other does: ${visibleLine(columnList([...new Set(pairs)]))}`,
    '  (a group without training, such as the base model, has an empty seed)',
  ];
}

/** Names the groups with two seeds, whose interval over seeds has one degree of freedom; empty without any. */
export function twoSeedLines({ groups }: Groups): string[] {
  const pairs = groups.filter(({ seeds }) => seeds === 2).map(({ group }) => group);
  if (pairs.length === 0) return [];
  return [
    '  two seeds: the interval over seeds is as good as none; three at least (docs/statistics.md#training-seeds): ' +
      visibleLine(columnList(pairs)),
  ];
}
