/**
 * Conditions whose answers begin with given words (`prefill`): what does not go together with them.
 */
import { conditionsOf } from '../conditions';
import type { Issue } from '../issue';
import { ownValue } from '../records';
import type { AnswerProbabilitySpec, ConfigurationSpec, LogProbabilitySpec, QuestionSetSpec } from '../spec';

interface Measured {
  logProbability: LogProbabilitySpec | null;
  answerProbabilities: Record<string, AnswerProbabilitySpec> | null;
}

/** Pairs are measured under each configuration's own conditions, the probability of answers under those of its question set. */
export function checkPrefills(
  configurations: readonly ConfigurationSpec[],
  questionSets: Readonly<Record<string, QuestionSetSpec>>,
  { logProbability, answerProbabilities }: Measured,
  issues: Issue[],
): void {
  checkThinkers(configurations, questionSets, issues);
  if (logProbability !== null) checkPairs(configurations, issues);
  for (const [name, { questionSet }] of Object.entries(answerProbabilities ?? {})) {
    const set = ownValue(questionSets, questionSet);
    const begun = configurations
      .flatMap((configuration) => conditionsOf(configuration, set))
      .find(({ prefill }) => prefill !== undefined);
    if (begun === undefined) continue;
    issues.push({
      path: ['outcomes', 'answer_probability', name, 'question_set'],
      message: `\`${questionSet}\` is asked under the condition \`${begun.name}\`, whose \`prefill\` begins the answer: measured is how the model begins it`,
      hint: 'give the set `conditions` without `prefill`, or measure another one',
    });
  }
}

function checkPairs(configurations: readonly ConfigurationSpec[], issues: Issue[]): void {
  for (const configuration of configurations) {
    const begun = conditionsOf(configuration).find(({ prefill }) => prefill !== undefined);
    if (begun === undefined) continue;
    issues.push({
      path: ['outcomes', 'log_probability'],
      message: `\`${configuration.name}\` would be measured under the condition \`${begun.name}\`, whose \`prefill\` begins the answer: the answers of pairs are whole ones`,
      hint: 'give that condition to the `conditions` of question sets, under which nothing is measured',
    });
    return;
  }
}

/** What a model thinks stands before its answer, so the answer's beginning is not the beginning of what it says. */
function checkThinkers(
  configurations: readonly ConfigurationSpec[],
  questionSets: Readonly<Record<string, QuestionSetSpec>>,
  issues: Issue[],
): void {
  for (const configuration of configurations) {
    const { name, thinkingPlace } = configuration;
    if (thinkingPlace === undefined) continue;
    const asked = Object.entries(questionSets).flatMap(([setName, set]) =>
      conditionsOf(configuration, set).map((condition) => ({ setName, set, condition })),
    );
    const begun = asked.find(({ condition }) => condition.prefill !== undefined);
    if (begun === undefined) continue;
    const { setName, set, condition } = begun;
    const mended =
      set.conditions === undefined
        ? 'give the configuration `conditions` without `prefill`'
        : `take \`${condition.name}\` out of \`question_sets.${setName}.conditions\`, which go before the configuration’s own`;
    issues.push({
      path: thinkingPlace,
      message: `\`${name}\` thinks before it answers, so the condition \`${condition.name}\` can not begin its answer: its \`prefill\` would stand before the thinking`,
      hint: `leave \`thinking\` out, or ${mended}`,
    });
    return;
  }
}
