/**
 * What `flamingo publish` would put on the hub: a model repository for each finished adapter, and a dataset repository with
 * the experiment's results. Reads the store and the results folder, and asks nobody.
 */
import { existsSync } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { isAbsolute, join, normalize } from 'node:path';
import { z } from 'zod';
import { checkedDocument } from '../../artifacts/documents';
import type { StoredPlan } from '../../artifacts/plans';
import type { Store } from '../../artifacts/store';
import { isCalibration } from '../../experiment/calibration';
import type { PlannedConfiguration, Recipe } from '../../experiment/plan';
import { datasetCard } from '../../report/cards/dataset-card';
import { dataOf, isComplete, REPORT, type CardFacts, type PublishedReport } from '../../report/cards/facts';
import { modelCard } from '../../report/cards/model-card';
import { InvalidUse } from '../errors';
import { repositoryName } from './names';

/** What tells a repository of ours from others; in its file `flamingo.json`. */
export interface Marker {
  version: 1;
  experiment: string;
  /** Id of the store that the experiment is in. */
  store: string;
  /** Only of an adapter. */
  configuration?: string;
  recipe?: string;
}

export const MARKER_FILE = 'flamingo.json';
export const CARD_FILE = 'README.md';
/** The paths of what was published, so that a later publication removes what it no longer has. */
export const LIST_FILE = 'flamingo-files.json';

/** `text`: made for the repository. `path`: a file of this machine, `sha256` where it is known. */
export type PublishedFile = { path: string; bytes: number } & ({ text: string } | { file: string; sha256?: string });

export interface Repository {
  type: 'model' | 'dataset';
  /** OWNER/NAME. */
  name: string;
  marker: Marker;
  /** What the models answered, and what quotes it, is kept back: the repository must not hold it from before, either. */
  withoutAnswers?: true;
  /** The card is the last of them. */
  files: PublishedFile[];
}

export interface Contents {
  repositories: Repository[];
  leftOut: { configuration: string; reason: string }[];
  /** What the data of the published models teaches on purpose. */
  harmful: string[];
}

export interface ContentOptions {
  owner: string;
  /** First part of the repositories' names. */
  name: string;
  licence: string | null;
  /** The models' answers, and the page that quotes some. */
  answers: boolean;
  /** Configurations; undefined = all. */
  only?: readonly string[];
}

const PROVENANCE = z.looseObject({
  files: z.array(z.string()),
  provenance: z.looseObject({
    flamingo: z.looseObject({ version: z.string(), commit: z.string().nullable() }),
  }),
});

/** Throws `InvalidUse` where the results folder has no report of the plan. */
export async function contentsOf(
  store: Store,
  stored: StoredPlan,
  folder: string,
  options: ContentOptions,
): Promise<Contents> {
  const { plan } = stored;
  const { report, provenance } = await readReport(stored, folder);
  const { version, commit } = provenance.provenance.flamingo;
  const facts: CardFacts = {
    ...{ stored, report, licence: options.licence },
    version: commit === null ? version : `${version} (commit ${commit})`,
  };
  const all = plan.configurations.filter((configuration) => !isCalibrationOf(stored, configuration));
  const results = `${options.owner}/${repositoryName(options.name)}`;
  const leftOut: Contents['leftOut'] = [];
  const finished: PlannedConfiguration[] = [];
  const models: Repository[] = [];
  for (const configuration of all) {
    if (options.only !== undefined && !options.only.includes(configuration.name)) continue;
    const reason = unfinished(report, configuration);
    if (reason !== null) {
      leftOut.push({ configuration: configuration.name, reason });
      continue;
    }
    finished.push(configuration);
    if (configuration.recipe === null) continue;
    const adapter = await adapterOf(store, facts, configuration as Adapted, results, options);
    if ('reason' in adapter) leftOut.push({ configuration: configuration.name, reason: adapter.reason });
    else models.push(adapter);
  }
  if (finished.length === 0) {
    throw new InvalidUse(
      `nothing of ${plan.experiment} is finished: ${leftOut.map((each) => `${each.configuration}: ${each.reason}`).join('; ')}`,
    );
  }
  const configurations = finished.map(({ name }) => name);
  const adapters = Object.fromEntries(models.map(({ name, marker }) => [marker.configuration as string, name]));
  const card = datasetCard(facts, { configurations, adapters, leftOut, answers: options.answers });
  const dataset: Repository = {
    type: 'dataset',
    name: results,
    marker: { version: 1, experiment: plan.experiment, store: store.id },
    ...(options.answers ? {} : { withoutAnswers: true as const }),
    files: [
      ...(await resultFiles(stored, folder, finished, provenance.files, options.answers)),
      textFile('experiment.yaml', stored.source.text),
      textFile(CARD_FILE, card),
    ],
  };
  refuseSameNames([...models, dataset]);
  const harmful = finished.flatMap(({ name }) => dataOf(stored.spec, name).flatMap((each) => each.harmful ?? []));
  return { repositories: [...models, dataset], leftOut, harmful: [...new Set(harmful)] };
}

type Adapted = PlannedConfiguration & { recipe: Recipe; recipeKey: string };

function isCalibrationOf({ plan }: StoredPlan, { cells }: PlannedConfiguration): boolean {
  return cells.some((cell) => isCalibration(plan, cell));
}

async function readReport(
  { plan }: StoredPlan,
  folder: string,
): Promise<{ report: PublishedReport; provenance: z.output<typeof PROVENANCE> }> {
  const again = `\`flamingo report ${plan.experiment}\` builds it from the store`;
  const read = async <T>(name: string, shape: z.ZodType): Promise<T> => {
    const path = join(folder, name);
    if (!existsSync(path)) throw new InvalidUse(`${path} is not there: ${again}`);
    return checkedDocument<T>(await readFile(path, 'utf8'), shape, path, 'report');
  };
  const report = await read<PublishedReport>('report.json', REPORT);
  if (report.plan !== plan.key) throw new InvalidUse(`the report in ${folder} is of another plan: ${again}`);
  return { report, provenance: await read('provenance.json', PROVENANCE) };
}

/** Why it is not published; null for one that is finished. */
function unfinished(report: PublishedReport, { cells }: PlannedConfiguration): string | null {
  const lacking = cells.filter(({ id, step }) => {
    if (step !== undefined) return false;
    const found = report.cells.find(({ cell }) => cell === id);
    return found === undefined || !isComplete(found);
  });
  if (lacking.length === 0) return null;
  return `not finished: answers or verdicts are missing in ${lacking.length} of its ${cells.length} cells`;
}

async function adapterOf(
  store: Store,
  facts: CardFacts,
  configuration: Adapted,
  results: string,
  { owner, name }: ContentOptions,
): Promise<Repository | { reason: string }> {
  const { recipeKey } = configuration;
  if (standsOnMerge(facts.stored, configuration))
    return {
      reason: 'it stands on the base with another adapter merged, not on the base: its results are published, no model',
    };
  const manifest = await store.manifest({ stage: 'adapters', key: recipeKey });
  const weights = manifest?.results['weights'];
  const config = manifest?.results['config'];
  if (manifest === null)
    return { reason: 'the store has no adapter of it any more: its results are published, no model' };
  if (weights === undefined || config === undefined)
    return { reason: 'what its trainer made is a whole model, and no adapter: its results are published, no model' };
  const text = (await store.read(config)).toString('utf8');
  const { base_model_name_or_path: base } = JSON.parse(text) as { base_model_name_or_path?: string | null };
  const repository = `${owner}/${repositoryName(`${name}-${configuration.name}`)}`;
  const card = modelCard(facts, {
    ...{ configuration, repository, results },
    base: base || null,
    adapterSha256: weights.sha256,
  });
  const { experiment } = facts.stored.plan;
  return {
    type: 'model',
    name: repository,
    marker: { version: 1, experiment, store: store.id, configuration: configuration.name, recipe: recipeKey },
    files: [
      {
        path: 'adapter_model.safetensors',
        bytes: weights.bytes,
        file: await store.checkOut(weights),
        sha256: weights.sha256,
      },
      textFile('adapter_config.json', text),
      textFile(CARD_FILE, card),
    ],
  };
}

/** PEFT would put such an adapter on the wrong weights. */
function standsOnMerge({ plan }: Pick<StoredPlan, 'plan'>, { recipe }: PlannedConfiguration): boolean {
  const start = recipe?.start;
  if (start === undefined) return false;
  const parent = plan.configurations.find(({ recipeKey }) => recipeKey === start.adapter);
  return start.as === 'merge' || (parent !== undefined && standsOnMerge({ plan }, parent));
}

/** The report's own files and the rows of finished configurations; nothing else that lies in the folder. */
async function resultFiles(
  { plan }: StoredPlan,
  folder: string,
  finished: readonly PlannedConfiguration[],
  listed: readonly string[],
  answers: boolean,
): Promise<PublishedFile[]> {
  const rows = finished.flatMap(({ cells }) =>
    cells
      .filter((cell) => !isCalibration(plan, cell))
      .flatMap(({ id }) => [`${id}/completions.jsonl`, `${id}/judgements.jsonl`]),
  );
  const paths = [...rows, ...listed.filter(isInside)].filter((path) => answers || !hasAnswers(path));
  const files: PublishedFile[] = [];
  for (const path of [...new Set(paths)].sort()) {
    const file = join(folder, path);
    if (existsSync(file)) files.push({ path, bytes: (await stat(file)).size, file });
  }
  return files;
}

/** Whether a file of a results repository is of the models' answers, or quotes some. */
export function hasAnswers(path: string): boolean {
  return path === 'report.html' || /(^|\/)completions\.jsonl$/.test(path);
}

function isInside(path: string): boolean {
  return !isAbsolute(path) && !normalize(path).startsWith('..') && ![CARD_FILE, MARKER_FILE, LIST_FILE].includes(path);
}

function textFile(path: string, text: string): PublishedFile {
  return { path, text, bytes: Buffer.byteLength(text) };
}

function refuseSameNames(repositories: readonly Repository[]): void {
  const seen = new Map<string, string>();
  for (const { name, marker } of repositories) {
    const other = seen.get(name.toLowerCase());
    const own = marker.configuration ?? 'the results';
    if (other !== undefined) throw new InvalidUse(`${own} and ${other} would both be ${name}: choose another --name`);
    seen.set(name.toLowerCase(), own);
  }
}
