/**
 * Prompt conditions: what is said to a model besides the question, when it is asked, and how its answer begins. A configuration has a
 * list of them, and a question set may have one of its own, which then goes for every configuration.
 */
import { canonicalJson } from './canonical';
import type { UserAffixes } from './plan';
import type { ConditionSpec, ConfigurationSpec, PromptSpec, QuestionSetSpec, TrainSpec } from './spec';

/** A condition of one configuration: nothing refers to its training any more. */
export interface Condition {
  name: string;
  prompt: PromptSpec;
  user?: UserAffixes;
  prefill?: string;
}

/** The conditions under which a configuration is asked a question set. */
export function conditionsOf(
  { conditions, train }: Pick<ConfigurationSpec, 'conditions' | 'train'>,
  set?: Pick<QuestionSetSpec, 'conditions'>,
): Condition[] {
  return resolved(set?.conditions ?? conditions, train);
}

/**
 * What the conditions of a list are for a configuration. Those that repeat its training are left out for the base model, and
 * where they come to the same as another one.
 */
function resolved(list: readonly ConditionSpec[], train: TrainSpec | null): Condition[] {
  const seen = new Set(list.flatMap((each) => (each.prompt === null ? [] : identityOf(fixed(each, each.prompt)))));
  return list.flatMap((each) => {
    if (each.prompt !== null) return fixed(each, each.prompt);
    if (train === null) return [];
    const found = fixed({ ...each, ...userPart(each.user ?? train.user) }, train.systemPrompt);
    const identity = identityOf(found);
    if (seen.has(identity)) return [];
    seen.add(identity);
    return found;
  });
}

function fixed({ name, user, prefill }: ConditionSpec, prompt: PromptSpec): Condition {
  return {
    ...{ name, prompt },
    ...userPart(isNothing(user) ? undefined : user),
    ...(prefill === undefined ? {} : { prefill }),
  };
}

/** Equal for conditions that say the same. */
export function identityOf({ prompt, user, prefill }: Pick<Condition, 'prompt' | 'user' | 'prefill'>): string {
  return canonicalJson({ prompt: asAsked(prompt), user, prefill });
}

/** How training rows get the members of a pool says nothing of how questions do. */
function asAsked(prompt: PromptSpec): object {
  return prompt.kind === 'pool' ? { kind: prompt.kind, pool: prompt.pool, seed: prompt.seed } : prompt;
}

/** For a condition that repeats no training, whatever the configuration. */
export function fixedIdentity(condition: ConditionSpec): string | null {
  return condition.prompt === null ? null : identityOf(fixed(condition, condition.prompt));
}

function isNothing(user: UserAffixes | undefined): boolean {
  return user?.prefix === undefined && user?.suffix === undefined;
}

function userPart(user: UserAffixes | undefined): { user?: UserAffixes } {
  return user === undefined ? {} : { user };
}
