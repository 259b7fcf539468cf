/**
 * The prompt conditions of an experiment file.
 */
import { conditionsOf, fixedIdentity } from '../conditions';
import type { Issue, Path } from '../issue';
import { EXPERIMENT_DEFAULTS } from '../presets';
import { buildPrompt, buildUser, type PromptContext } from './build-prompts';
import type { ConditionYaml } from './schema-prompts';
import type { ConditionSpec, ConfigurationSpec, QuestionSetSpec } from '../spec';

const BUILT_IN = ['default', 'training', 'none', 'empty'];

/** A list of conditions, of configurations or of a question set; undefined = the default list. */
export function buildConditions(
  input: readonly ConditionYaml[] | undefined,
  path: Path,
  context: PromptContext,
): ConditionSpec[] {
  const { issues } = context;
  if (input === undefined) return EXPERIMENT_DEFAULTS.conditions;
  const list = input.map((each, index) => buildCondition(each, [...path, index], context));
  const names = new Set<string>();
  const said = new Map<string, string>();
  list.forEach((condition, index) => {
    const { name } = condition;
    if (names.has(name.toLowerCase()))
      issues.push({ path: [...path, index], message: `the condition \`${name}\` is there twice` });
    names.add(name.toLowerCase());
    if (typeof input[index] === 'object' && BUILT_IN.includes(name))
      issues.push({ path: [...path, index, 'name'], message: `\`${name}\` is the name of a built-in condition` });
    const identity = fixedIdentity(condition);
    if (identity === null) return;
    const other = said.get(identity);
    if (other === undefined) said.set(identity, name);
    else if (other !== name)
      issues.push({
        path: [...path, index],
        message: `the condition \`${name}\` says the same as \`${other}\`: it would be measured twice`,
        hint: 'leave one of them out',
      });
  });
  return list;
}

function buildCondition(input: ConditionYaml, path: Path, context: PromptContext): ConditionSpec {
  if (input === 'training') return { name: input, prompt: null };
  if (typeof input === 'string') return { name: input, prompt: { kind: input } };
  const { name, text, system = 'default', user, prefill } = input;
  const begun = prefill === undefined ? {} : { prefill };
  if (system === 'training') return { name, prompt: null, user: user === undefined ? {} : buildUser(user), ...begun };
  const prompt = buildPrompt(text === undefined ? system : { text }, [...path, 'system'], context);
  return { name, prompt, ...(user === undefined ? {} : { user: buildUser(user) }), ...begun };
}

/** A configuration that is asked nothing, or measured under nothing, can be no part of a report. */
export function checkConditionsLeft(configuration: ConfigurationSpec, path: Path, issues: Issue[]): void {
  if (conditionsOf(configuration).length > 0) return;
  issues.push({
    path,
    message: 'no condition is left: the base model has no training prompt',
    hint: 'add `default`',
  });
}

/** The lists of the question sets may leave a configuration nothing that it is asked. */
export function checkAsked(
  questionSets: Record<string, QuestionSetSpec>,
  configurations: readonly ConfigurationSpec[],
  issues: Issue[],
): void {
  const sets = Object.entries(questionSets);
  const [last] = sets.findLast(([, { conditions }]) => conditions !== undefined) ?? [];
  if (last === undefined) return;
  for (const configuration of configurations) {
    if (sets.some(([, set]) => conditionsOf(configuration, set).length > 0)) continue;
    issues.push({
      path: ['question_sets', last, 'conditions'],
      message: `\`${configuration.name}\` is asked nothing: no question set has a condition that is left for it`,
      hint: 'add `default` to one of them',
    });
  }
}
