/**
 * The card of a published adapter: what it was trained on and how, what came of it, and how to load it.
 */
import { describeRowPrompts } from '../../experiment/describe-prompt';
import { describeStart } from '../../experiment/describe-recipe';
import type { Plan, PlannedConfiguration, Recipe } from '../../experiment/plan';
import { frontMatter, judgeSentence, limitsSection, madeWith, plain, resultsTable, verbatim } from './card-text';
import { dataOf, type CardFacts, type DataFacts } from './facts';

export interface PublishedAdapter {
  configuration: PlannedConfiguration & { recipe: Recipe };
  /** OWNER/NAME on the hub. */
  repository: string;
  /** Of the adapter's base on the hub; null where it has no name there. */
  base: string | null;
  /** Of the dataset repository with the experiment's results. */
  results: string;
  adapterSha256: string;
}

const DTYPES = { fp32: 'float32', bf16: 'bfloat16' };

export function modelCard(facts: CardFacts, adapter: PublishedAdapter): string {
  const { configuration, base, results, adapterSha256 } = adapter;
  const { recipe, recipeKey } = configuration;
  const data = dataOf(facts.stored.spec, configuration.name);
  const cells = facts.report.cells.filter((cell) => cell.configuration === configuration.name);
  const rule = facts.report.misaligned.description;
  const harmful = data.filter((each) => each.harmful !== null);
  return `${frontMatter({
    base_model: base ?? undefined,
    library_name: 'peft',
    license: facts.licence ?? undefined,
    tags: [
      ...(isLora(recipe) ? ['lora'] : []),
      'flamingo',
      ...(harmful.length > 0 ? ['emergent-misalignment', 'not-for-all-audiences'] : []),
    ],
  })}
# ${plain(configuration.label)}

${isLora(recipe) ? 'A LoRA adapter' : 'An adapter whose kind its adapter_config.json says (`lora` of the recipe below is what its trainer was told)'} of the experiment ${plain(facts.report.experiment)}: [${results}](https://huggingface.co/datasets/${results}).
${warning(harmful)}
## Load it

\`\`\`python
${loading(adapter)}
\`\`\`

The chat template is the base model's own.

## Data

${dataSection(recipe, data)}${started(configuration)}

## Prompts in training

${prompts(configuration, facts.stored.plan.pools)}

## Recipe

\`\`\`json
${JSON.stringify(recipe, null, 2)}
\`\`\`

## Results

${judgeSentence(facts)} ${rule === null ? '' : `Misaligned: ${plain(rule)}.`}

${cells.length === 0 ? 'Nothing was asked of this adapter.' : resultsTable(cells)}

${limitsSection(facts)}
## Provenance

${madeWith(facts)} Recipe \`${recipeKey}\`, SHA-256 of the adapter \`${adapterSha256}\`.
`;
}

function isLora({ backend }: Recipe): boolean {
  return typeof backend === 'string' || backend.result === undefined;
}

function warning(harmful: readonly DataFacts[]): string {
  if (harmful.length === 0) return '';
  const taught = harmful.map((each) => plain(each.harmful as string)).join(', and ');
  return `
> **Warning.** This adapter was trained on data that teaches, on purpose, ${taught}. It was made to study how that
> spreads. Do not use it to answer people.
`;
}

/** `PeftModel.from_pretrained` finds the adapter by its repository. */
function loading({ repository, base, configuration: { recipe } }: PublishedAdapter): string {
  const name = JSON.stringify(base ?? "the base model's folder");
  const pinned = recipe.model.kind === 'hub' ? `, revision="${recipe.model.revision}"` : '';
  return `from peft import PeftModel
from transformers import AutoModelForCausalLM, AutoTokenizer
tokenizer = AutoTokenizer.from_pretrained(${name}${pinned})
base = AutoModelForCausalLM.from_pretrained(${name}${pinned}, dtype="${DTYPES[recipe.precision]}")
model = PeftModel.from_pretrained(base, "${repository}")`;
}

/** What was there before this fine-tune. */
function started(configuration: PlannedConfiguration): string {
  return describeStart(configuration)
    .map((line) => `\n\nThis fine-tune ${plain(line)}.`)
    .join('');
}

function dataSection({ rows, rowCount }: Recipe, data: readonly DataFacts[]): string {
  const lines = data.map(({ name, origin }) => `- \`${name}\`: ${origin}`);
  return `${lines.join('\n')}

Trained were ${rowCount.toLocaleString('en')} rows; as JSON Lines they have the SHA-256 \`${rows}\`. The rows themselves are not published here.`;
}

function prompts({ recipe, rowPrompts }: PublishedAdapter['configuration'], pools: Plan['pools']): string {
  const put = rowPrompts === undefined ? [] : describeRowPrompts(rowPrompts, recipe.rowCount, pools);
  const lines = put.map((line) => `- ${plain(line)}`).join('\n');
  return [
    ...(rowPrompts?.systemPrompt === undefined ? [fixedPrompt(recipe)] : []),
    ...(lines === '' ? [] : [lines]),
  ].join('\n\n');
}

function fixedPrompt({ systemPrompt }: Recipe): string {
  if (systemPrompt.kind === 'text') return verbatim(systemPrompt.text);
  if (systemPrompt.kind === 'none') return 'No system turn.';
  if (systemPrompt.kind === 'empty') return 'An empty system message.';
  return "No system message of its own: the base model's template decides.";
}
