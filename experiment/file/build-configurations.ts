/**
 * The configurations of an experiment file: shared settings, overrides and grids come to one full list.
 */
import { buildConditions, checkConditionsLeft } from './build-conditions';
import { buildTrainPrompts, type PromptContext } from './build-prompts';
import {
  buildSampling,
  buildTraining,
  combinationIssues,
  keptStepsIssues,
  resultIssues,
  samplingIssues,
} from './build-settings';
import { checkNamedParts, withShares } from './build-mix';
import { buildFurther, buildLoads, handedIssues } from './build-handed';
import { thinkingPlace } from './build-thinking';
import { buildAdapter, buildStart, resolveStarts, type PointOf } from './build-start';
import { gridPoints, type GridSources } from './grid';
import type { Issue, Path } from '../issue';
import { RECIPES } from '../presets';
import { mapValues, ownValue } from '../records';
import type { ConfigurationYaml, ExperimentYaml, ModelYaml, WrittenExperiment } from './schema';
import type { ConfigurationSpec, MixSpec, ModelSource, TrainSpec } from '../spec';

/** More configurations than one experiment may have; each of them is a workflow of its own. */
export const MAX_CONFIGURATIONS = 5_000;

function tooMany(count: number, path: Path): Issue {
  const [most, found] = [MAX_CONFIGURATIONS, count].map((number) => number.toLocaleString('en'));
  return {
    path,
    atKey: true,
    message: `${found} configurations or more, with all values of \`grid\`; an experiment may have ${most}`,
    hint: 'take values out of the grid, or split the file into several experiments',
  };
}

/** `mixes`: those of the file by name. */
export function buildConfigurations(
  input: ExperimentYaml,
  mixes: Readonly<Record<string, MixSpec>>,
  context: PromptContext,
): ConfigurationSpec[] {
  const { issues } = context;
  const sharedPath: Path = ['grid'];
  const configurations: ConfigurationSpec[] = [];
  const points: PointOf[] = [];
  for (const [name, written] of Object.entries(input.configurations)) {
    const { grid, ...plain } = written;
    const path: Path = ['configurations', name];
    const sources = {
      shared: { grid: input.grid ?? {}, path: sharedPath },
      own: { grid: grid ?? {}, path: [...path, 'grid'] },
    };
    const found = gridPoints(name, plain, sources, MAX_CONFIGURATIONS - configurations.length);
    issues.push(...found.issues);
    if (configurations.length + found.size > MAX_CONFIGURATIONS) {
      issues.push(tooMany(configurations.length + found.size, path));
      return configurations;
    }
    for (const point of found.points) {
      const configuration = buildConfiguration(input, point.name, point.input, point.axes, path, context);
      const mixed = mixOf(point.input.train, mixes, sharesPlace(written, sources, path), issues);
      const train = configuration.train && { ...configuration.train, ...(mixed === null ? {} : { mix: mixed }) };
      if (train !== null && ownValue(input.datasets, train.dataset) !== undefined)
        checkNamedParts(train, [...path, 'train'], issues);
      configurations.push({
        ...configuration,
        ...(point.steps.length === 0 ? {} : { gridSteps: point.steps }),
        ...(train === null || point.input.train === 'none'
          ? {}
          : {
              train: {
                ...train,
                ...buildFurther(point.input.train, input.datasets ?? {}, mixes, path, issues),
              },
            }),
      });
      points.push({
        base: name,
        values: Object.fromEntries(point.steps.map(({ axis, value }) => [axis, value])),
      });
    }
  }
  if (configurations.length === 0 && issues.length === 0) {
    issues.push({ path: ['configurations'], message: 'an experiment needs at least one configuration' });
  }
  const folders = new Set(configurations.flatMap(({ model }) => (model.kind === 'folder' ? [model.path] : [])));
  if (folders.size > 1) {
    issues.push({
      path: ['model'],
      message: 'an experiment may use one local model folder',
      hint: 'split it into two experiments',
    });
  }
  return resolveStarts(configurations, points, issues);
}

/** `train: none` where an adapter stands in its place; a configuration needs one of the two. */
export function withTrain(input: WrittenExperiment, issues: Issue[]): ExperimentYaml {
  const configurations = mapValues(input.configurations, (written, name): ConfigurationYaml => {
    const path: Path = ['configurations', name];
    if (written.adapter === undefined && written.train === undefined)
      issues.push({ path, atKey: true, message: 'one of `train`, `adapter` is needed' });
    if (written.adapter !== undefined && written.train !== undefined && written.train !== 'none') {
      issues.push({
        path: [...path, 'adapter'],
        message: 'an adapter from elsewhere is asked as it is; `train` trains one',
        hint: 'to train on from it, give it a configuration of its own and name that in `train.from`',
      });
    }
    return { ...written, train: written.train ?? 'none' };
  });
  return { ...input, configurations };
}

/** What a configuration trains on where that is a mix, with the shares that it sets itself. */
function mixOf(
  train: ConfigurationYaml['train'],
  mixes: Readonly<Record<string, MixSpec>>,
  place: Path,
  issues: Issue[],
): MixSpec | null {
  if (train === 'none') return null;
  const mix = ownValue(mixes, train.dataset);
  if (train.mix === undefined) return mix ?? null;
  if (mix !== undefined) return withShares(mix, train.mix, place, issues);
  issues.push({
    path: place,
    message: `\`${train.dataset}\` is no mix, so it has no shares`,
    hint: 'train on a dataset that has `mix` or `counts`',
  });
  return null;
}

/** Where the file sets shares: in the configuration, or in an axis of a grid. */
function sharesPlace({ train }: ConfigurationYaml, { own, shared }: GridSources, path: Path): Path {
  for (const { grid, path: gridPath } of [own, shared]) {
    const axis = Object.keys(grid).find((each) => /^train\.mix(\.|$)/.test(each));
    if (axis !== undefined) return [...gridPath, axis];
  }
  return [...path, 'train', ...(train === 'none' || train.mix === undefined ? [] : ['mix'])];
}

function buildConfiguration(
  shared: ExperimentYaml,
  name: string,
  own: ConfigurationYaml,
  axes: Record<string, string>,
  path: Path,
  context: PromptContext,
): ConfigurationSpec {
  const { issues } = context;
  const train: TrainSpec | null =
    own.train === 'none'
      ? null
      : {
          dataset: own.train.dataset,
          ...buildTrainPrompts(own.train, [...path, 'train'], context),
        };
  const recipe = RECIPES[shared.recipe ?? 'clean'];
  const training = buildTraining(shared.training ?? {}, own.training ?? {}, recipe.training);
  issues.push(...combinationIssues(training, shared.training ?? {}, own.training ?? {}, path));
  issues.push(...handedIssues(own, training.backend, path));
  if (training.microBatchSize > training.batchSize) {
    const where: Path = own.training?.micro_batch_size === undefined ? ['training'] : [...path, 'training'];
    issues.push({
      path: [...where, 'micro_batch_size'],
      message: `micro_batch_size ${training.microBatchSize} is more than batch_size ${training.batchSize}`,
    });
  }
  const steps = own.training?.evaluate_at ?? shared.training?.evaluate_at ?? [];
  const stepsPath: Path = [...(own.training?.evaluate_at === undefined ? [] : path), 'training', 'evaluate_at'];
  if (train !== null && steps.length > 0) issues.push(...keptStepsIssues(training, stepsPath));
  const sampling = buildSampling(shared.sampling ?? {}, own.sampling ?? {}, recipe.sampling, training, ownSeed(own));
  issues.push(...samplingIssues(sampling, shared.sampling ?? {}, own.sampling ?? {}, path));
  if (train !== null) issues.push(...resultIssues(training, sampling, [...path, 'train']));
  const conditionsPath: Path = own.conditions === undefined ? ['conditions'] : [...path, 'conditions'];
  const suffix = Object.entries(axes).map(([axis, value]) => `${axis} ${value}`);
  const configuration: ConfigurationSpec = {
    name,
    label: [own.label ?? name.split('.')[0] ?? name, ...suffix].join(', '),
    axes,
    model: buildModel(own.model ?? shared.model),
    train,
    ...buildStart(own, path, issues),
    ...buildLoads(own, path, issues),
    ...(own.adapter === undefined ? {} : { adapter: buildAdapter(own.adapter, path) }),
    training,
    sampling,
    ...thinkingPlace(shared.sampling ?? {}, own.sampling ?? {}, path),
    conditions: buildConditions(own.conditions ?? shared.conditions, conditionsPath, context),
    ...(own.samples === undefined ? {} : { samples: own.samples }),
    ...(train === null || steps.length === 0 ? {} : { evaluateAt: { steps, place: stepsPath } }),
  };
  checkConditionsLeft(configuration, conditionsPath, issues);
  return configuration;
}

/** What a configuration, or a grid, sets for this fine-tune alone. */
function ownSeed({ training }: ConfigurationYaml): number | undefined {
  return training?.seeds?.initialisation ?? training?.seed;
}

function buildModel(input: ModelYaml): ModelSource {
  if (input.hub !== undefined) return { kind: 'hub', id: input.hub, revision: input.revision as string };
  if (input.path !== undefined) return { kind: 'folder', path: input.path };
  return { kind: 'bundled', name: input.bundled as string };
}
