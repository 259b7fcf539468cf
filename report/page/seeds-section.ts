/**
 * Recipes that were trained under several seeds: each value over the seeds, and each seed's own.
 */
import type { ReportInput } from '../report-input';
import type { Results } from '../results';
import type { RecipeCell, RecipeMeasure } from '../statistics/recipes';
import { bothIntervals, fixed } from './format';
import { conditionLabels } from './labels';
import { markup, type Markup } from './markup';
import { byQuestionSet } from './question-sets';
import { numeric, table } from './table';

export function seedsSection(
  input: ReportInput,
  { recipes, cells }: Pick<Results, 'recipes' | 'cells'>,
): Markup | null {
  if (recipes.length === 0) return null;
  const conditionOf = conditionLabels({ cells });
  return markup`<section id="seeds">
    <h2>Over training seeds</h2>
    <p class="lead">
      The mean of the seeds' values. Each fine-tune is one draw of its recipe: the 95 % intervals are over seeds, and for
      questions <i>like these</i> over seeds and questions. Below them the values of the single seeds.
    </p>
    ${byQuestionSet(
      input,
      recipes,
      ({ questionSet }) => questionSet,
      (own) => recipesTable(own, conditionOf),
    )}
  </section>`;
}

function recipesTable(recipes: readonly RecipeCell[], conditionOf: (recipe: RecipeCell) => string): Markup {
  const measures = [...new Set(recipes.flatMap(({ measures: own }) => own.map(({ measure }) => measure)))];
  return table(
    ['Recipe', 'Prompt', numeric('Seeds'), ...measures.map((measure) => numeric(measure))],
    recipes.map((recipe) => {
      const { label, seeds, measures: own } = recipe;
      return markup`<tr>
          <th scope="row">${label}</th>
          <td>${conditionOf(recipe)}</td>
          <td class="number">${seeds.length}</td>
          ${measures.map((measure) => markup`<td class="number">${valueOf(own.find((each) => each.measure === measure))}</td>`)}
        </tr>`;
    }),
    'seeds',
  );
}

function valueOf(found: RecipeMeasure | undefined): Markup | string {
  if (found === undefined) return '–';
  const scale = found.measure === 'misaligned' ? 100 : 1;
  const { value, points } = found.found;
  return markup`<b>${fixed(value === null ? null : scale * value)}${scale === 100 && value !== null && ' %'}</b>
    ${bothIntervals(found.found, scale)}
    <div class="small faint">${points.map((point) => fixed(scale * point.value)).join(' · ')}</div>`;
}
