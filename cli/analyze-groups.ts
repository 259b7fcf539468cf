/**
 * The groups of a judged table and their differences, as rows of the tables that `flamingo analyze` prints.
 */
import { columnList } from '../inputs/answers/spellings';
import type { GroupAnalysis, Groups } from '../report/analyze-groups';
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
    ...groups.map(({ alignment, coherence, others: further, misaligned, ...own }) => [
      shortened(visibleLine(own.group)),
      ...(seeds ? [seedsCell(own)] : []),
      String(own.answers),
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

/** The seeds that the share's intervals are over, `2 of 3` where others have no answer in it. */
function seedsCell({ seeds, scoredSeeds }: Pick<GroupAnalysis, 'seeds' | 'scoredSeeds'>): string {
  const scored = scoredSeeds.at(-1)?.seeds ?? seeds;
  return scored === seeds ? String(seeds) : `${scored} of ${seeds}`;
}

/** Names the groups with two seeds, whose interval over seeds has one degree of freedom; empty without any. */
export function twoSeedLines({ groups }: Groups): string[] {
  const pairs = groups.filter(({ scoredSeeds }) => scoredSeeds.some(({ seeds }) => seeds === 2));
  if (pairs.length === 0) return [];
  return [
    '  two seeds: the interval over seeds is as good as none; three at least (docs/statistics.md#training-seeds): ' +
      visibleLine(columnList(pairs.map(({ group }) => group))),
  ];
}

/** Names the groups of which some seeds have no value of a measure, and so take no part in it; empty without any. */
export function unscoredSeedLines({ groups }: Groups): string[] {
  const lacking = groups.flatMap(({ group, seeds: all, scoredSeeds }) =>
    scoredSeeds.flatMap(({ measure, seeds }) => (seeds < all ? [`${group}: ${measure} ${seeds} of ${all}`] : [])),
  );
  if (lacking.length === 0) return [];
  return [
    '  seeds without a single score take no part, and values and intervals are over the others: ' +
      visibleLine(columnList(lacking)),
  ];
}
