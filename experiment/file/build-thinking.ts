/**
 * Models that think before they answer: where an experiment file says so, and what goes only with that.
 */
import type { Issue, Path } from '../issue';
import type { SamplingYaml } from './schema';
import type { ConfigurationSpec, MetricSpec } from '../spec';
import type { ScorerMetricSpec } from '../scorers';

/** Where the file says that a configuration thinks. `path`: the configuration's. */
export function thinkingPlace(shared: SamplingYaml, own: SamplingYaml, path: Path): { thinkingPlace?: Path } {
  if ((own.thinking ?? shared.thinking) !== 'on') return {};
  return { thinkingPlace: [...(own.thinking === undefined ? [] : path), 'sampling', 'thinking'] };
}

/** What the file alone shows to be impossible: a bundled model can not think, and without thinking an answer has no parts. */
export function checkThinking(
  configurations: readonly ConfigurationSpec[],
  metrics: readonly (MetricSpec | ScorerMetricSpec)[],
  issues: Issue[],
): void {
  const bundled = configurations.find(({ model, thinkingPlace }) => model.kind === 'bundled' && thinkingPlace);
  if (bundled?.thinkingPlace !== undefined) {
    issues.push({
      path: bundled.thinkingPlace,
      message: 'the bundled model can not think: its chat template does not know `enable_thinking`',
      hint: 'use a model that can, such as `model: { preset: qwen3-4b }`, or leave `thinking` out',
    });
  }
  if (configurations.some(({ thinkingPlace }) => thinkingPlace !== undefined)) return;
  for (const { name, answerPart } of metrics) {
    if (answerPart === undefined) continue;
    issues.push({
      path: ['metrics', name, 'answer_part'],
      message: 'no configuration thinks before it answers, so that its answers have one part only',
      hint: 'leave `answer_part` out, or set `sampling.thinking: on`',
    });
  }
}
