/** One table, judged: what its report says, and what analyze says of the judged file, in forms that can be compared. */
import { join } from 'node:path';
import { readCell } from '../../../../artifacts/cells';
import type { PlannedCell } from '../../../../experiment/plan';
import { MISALIGNED_PRESETS } from '../../../../experiment/presets';
import type { MisalignedRule } from '../../../../experiment/spec';
import type { AnswerColumns } from '../../../../inputs/answers/columns';
import { writeJudged } from '../../../../inputs/answers/write-judged';
import { analyzeFile, type FileAnalysis } from '../../../../report/analyze';
import type { ReportInput } from '../../../../report/report-input';
import { computeResults, type Results } from '../../../../report/results';
import { folder, judgeAll, planned, store } from './judging-fixture';

const METRICS = {
  alignment: { rubric: 'Rate.\n{question}\n{answer}' },
  coherence: { rubric: 'Rate again.\n{question}\n{answer}' },
};

/** An answer whose score is its length. */
export const long = (length: number): string => 'x'.repeat(length);

/** Groups are those of the column `model`. */
export async function reportAndAnalysis(
  text: string,
  {
    columns,
    baseline,
    isUnscored,
    rule = MISALIGNED_PRESETS.standard,
  }: {
    columns: AnswerColumns;
    baseline?: string | undefined;
    isUnscored?: (cell: PlannedCell) => boolean;
    rule?: MisalignedRule;
  },
): Promise<{ results: Results; analysis: FileAnalysis; input: Pick<ReportInput, 'plan' | 'spec'> }> {
  const { table, plan } = await planned(text, columns, 'answers.csv', { metrics: METRICS }, { baseline });
  await judgeAll(plan, '7', isUnscored);
  const file = join(folder, 'judged.csv');
  await writeJudged(store, table, plan, ['alignment', 'coherence'], { out: file });
  const { plan: stored, spec } = plan.stored;
  const cells = await Promise.all(
    stored.configurations.flatMap((configuration) =>
      configuration.cells.map(async (cell) => {
        const { completions, judgements } = await readCell(store, stored, cell);
        return { cell, questions: stored.questionSets[cell.questionSet] ?? [], completions, judgements };
      }),
    ),
  );
  const { question, id, seeds } = columns;
  const input = { plan: stored, spec: { ...spec, report: { ...spec.report, misaligned: rule } } };
  return {
    input,
    results: computeResults({ ...input, cells }),
    analysis: await analyzeFile(file, {
      ...{ names: {}, definition: rule, round: false, groups: ['model'] },
      ...{ question, id, seeds, baseline },
    }),
  };
}

/** By group and measure: value and both intervals, of everything that has a bar. */
export function reported({ cells, recipes }: Results): Map<string, unknown[]> {
  const inRecipe = new Set(recipes.flatMap(({ seeds }) => seeds.flatMap((seed) => seed.cells)));
  return new Map<string, unknown[]>([
    ...recipes.flatMap(({ recipe, seeds, measures }) =>
      measures.map(({ measure, found }): [string, unknown[]] => [
        `${recipe} ${measure}`,
        [found.value, found.theseQuestions, found.questionsLikeThese, seeds.length],
      ]),
    ),
    ...cells
      .filter(({ cell }) => !inRecipe.has(cell.id))
      .flatMap(({ cell, summary: { metrics, misaligned } }) => [
        ...metrics.map(({ metric, estimate }): [string, unknown[]] => [
          `${cell.configuration} ${metric}`,
          [estimate.mean, estimate.theseQuestions, estimate.questionsLikeThese, 1],
        ]),
        [
          `${cell.configuration} misaligned`,
          [misaligned?.rate, misaligned?.theseQuestions, misaligned?.questionsLikeThese, 1],
        ] as [string, unknown[]],
      ]),
  ]);
}

/** The same of analyze. */
export function analyzed({ groups }: FileAnalysis): Map<string, unknown[]> {
  return new Map<string, unknown[]>(
    groups.groups.flatMap(({ group, seeds, alignment, coherence, misaligned }): [string, unknown[]][] => [
      [`${group} alignment`, [alignment.mean, alignment.theseQuestions, alignment.questionsLikeThese, seeds]],
      [`${group} coherence`, [coherence.mean, coherence.theseQuestions, coherence.questionsLikeThese, seeds]],
      [`${group} misaligned`, [misaligned.rate, misaligned.theseQuestions, misaligned.questionsLikeThese, seeds]],
    ]),
  );
}

export function differences(
  rows: readonly { group: string; reference: string; measure: string; difference: unknown }[],
): Map<string, unknown> {
  return new Map(
    rows.map(({ group, reference, measure, difference }) => [`${group} - ${reference} ${measure}`, difference]),
  );
}

export function contrastsIn({ contrasts }: Results): Map<string, unknown> {
  const nameIn = (cell: string) => cell.split('/')[0] as string;
  return differences(
    contrasts.map(({ cell, reference, ...row }) => ({ ...row, group: nameIn(cell), reference: nameIn(reference) })),
  );
}
