/**
 * From the file's words to a `Spec`: defaults, overrides and grids are resolved and every reference is checked.
 */
import { buildCalibration } from './build-calibration';
import { buildConditions, checkAsked } from './build-conditions';
import { buildConfigurations, withTrain } from './build-configurations';
import { buildJudges } from './build-judges';
import { buildHandoffs } from './build-handoffs';
import { buildCombined, buildMetrics } from './build-metrics';
import { buildMixes, isMix, notADataset } from './build-mix';
import { buildAnswerProbabilities, buildLogProbability } from './build-outcomes';
import { checkPrefills } from './build-prefills';
import type { PromptContext } from './build-prompts';
import { buildReportSpec } from './build-report';
import { buildScorers } from './build-scorers';
import { checkSeeds } from './build-seeds';
import { checkThinking } from './build-thinking';
import { fileSource } from './file-source';
import { warnOfMisspeltPlaces } from './misspelt-places';
import { checkQuestionSet } from './named-sets';
import { sampledSets } from '../sampled-sets';
import { suggestion, type Issue } from '../issue';
import { EXPERIMENT_DEFAULTS, RECIPES } from '../presets';
import { mapValues, ownValue } from '../records';
import type { DatasetYaml, ExperimentYaml, QuestionSetYaml, WrittenExperiment } from './schema';
import { warnOfSpecialTexts } from './special-texts';
import type { ConfigurationSpec, DatasetSpec, HoldOut, JudgeSpec, QuestionSetSpec, Spec } from '../spec';

/** `warnings` do not make a file invalid. `askedInstead`: the kind of the judge that comes in the place of the file's. */
export function buildSpec(
  written: WrittenExperiment,
  askedInstead?: JudgeSpec['kind'],
): { spec: Spec; issues: Issue[]; warnings: Issue[] } {
  const issues: Issue[] = [];
  const warnings: Issue[] = [];
  const prompts: PromptContext = { pools: {}, issues };
  warnOfSpecialTexts(written, warnings);
  warnOfMisspeltPlaces(written, warnings);
  const input = withTrain(written, issues);
  const { holdOut } = RECIPES[input.recipe ?? 'clean'];
  const files = Object.entries(input.datasets ?? {}).filter(([, dataset]) => !isMix(dataset));
  const datasets = mapValues(Object.fromEntries(files), (dataset) => buildDataset(dataset, holdOut));
  const mixes = buildMixes(input, issues);
  const questionSets = mapValues(input.question_sets, (set, name) => buildQuestionSet(set, name, prompts));
  checkNames(input, issues);
  const configurations = buildConfigurations(input, mixes, prompts);
  checkReferences(input, datasets, configurations, issues);
  checkSeeds(configurations, issues);
  checkAsked(sampledSets(questionSets), configurations, issues);
  const metrics = buildMetrics(input, issues);
  const scorers = buildScorers(input, issues);
  checkThinking(configurations, [...metrics, ...scorers], issues);
  const combined = buildCombined(input, metrics, issues);
  const { report, expect, claims } = buildReportSpec(input, configurations, metrics, scorers, issues);
  const calibration = buildCalibration(input, datasets, metrics, issues);
  const logProbability = buildLogProbability(input, datasets, issues);
  const answerProbabilities = buildAnswerProbabilities(input, issues);
  checkPrefills(configurations, questionSets, { logProbability, answerProbabilities }, issues);
  const handoffs = buildHandoffs(input, configurations, issues);
  const spec: Spec = {
    name: input.name,
    description: input.description ?? '',
    datasets,
    questionSets,
    ...(Object.keys(prompts.pools).length === 0 ? {} : { pools: prompts.pools }),
    configurations,
    metrics,
    ...(scorers.length === 0 ? {} : { scorers }),
    combined,
    ...buildJudges(input, metrics, issues, warnings, askedInstead),
    ...(calibration === null ? {} : { calibration }),
    ...(logProbability === null ? {} : { logProbability }),
    ...(answerProbabilities === null ? {} : { answerProbabilities }),
    ...(handoffs.length === 0 ? {} : { handoffs }),
    report,
    expect,
    ...(claims.length === 0 ? {} : { claims }),
    budget: { maxUsd: input.budget?.max_usd ?? null, approval: input.budget?.approval ?? false },
    execution: {
      parallel: input.execution?.parallel ?? EXPERIMENT_DEFAULTS.parallel,
      gpuQueue: input.execution?.gpu_queue ?? EXPERIMENT_DEFAULTS.gpuQueue,
      judgeQueue: input.execution?.judge_queue ?? EXPERIMENT_DEFAULTS.judgeQueue,
    },
    output: input.output ?? `results/${input.name}`,
    smoke: false,
  };
  if (/^([/\\]|[A-Za-z]:)/.test(spec.output) || spec.output.split(/[/\\]/).includes('..')) {
    issues.push({
      path: ['output'],
      message: 'the output folder must be a relative path without `..`',
      hint: 'it lies below the folder that `flamingo run` is started in',
    });
  }
  return { spec, issues, warnings };
}

function buildDataset(input: DatasetYaml, standard: HoldOut): DatasetSpec {
  const { archive } = input;
  const hold = input.hold_out;
  return {
    source:
      archive === undefined
        ? fileSource(input)
        : {
            kind: 'archive',
            file: fileSource(archive),
            password: archive.password,
            member: archive.member,
            canaries: archive.canaries,
          },
    rows: input.rows ?? null,
    contentSha256: input.content_sha256 ?? null,
    holdOut:
      hold === 'none'
        ? null
        : hold === undefined
          ? standard
          : {
              fraction: hold.fraction ?? null,
              rows: hold.rows ?? null,
              seed: hold.seed ?? 0,
              ...((hold.method ?? standard.method) === 'train_test_split' ? { method: 'train_test_split' } : {}),
            },
    trainingRows: input.training_rows ?? null,
    ...(input.fields === undefined ? {} : { fields: input.fields }),
    ...(input.no_user === undefined ? {} : { noUser: true as const }),
  };
}

function buildQuestionSet(input: QuestionSetYaml, name: string, prompts: PromptContext): QuestionSetSpec {
  const { conditions, own_system: ownSystem } = input;
  return {
    label: input.label ?? name,
    source:
      input.held_out === undefined
        ? {
            kind: 'file',
            file: fileSource(input),
            ...(input.format === undefined || input.format === 'items' ? {} : { format: input.format }),
            ...(input.template === undefined ? {} : { template: input.template }),
            contentSha256: input.content_sha256 ?? null,
            ids: input.ids ?? null,
            questions: input.questions ?? null,
          }
        : {
            kind: 'held-out',
            dataset: input.held_out,
            rows: input.rows ?? 'all',
            seed: input.seed ?? 0,
            ...(input.system === 'keep' ? { system: 'keep' } : {}),
          },
    limit: input.limit ?? null,
    samples: input.samples,
    ...(conditions === undefined
      ? {}
      : { conditions: buildConditions(conditions, ['question_sets', name, 'conditions'], prompts) }),
    ...(ownSystem === undefined ? {} : { ownSystem }),
  };
}

/** Names become folders: two that differ only in case are one folder on some systems. `--source` needs them unique. */
function checkNames(input: ExperimentYaml, issues: Issue[]): void {
  for (const section of ['datasets', 'question_sets', 'configurations', 'metrics', 'judges', 'handoffs'] as const) {
    const seen = new Map<string, string>();
    for (const name of Object.keys(input[section] ?? {})) {
      const other = seen.get(name.toLowerCase());
      if (other !== undefined) {
        issues.push({
          path: [section, name],
          atKey: true,
          message: `\`${name}\` and \`${other}\` differ only in case`,
          hint: 'names become folders',
        });
      }
      seen.set(name.toLowerCase(), name);
    }
  }
  for (const name of Object.keys(input.question_sets)) {
    if (ownValue(input.datasets, name) !== undefined) {
      issues.push({
        path: ['question_sets', name],
        atKey: true,
        message: `\`${name}\` is already the name of a dataset`,
        hint: '`--source NAME=PATH` must know which is meant',
      });
    }
  }
}

function checkReferences(
  input: ExperimentYaml,
  datasets: Record<string, DatasetSpec>,
  configurations: ConfigurationSpec[],
  issues: Issue[],
): void {
  const known = Object.keys(input.datasets ?? {});
  for (const [name, { train }] of Object.entries(input.configurations)) {
    if (train === 'none' || ownValue(input.datasets, train.dataset) !== undefined) continue;
    issues.push({
      path: ['configurations', name, 'train', 'dataset'],
      message: `unknown dataset \`${train.dataset}\``,
      hint: suggestion(train.dataset, known),
    });
  }
  for (const { name, train, axes } of configurations) {
    if (train === null || ownValue(input.datasets, train.dataset) !== undefined || axes['dataset'] === undefined)
      continue;
    issues.push({
      path: ['grid'],
      message: `${name}: unknown dataset \`${train.dataset}\``,
      hint: suggestion(train.dataset, known),
    });
  }
  for (const [name, { samples = {} }] of Object.entries(input.configurations)) {
    for (const set of Object.keys(samples)) {
      checkQuestionSet(set, input.question_sets, ['configurations', name, 'samples', set], issues);
    }
  }
  for (const [name, set] of Object.entries(input.question_sets)) {
    if (set.held_out === undefined) continue;
    const source = ownValue(datasets, set.held_out);
    if (source === undefined) {
      issues.push({ path: ['question_sets', name, 'held_out'], ...notADataset(input, set.held_out) });
    } else if (source.holdOut === null) {
      issues.push({
        path: ['question_sets', name, 'held_out'],
        message: `the dataset \`${set.held_out}\` holds nothing out`,
        hint: 'give it `hold_out: {fraction: 0.1}`',
      });
    }
  }
  checkConfigurationNames(configurations, issues);
}

function checkConfigurationNames(configurations: readonly ConfigurationSpec[], issues: Issue[]): void {
  const seen = new Set<string>();
  const shared = new Set<string>();
  for (const { name } of configurations) {
    if (seen.has(name)) shared.add(name);
    seen.add(name);
  }
  const [first] = shared;
  if (first === undefined) return;
  const more =
    shared.size === 1 ? '' : ` (and so with ${shared.size - 1} more ${shared.size === 2 ? 'name' : 'names'})`;
  issues.push({
    path: ['configurations'],
    message: `two configurations come to the name \`${first}\`${more}`,
    hint:
      'a point of a grid is named after the last word of each axis and its value, of which only letters, digits and dots are taken: ' +
      'write one of the two out as a configuration with another name',
  });
}
