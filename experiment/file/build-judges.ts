/**
 * The judges of an experiment file. What a judge's model can not take is found here, with the place in the file, and not
 * by thousands of refused requests later.
 */
import { keyOf } from '../canonical';
import { endpointIdentity } from '../endpoint';
import { closest, suggestion, type Issue, type Path } from '../issue';
import { acceptsTemperature, judgeModel, KNOWN_CLAUDE_MODELS, type JudgeModel } from '../judge-models';
import { MAIN_JUDGE, namedJudges } from '../main-judge';
import { JUDGE_DEFAULTS, JUDGE_MODELS } from '../presets';
import { RATES, RATE_WORDS, type Rate } from '../rates';
import { buildEndpoint, CHAT_COMPLETIONS, checkEndpoint } from './build-endpoint';
import { buildExpected, checkExpected } from './build-expected';
import { buildLocalJudge, checkLocalJudge, metricsOf } from './build-local-judge';
import { checkWords } from './build-words';
import type { ExperimentYaml, JudgeYaml } from './schema';
import type { JudgeSpec, MetricSpec, OtherJudgeSpec, Spec } from '../spec';

export interface Judges {
  judge: JudgeSpec;
  judges: Record<string, OtherJudgeSpec>;
}

/**
 * Problems go to `issues`; what is only doubtful to `warnings`. `askedInstead`: the kind of judge that `withJudge` will leave; the
 * others are not asked, so they need not tell probabilities.
 */
export function buildJudges(
  input: ExperimentYaml,
  metrics: MetricSpec[],
  issues: Issue[],
  warnings: Issue[],
  askedInstead?: JudgeSpec['kind'],
): Judges {
  const isAsked = ({ kind }: JudgeSpec): boolean => askedInstead === undefined || kind === askedInstead;
  const names = metrics.map(({ name }) => name);
  const judge = buildJudge(input.judge ?? {});
  checkJudge(input.judge ?? {}, judge, ['judge'], input, issues, warnings);
  checkLocalJudge(input.judge ?? {}, judge, ['judge'], metrics, input, issues);
  if (isAsked(judge)) checkWords(judge, ['judge'], metrics, issues);
  if ((input.combined ?? []).length > 0) checkCombined(judge, ['judge'], input, issues);
  if (metrics.length === 0 && Object.keys(input.judges ?? {}).length > 0) {
    issues.push({
      path: ['judges'],
      message: 'no metric is judged: every one has a scorer',
      hint: 'leave `judges` out',
    });
  }
  const judges: Record<string, OtherJudgeSpec> = {};
  for (const [name, written] of Object.entries(input.judges ?? {})) {
    const path: Path = ['judges', name];
    const other = buildJudge(written);
    const own = metricsOf(metrics, written.metrics ?? null);
    if (name === MAIN_JUDGE) {
      issues.push({ path, atKey: true, message: '`judge` is the name of the first judge; call this one otherwise' });
    }
    checkJudge(written, other, path, input, issues, warnings);
    checkLocalJudge(written, other, path, own, input, issues);
    if (isAsked(other)) checkWords(other, path, own, issues);
    written.metrics?.forEach((metric, index) => {
      if (names.includes(metric) || input.metrics[metric]?.scorer !== undefined) return;
      issues.push({
        path: [...path, 'metrics', index],
        message: `unknown metric \`${metric}\``,
        hint: suggestion(metric, names),
      });
    });
    const together = (input.combined ?? []).filter((metric) => written.metrics?.includes(metric) ?? true);
    if (together.length > 1) checkCombined(other, path, input, issues);
    const same = Object.entries(namedJudges({ judge, judges })).find(([, each]) => sameVerdicts(each, other, own));
    if (same !== undefined) {
      issues.push({
        path,
        atKey: true,
        message: `\`${name}\` and \`${same[0]}\` are the same judge: their verdicts would be the same rows`,
        hint: 'to measure a judge against itself, give a metric `repeats`',
      });
    }
    judges[name] = { ...other, metrics: written.metrics ?? null };
  }
  return { judge, judges };
}

function buildJudge(input: JudgeYaml): JudgeSpec {
  const kind = input.kind ?? 'claude';
  if (kind === 'local') return buildLocalJudge(input);
  const model = input.model ?? JUDGE_MODELS[kind];
  const apiVersion = kind === 'openai' ? CHAT_COMPLETIONS : (input.api_version ?? JUDGE_DEFAULTS.apiVersion);
  const usual = kind === 'openai' || acceptsTemperature(model, apiVersion) ? JUDGE_DEFAULTS.temperature : null;
  return {
    kind,
    model,
    temperature: input.temperature === undefined ? usual : input.temperature,
    apiVersion,
    maxTokens: input.max_tokens ?? JUDGE_DEFAULTS.maxTokens,
    mode: input.mode ?? JUDGE_DEFAULTS.mode,
    concurrency: input.concurrency ?? JUDGE_DEFAULTS.concurrency,
    requestsPerMinute: input.requests_per_minute ?? JUDGE_DEFAULTS.requestsPerMinute,
    inputTokensPerMinute: input.input_tokens_per_minute ?? JUDGE_DEFAULTS.inputTokensPerMinute,
    outputTokensPerMinute: input.output_tokens_per_minute ?? JUDGE_DEFAULTS.outputTokensPerMinute,
    price: input.price ?? null,
    ...buildExpected(input),
    ...buildEndpoint(input),
  };
}

function checkJudge(
  written: JudgeYaml,
  judge: JudgeSpec,
  path: Path,
  input: ExperimentYaml,
  issues: Issue[],
  warnings: Issue[],
): void {
  const { kind, model, temperature, apiVersion } = judge;
  checkExpected(written, judge, path, issues);
  if (kind === 'local') return;
  if (checkEndpoint(written, judge, path, input.budget?.max_usd !== undefined, { issues, warnings })) return;
  const known = judgeModel(model);
  if (kind === 'claude' && model.startsWith('stand-in')) {
    issues.push({
      path: [...path, 'model'],
      message: `\`${model}\` is a stand-in, not a Claude model`,
      hint: 'write `kind: stand-in`',
    });
    return;
  }
  if (temperature !== null && !acceptsTemperature(model, apiVersion)) {
    issues.push({
      path: [...path, 'temperature'],
      message:
        known?.temperature === 'never'
          ? `\`${model}\` takes no temperature`
          : `version ${apiVersion} of the API takes no temperature`,
      hint:
        known?.temperature === 'never'
          ? 'leave it out, or write `temperature: null`; its verdicts vary, which `repeats` measures'
          : `leave it out, or use \`api_version: '${JUDGE_DEFAULTS.apiVersion}'\``,
    });
  }
  if (kind === 'stand-in') return;
  if (known === null) unknownModel(written, judge, path, input, issues, warnings);
  else checkKnown(written, judge, known, path, warnings);
}

function unknownModel(
  { model: named }: JudgeYaml,
  { model, price }: JudgeSpec,
  path: Path,
  input: ExperimentYaml,
  issues: Issue[],
  warnings: Issue[],
): void {
  const place: Path = named === undefined ? path : [...path, 'model'];
  const near = closest(model, KNOWN_CLAUDE_MODELS);
  const priced = price !== null;
  if (!priced && input.budget?.max_usd !== undefined) {
    issues.push({
      path: place,
      message: `the price of \`${model}\` is not known, so \`budget.max_usd\` can not be held`,
      hint:
        near === null ? 'give it: `price: { input: …, output: … }`' : `did you mean \`${near}\`? Or give its \`price\``,
    });
    return;
  }
  warnings.push({
    path: place,
    message: `nothing is known of the model \`${model}\`${priced ? '' : ', its price included'}: it is asked as this file says`,
    hint:
      near === null
        ? `known: ${KNOWN_CLAUDE_MODELS.map((each) => `\`${each}\``).join(', ')}`
        : `did you mean \`${near}\`?`,
  });
}

const RATE_KEYS = {
  requestsPerMinute: 'requests_per_minute',
  inputTokensPerMinute: 'input_tokens_per_minute',
  outputTokensPerMinute: 'output_tokens_per_minute',
} as const satisfies Record<Rate, keyof JudgeYaml>;

function checkKnown(written: JudgeYaml, judge: JudgeSpec, known: JudgeModel, path: Path, warnings: Issue[]): void {
  if (known.retired !== null) {
    warnings.push({
      path: [...path, 'model'],
      message: `\`${judge.model}\` was retired on ${known.retired}: the vendor's own API refuses it`,
    });
  }
  for (const rate of RATES) {
    const key = RATE_KEYS[rate];
    const most = Math.max(...Object.values(known.limits).map((tier) => tier[rate]));
    if (written[key] === undefined || most === -Infinity || written[key] <= most) continue;
    warnings.push({
      path: [...path, key],
      message: `the highest tier allows ${most.toLocaleString('en')} ${RATE_WORDS[rate]} of \`${judge.model}\` (read ${known.checked})`,
    });
  }
}

/** The combined form is answered as JSON by a schema. */
function checkCombined(
  { kind, model, expected }: JudgeSpec,
  path: Path,
  { judge, judges }: ExperimentYaml,
  issues: Issue[],
): void {
  if (kind === 'openai' && expected !== undefined) {
    issues.push({
      path: ['combined'],
      message: 'an expected score is read off one token, and `combined` asks for several scores in a reply',
      hint: 'leave `combined` out, or use `score: text`',
    });
  }
  if (kind !== 'claude' || judgeModel(model)?.structuredOutputs !== false) return;
  const named = path.length === 1 ? judge?.model : judges?.[path[1] as string]?.model;
  issues.push({
    path: named === undefined ? ['combined'] : [...path, 'model'],
    message: `\`${model}\` has no structured outputs, which \`combined\` needs`,
    hint: 'leave `combined` out: the same metrics in a request each',
  });
}

/** Whether two judges' instruments for one of `metrics` would have the same keys. */
function sameVerdicts(a: JudgeSpec, b: JudgeSpec, metrics: readonly MetricSpec[]): boolean {
  // an expected score is read off one token, whatever `max_tokens` says; categories are written out
  const oneToken = a.expected !== undefined && metrics.some(({ categories }) => categories === null);
  return (
    (['kind', 'model', 'temperature', 'apiVersion'] as const).every((field) => a[field] === b[field]) &&
    (oneToken || a.maxTokens === b.maxTokens) &&
    keyOf(a.expected ?? null) === keyOf(b.expected ?? null) &&
    serverOf(a) === serverOf(b) &&
    keyOf(a.local ?? null) === keyOf(b.local ?? null)
  );
}

function serverOf({ endpoint }: JudgeSpec): string | null {
  return endpoint === undefined ? null : endpointIdentity(endpoint.baseUrl);
}

/**
 * An experiment as judged by `kind` instead; another kind's model is its default. Further judges of another kind are left
 * out, and so is one that would now be the first judge again.
 */
export function withJudge(spec: Spec, kind: JudgeSpec['kind']): Spec {
  const judge = spec.judge.kind === kind ? spec.judge : otherKind(spec.judge, kind);
  const others = Object.entries(spec.judges).filter(
    ([, other]) => other.kind === kind && !sameVerdicts(judge, other, metricsOf(spec.metrics, other.metrics)),
  );
  return { ...spec, judge, judges: Object.fromEntries(others) };
}

/** Another kind's model is its default; what the file says of the other model's address, price and scoring goes. */
function otherKind(judge: JudgeSpec, kind: JudgeSpec['kind']): JudgeSpec {
  if (kind === 'local') return buildLocalJudge({});
  // a local judge's settings mean nothing to another one
  const { expected: _scoring, endpoint: address, ...settings } = judge.local === undefined ? judge : buildJudge({});
  const { model, apiVersion, endpoint } = buildJudge({ kind });
  return {
    ...settings,
    ...{ kind, model, price: null },
    ...(address === undefined && endpoint === undefined ? {} : { apiVersion }),
    ...(endpoint === undefined ? {} : { endpoint }),
  };
}
