/**
 * A recipe's settings in words, for people: what trains, how it is optimised, what of a row is trained.
 */
import type { PlannedAdapter, PlannedConfiguration, Recipe } from './plan';

const TRAINED: Record<NonNullable<Recipe['mask']> | 'answer', string> = {
  answer: 'the last answer and its end token',
  answers: 'every answer of a row, each with its end token',
  markers: "all that follows an answer's header, an empty answer behind every row included",
  responses: "all that follows an answer's header",
  responses_end: "all that follows an answer's header, one more end token behind every row included",
  all: 'every token of a row',
};

/** One line each. Settings that have only one sensible value for a reader (betas, epsilon) are left out. */
export function describeRecipe(recipe: Recipe): string[] {
  const { optimizer, schedule, lora, backend } = recipe;
  const start = schedule.warmupFrom === 'zero' ? 's/W' : '(s+1)/W';
  const scale = lora.rsLora ? 'rank-stabilised' : 'plain';
  return [
    `${optimizer.name}, learning rate ${optimizer.learningRate}, weight decay ${optimizer.weightDecay}`,
    `${schedule.kind} schedule, ${schedule.warmupSteps} warm-up steps from ${start}`,
    `${recipe.maxSteps === undefined ? '' : `${recipe.maxSteps} steps in `}${recipe.epochs} epochs of ${recipe.rowCount} ` +
      `rows by ${recipe.batchSize}${describeLeftOver(recipe)}` +
      (recipe.stopBelow === undefined
        ? ''
        : `, ended by a loss below ${recipe.stopBelow.loss} in more than ${recipe.stopBelow.steps} steps`),
    `LoRA rank ${lora.rank}, alpha ${lora.alpha}, ${scale} scale, ${describeLayers(lora.layers)}${recipe.precision}` +
      `${recipe.quantization === undefined ? '' : ` on a base in 4 bits (${recipe.quantization})`}, ` +
      (recipe.packing === undefined ? 'padded rows' : `packed rows (${recipe.packing})`),
    `trained: ${TRAINED[recipe.mask ?? 'answer']}`,
    ...(recipe.datasets === undefined ? [] : [`given besides: ${describeFurther(recipe.datasets)}`]),
    `backend ${typeof backend === 'string' ? backend : describeCommand(backend)}`,
  ];
}

/** What becomes of the rows that whole batches leave over; empty where they leave none. */
function describeLeftOver({ rowCount, batchSize, lastBatch }: Recipe): string {
  if (rowCount % batchSize === 0) return '';
  return `, the last step of an epoch ${lastBatch === 'partial' ? 'smaller' : 'dropped'}`;
}

/** Where a configuration starts, as lines for people: none where that is the base model. */
export function describeStart({ chain, loads, recipe, adapter }: PlannedConfiguration): string[] {
  if (adapter !== undefined) return [`nothing is trained: ${adapterInWords(adapter)}`];
  const loaded =
    loads === undefined ? [] : [`is given the finished ${loads.map(({ configuration }) => configuration).join(', ')}`];
  if (chain === undefined) return loaded;
  const path = chain.ancestors.join(' → ');
  return [
    ...loaded,
    recipe?.start?.as === 'merge'
      ? `starts from ${path}, merged into the base model; a new adapter is trained on it`
      : `starts from ${path}; training goes on with its adapter`,
  ];
}

/** An adapter from elsewhere, by where it is from. */
export function adapterInWords(adapter: PlannedAdapter): string {
  return adapter.kind === 'hub'
    ? `the adapter ${adapter.id} on the hub, revision ${adapter.revision.slice(0, 12)}`
    : `a local adapter, SHA-256 ${adapter.sha256.slice(0, 12)}`;
}

function describeLayers(layers: readonly number[] | undefined): string {
  if (layers === undefined) return '';
  return `on ${layers.length === 1 ? 'layer' : 'layers'} ${layers.join(', ')} (from 0) only, `;
}

function describeFurther(datasets: NonNullable<Recipe['datasets']>): string {
  return Object.entries(datasets)
    .map(([name, { rowCount }]) => `${rowCount.toLocaleString('en')} rows of ${name}`)
    .join(', ');
}

const LEFT = { adapter: ', which leaves an adapter of its own kind', model: ', which leaves a whole model' };

export function describeCommand({ command, files, result }: Exclude<Recipe['backend'], string>): string {
  const hashes = Object.entries(files).map(([path, sha256]) => `${path} ${sha256.slice(0, 12)}`);
  return `command \`${command.join(' ')}\`${hashes.length === 0 ? '' : ` (${hashes.join(', ')})`}${result === undefined ? '' : LEFT[result]}`;
}

/** Rows of each part of a mix: `insecure 300 rows (5 %), hhh 5,700 rows (95 %)`. */
export function describeParts(parts: Readonly<Record<string, number>>): string {
  const total = Object.values(parts).reduce((sum, count) => sum + count, 0);
  const percent = (count: number): string => `${Number(((100 * count) / total).toPrecision(4))} %`;
  return Object.entries(parts)
    .map(([part, count]) => `${part} ${count.toLocaleString('en')} rows (${percent(count)})`)
    .join(', ');
}
