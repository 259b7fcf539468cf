/**
 * The configurations of the experiment: what each was trained on, under which system prompt, and what came of it.
 */
import { describeCommand, describeParts, describeStart } from '../../experiment/describe-recipe';
import { describeRowPrompts } from '../../experiment/describe-prompt';
import { isGiven } from '../../experiment/given-answers';
import type { Plan, PlannedConfiguration, Recipe, SystemPrompt } from '../../experiment/plan';
import type { ReportInput } from '../report-input';
import type { Results } from '../results';
import { dot } from './cell-parts';
import { conditionsTable } from './conditions-table';
import { hash, integer } from './format';
import { markup, type Markup } from './markup';
import { numeric, table } from './table';

function promptText(prompt: SystemPrompt): Markup {
  const named = {
    default: 'none given: the model’s template decides',
    none: 'no system turn',
    empty: 'an empty system message',
  };
  return prompt.kind === 'text'
    ? markup`<code>${prompt.text}</code>`
    : markup`<span class="faint">${named[prompt.kind]}</span>`;
}

/** What the rows were told. */
function trainedWith({ recipe, rowPrompts }: PlannedConfiguration, pools: Plan['pools']): Markup {
  if (recipe === null) return markup``;
  const put = rowPrompts === undefined ? [] : describeRowPrompts(rowPrompts, recipe.rowCount, pools);
  const prompt = rowPrompts?.systemPrompt === undefined ? promptText(recipe.systemPrompt) : '';
  return markup`${prompt}${put.map((line) => markup`<div class="small">${line}</div>`)}`;
}

function ownTrainer({ backend }: Recipe): Markup | string {
  if (backend === 'unsloth') return markup`<div class="small">trained through Unsloth</div>`;
  return typeof backend === 'string' ? '' : markup`<div class="small">trained by the ${describeCommand(backend)}</div>`;
}

function lengthText({ epochs, maxSteps }: Recipe): string {
  return maxSteps === undefined ? String(epochs) : `${maxSteps} steps`;
}

function mixText(parts: PlannedConfiguration['parts']): Markup | string {
  return parts === undefined ? '' : markup`<div class="small">${describeParts(parts)}</div>`;
}

function untrained(configuration: PlannedConfiguration): string {
  if (isGiven(configuration)) return 'answers from elsewhere';
  return configuration.adapter === undefined ? 'the base model as it is' : describeStart(configuration).join('; ');
}

export function configurationsSection({ plan, provenance }: ReportInput, { cells }: Results): Markup {
  const tuned = new Map(provenance.fineTunes.map((each) => [each.configuration, each]));
  return markup`<section id="configurations">
    <h2>Configurations</h2>
    ${table(
      [
        'Configuration',
        'System prompt in training',
        numeric('Rows'),
        numeric('Epochs × batch'),
        numeric('Learning rate'),
        numeric('Steps'),
        'Seeds',
        'Adapter, SHA-256',
      ],
      plan.configurations.map((configuration) => {
        const { name, label, recipe, parts } = configuration;
        const colour = cells.find((cell) => cell.configuration.name === name)?.colour;
        const head = markup`<th scope="row">${dot(colour)}${label}</th>`;
        if (recipe === null)
          return markup`<tr>
                ${head}
                <td colspan="7" class="faint">
                  ${untrained(configuration)}
                </td>
              </tr>`;
        return markup`<tr>
              ${head}
              <td>
                ${trainedWith(configuration, plan.pools)}${ownTrainer(recipe)}
                ${describeStart(configuration).map((line) => markup`<div class="small">${line}</div>`)}
              </td>
              <td class="number">${integer(recipe.rowCount)}${mixText(parts)}</td>
              <td class="number">${lengthText(recipe)} × ${recipe.batchSize}</td>
              <td class="number">${String(recipe.optimizer.learningRate)}</td>
              <td class="number">${tuned.get(name)?.steps ?? '–'}</td>
              <td class="small">initialisation ${recipe.seeds.initialisation}, order ${recipe.seeds.dataOrder}</td>
              <td>${hash(tuned.get(name)?.adapterSha256)}</td>
            </tr>`;
      }),
    )}
    ${conditionsTable(plan)}
  </section>`;
}
