/**
 * Prompts in words, for people: what rows were trained with, and what a condition says besides the question.
 */
import type { Prompted } from './asked';
import { cut } from './excerpt';
import type { Plan, PlannedConfiguration, PoolPrompt, RowPrompts, SystemPrompt, UserAffixes } from './plan';

/** Characters of a prompt that are shown. */
const SHOWN = 120;

/** Pools by key, for their names. */
type Pools = Plan['pools'];

export function describePrompt(prompt: SystemPrompt | PoolPrompt, pools: Pools = {}): string {
  switch (prompt.kind) {
    case 'default':
      return 'no system message: the model’s template decides';
    case 'none':
      return 'no system turn';
    case 'empty':
      return 'an empty system message';
    case 'text':
      return `system prompt ${quoted(prompt.text)}`;
    case 'pool': {
      const name = pools[prompt.pool]?.name;
      const many = `${prompt.members.toLocaleString('en')} system prompt${prompt.members === 1 ? '' : 's'}`;
      return `one of ${many} (pool ${name === undefined ? '' : `${name}, `}${prompt.pool.slice(0, 12)}, seed ${prompt.seed})`;
    }
  }
}

export function describeUser({ prefix, suffix, turn }: UserAffixes): string {
  const parts = [
    ...(prefix === undefined ? [] : [`${quoted(prefix)} before`]),
    ...(suffix === undefined ? [] : [`${quoted(suffix)} behind`]),
  ];
  return `${parts.join(' and ')} ${turn === 'all' ? 'each of the user’s turns' : 'the user’s last turn'}`;
}

/** What a condition says to the model, and how it makes the answer begin. */
export function describeCondition({ systemPrompt, user, ownSystem, prefill }: Prompted, pools?: Pools): string {
  return [
    `${describePrompt(systemPrompt, pools)}${systemPrompt.kind === 'pool' ? ' for each question' : ''}`,
    ...(user === undefined ? [] : [describeUser(user)]),
    ...(ownSystem === undefined
      ? []
      : [
          ownSystem === 'prepend'
            ? 'put before questions’ own system messages'
            : 'in place of questions’ own system messages',
        ]),
    ...(prefill === undefined ? [] : [`every answer begins with ${JSON.stringify(prefill)}, which is not sampled`]),
  ].join('; ');
}

/** What was put into training rows, beside the prompt that the recipe names. */
export function describeRowPrompts(put: RowPrompts, rowCount: number, pools?: Pools): string[] {
  const { systemPrompt, choose, user, where, otherwise, prompted } = put;
  const chosen =
    choose === undefined ? '' : ` for each row, ${choose === 'by_row' ? 'by its content' : 'one after the other'}`;
  return [
    ...(systemPrompt === undefined ? [] : [`${describePrompt(systemPrompt, pools)}${chosen}`]),
    ...(user === undefined ? [] : [describeUser(user)]),
    ...(where === undefined
      ? []
      : [
          `only in the ${prompted.toLocaleString('en')} of ${rowCount.toLocaleString('en')} rows with ${describeWhere(where)}`,
          `the others: ${otherwise === undefined ? describePrompt({ kind: 'default' }) : describePrompt({ kind: 'text', text: otherwise })}`,
        ]),
  ];
}

function describeWhere(where: NonNullable<RowPrompts['where']>): string {
  return Object.entries(where)
    .map(([name, wanted]) =>
      Array.isArray(wanted)
        ? `${name} ${wanted.map((value) => JSON.stringify(value)).join(' or ')}`
        : `${JSON.stringify(wanted.contains)} in ${name}`,
    )
    .join(' and ');
}

/** What the training rows were given; null for the base model. */
export function describeTraining(
  { recipe, rowPrompts }: Pick<PlannedConfiguration, 'recipe' | 'rowPrompts'>,
  pools?: Pools,
): string | null {
  if (recipe === null) return null;
  return [
    ...(rowPrompts?.systemPrompt === undefined ? [describePrompt(recipe.systemPrompt)] : []),
    ...(rowPrompts === undefined ? [] : describeRowPrompts(rowPrompts, recipe.rowCount, pools)),
  ].join('; ');
}

function quoted(text: string): string {
  return cut(JSON.stringify(text), SHOWN);
}
