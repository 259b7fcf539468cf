/**
 * `kind: local`: a judge that the GPU worker serves. It has no account, no address and no price, and its score is always the
 * expected one, over all numbers or over the words of a metric.
 */
import { InvalidExperiment, type Issue, type Path } from '../issue';
import { BUNDLED_LEAST_MASS, EXPECTED_DEFAULTS, JUDGE_MODELS, LOCAL_TOP_LOGPROBS } from '../presets';
import type { JudgeSpec, MetricSpec, ModelSource, OtherJudgeSpec, Spec } from '../spec';
import type { ExperimentYaml, JudgeYaml } from './schema';
import { localJudgeKeys } from './schema-local-judge';

/** What only a judge behind an API has. */
const OF_AN_API = [
  ...['model', 'temperature', 'api_version', 'max_tokens', 'mode', 'concurrency', 'price', 'base_url', 'key_variable'],
  ...['requests_per_minute', 'input_tokens_per_minute', 'output_tokens_per_minute', 'key_command'],
];

type LocalSettings = Pick<JudgeSpec, 'kind' | 'model' | 'temperature' | 'apiVersion' | 'maxTokens' | 'mode'> &
  Pick<JudgeSpec, 'concurrency' | 'requestsPerMinute' | 'inputTokensPerMinute' | 'outputTokensPerMinute' | 'price'> &
  Required<Pick<JudgeSpec, 'expected' | 'local'>>;

/** Without a model: the bundled one. */
export function buildLocalJudge(input: JudgeYaml): LocalSettings {
  const model = modelOf(input);
  const { precision } = input;
  return {
    kind: 'local',
    model: `local ${inWords(model)}`,
    temperature: null,
    apiVersion: 'local',
    maxTokens: 1,
    mode: 'live',
    concurrency: 1,
    requestsPerMinute: null,
    inputTokensPerMinute: null,
    outputTokensPerMinute: null,
    price: null,
    expected: {
      topLogprobs: input.top_logprobs ?? LOCAL_TOP_LOGPROBS,
      leastMass: input.least_mass ?? (model.kind === 'bundled' ? BUNDLED_LEAST_MASS : EXPECTED_DEFAULTS.leastMass),
    },
    local: { model, precision: precision ?? (model.kind === 'bundled' ? 'fp32' : 'bf16') },
  };
}

function modelOf({ hub, revision = '', path }: JudgeYaml): ModelSource {
  if (hub !== undefined) return { kind: 'hub', id: hub, revision };
  return path === undefined ? { kind: 'bundled', name: JUDGE_MODELS.local } : { kind: 'folder', path };
}

function inWords(model: ModelSource): string {
  if (model.kind === 'hub') return `${model.id}@${model.revision.slice(0, 12)}`;
  return model.kind === 'bundled' ? model.name : `folder ${model.path}`;
}

/** `metrics`: those that this judge judges. */
export function checkLocalJudge(
  written: JudgeYaml,
  judge: JudgeSpec,
  path: Path,
  metrics: readonly MetricSpec[],
  { combined = [] }: ExperimentYaml,
  issues: Issue[],
): void {
  const keys = new Map<string, unknown>(Object.entries(written));
  if (judge.kind !== 'local') {
    for (const key of Object.keys(localJudgeKeys)) {
      if (keys.get(key) === undefined) continue;
      issues.push({ path: [...path, key], message: `\`${key}\` goes with \`kind: local\` only` });
    }
    return;
  }
  for (const key of OF_AN_API) {
    if (keys.get(key) === undefined) continue;
    issues.push({
      path: [...path, key],
      message: `\`${key}\` means nothing to a local judge`,
      ...(key === 'model' ? { hint: 'name it by `hub` and `revision`, or `bundled`' } : {}),
    });
  }
  if ([written.hub, written.bundled, written.path].filter((each) => each !== undefined).length !== 1) {
    issues.push({ path, message: 'a local judge is one of `hub` (with `revision`), `path` and `bundled`' });
  }
  if ((written.hub === undefined) !== (written.revision === undefined)) {
    const lacking = written.hub === undefined;
    issues.push({
      path: [...path, lacking ? 'revision' : 'hub'],
      message: lacking
        ? '`revision` goes with `hub` only'
        : '`revision` is needed: a hub model is pinned by its commit',
    });
  }
  if (written.score === 'text') {
    issues.push({
      path: [...path, 'score'],
      message: 'a local judge is read by the probabilities of its numbers: `score: expected`',
    });
  }
  checkMetrics(path, metrics, combined, issues);
}

/** A local judge answers with a number, or with one of a metric's words. */
function checkMetrics(path: Path, metrics: readonly MetricSpec[], combined: readonly string[], issues: Issue[]): void {
  for (const { name, categories } of metrics) {
    if (categories !== null) {
      issues.push({
        path: ['metrics', name, 'categories'],
        message: `the local judge \`${path.join('.')}\` gives numbers only, no categories`,
        hint:
          path.length === 1
            ? 'ask for a number, or for the probability of words by `words`, or ask a judge of another kind'
            : 'name its metrics in `judges.NAME.metrics`, or ask for a number, or for the probability of words by `words`',
      });
    }
  }
  if (metrics.filter(({ name }) => combined.includes(name)).length > 1) {
    issues.push({
      path: ['combined'],
      message: `the local judge \`${path.join('.')}\` gives one number at a time`,
      hint: 'leave `combined` out: the same metrics in a request each',
    });
  }
}

/** What a local judge can not be asked of a file that names another judge. Throws `InvalidExperiment`. */
export function checkJudgedLocally({ judge, metrics, combined }: Pick<Spec, 'judge' | 'metrics' | 'combined'>): void {
  const issues: Issue[] = [];
  if (judge.kind === 'local') checkMetrics(['judge'], metrics, combined, issues);
  const [first] = issues;
  if (first !== undefined) throw new InvalidExperiment(first.path, first.message, first.hint);
}

/** The metrics of a judge by its place in the file. */
export function metricsOf(metrics: readonly MetricSpec[], own: OtherJudgeSpec['metrics']): MetricSpec[] {
  return metrics.filter(({ name }) => own?.includes(name) ?? true);
}
