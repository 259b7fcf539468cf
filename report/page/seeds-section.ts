/**
 * Recipes that were trained under several seeds: each value over the seeds, and each seed's own.
 */
import type { ReportInput } from '../report-input';
import type { Results } from '../results';
import type { RecipeCell, RecipeMeasure } from '../statistics/recipes';
import { VERDICT_WORDS } from '../claim-words';
import { exclusionWords } from '../statistics/exclusions';
import { bothIntervals, fixed } from './format';
import { conditionLabels } from './labels';
import { markup, type Markup } from './markup';
import { byQuestionSet } from './question-sets';
import { numeric, table } from './table';
import { unscoredSeeds } from './unscored-seeds';

export function seedsSection(
  input: ReportInput,
  { recipes, cells, seedExclusions, claims, claimsWithoutExcluded }: SeedResults,
): Markup | null {
  if (recipes.length === 0) return null;
  const conditionOf = conditionLabels({ cells });
  return markup`<section id="seeds">
    <h2>Over training seeds</h2>
    <p class="lead">
      The mean of the seeds' values. Each fine-tune is one draw of its recipe: the 95 % intervals are over seeds, and for
      questions <i>like these</i> over seeds and questions. Below them the values of the single seeds.
    </p>
    ${seedExclusions.length > 0 && exclusionList(seedExclusions)}
    ${claimsWithoutExcluded.length > 0 && verdictsWithout(claims, claimsWithoutExcluded)}
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
      const { label, seeds, measures: own, without } = recipe;
      return markup`<tr>
          <th scope="row">${label}</th>
          <td>${conditionOf(recipe)}</td>
          <td class="number">${seeds.length}</td>
          ${measures.map((measure) => markup`<td class="number">${valueOf(own.find((each) => each.measure === measure))}${unscoredSeeds(recipe, measure)}${without && withoutValue(without, measure)}</td>`)}
        </tr>`;
    }),
    'seeds',
  );
}

type SeedResults = Pick<Results, 'recipes' | 'cells' | 'seedExclusions' | 'claims' | 'claimsWithoutExcluded'>;

function exclusionList(exclusions: Results['seedExclusions']): Markup {
  return markup`<p>Rules of the experiment exclude seeds. Every value is over all seeds, and beside it stands the one without them.</p>
    <ul class="small">
      ${exclusions.map(({ rule, recipe, seeds }) => {
        const out = seeds.filter(({ isExcluded }) => isExcluded);
        const values = seeds.map(({ seed, value }) => `${seed}: ${value === null ? 'not known' : fixed(value, 3)}`);
        return markup`<li>${recipe}, ${exclusionWords(rule)}: ${out.length === 0 ? 'no seed is excluded' : `excluded ${out.map(({ seed }) => seed).join(', ')}`} (${values.join('; ')})</li>`;
      })}
    </ul>`;
}

/** Whose verdict hangs on the excluded seeds; and that of the others does not. */
function verdictsWithout(claims: Results['claims'], without: Results['claims']): Markup {
  const changed = claims.flatMap(({ claim, verdict }, index) => {
    const other = without[index];
    return other === undefined || other.verdict === verdict
      ? []
      : [`${claim.id}: ${VERDICT_WORDS[verdict]} over all seeds, ${VERDICT_WORDS[other.verdict]} without`];
  });
  return markup`<p>Claims without the excluded seeds (claims-without-excluded-seeds.csv): ${changed.length === 0 ? 'every verdict is the same' : changed.join('; ')}.</p>`;
}

function withoutValue({ excluded, measures }: NonNullable<RecipeCell['without']>, measure: string): Markup {
  const found = measures.find((each) => each.measure === measure);
  return markup`<div class="small">without ${excluded.join(', ')}: ${found === undefined ? 'no seed is left' : valueOf(found)}</div>`;
}

function valueOf(found: RecipeMeasure | undefined): Markup | string {
  if (found === undefined) return '–';
  const scale = found.measure === 'misaligned' ? 100 : 1;
  const { value, points } = found.found;
  return markup`<b>${fixed(value === null ? null : scale * value)}${scale === 100 && value !== null && ' %'}</b>
    ${bothIntervals(found.found, scale)}
    <div class="small faint">${points.map((point) => fixed(scale * point.value)).join(' · ')}</div>`;
}
