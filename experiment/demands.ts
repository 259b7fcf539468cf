/**
 * What an experiment asks of the machine that plans and runs it, besides computing: reading its files, fetching from
 * addresses, running commands, sending a key to an address. Workers do these for their owner; for other clients only where
 * they are told to.
 */
import { isUsualEndpoint } from './endpoint';
import { judgeFolders } from './local-judges';
import { namedJudges } from './main-judge';
import type { FileSource, JudgeSpec, Spec } from './spec';

/** What a worker may be told to do for every client. `private-urls`: fetch from addresses, also those that are not public. */
export const ALLOWANCES = ['files', 'urls', 'private-urls', 'commands', 'judge-endpoints'] as const;
export type Allowance = (typeof ALLOWANCES)[number];
export type DemandKind = Exclude<Allowance, 'private-urls'>;

export interface Demand {
  kind: DemandKind;
  /** For people: `the dataset rows is a local file`. */
  what: string;
}

/** The demands of an experiment file. */
export function demandsOf(spec: Spec): Demand[] {
  const { datasets, questionSets, pools, calibration, configurations, scorers = [], handoffs = [] } = spec;
  const found: Demand[] = [];
  for (const [name, { source }] of Object.entries(datasets)) {
    found.push(demandOf(`the dataset ${name}`, source.kind === 'archive' ? source.file : source));
  }
  for (const [name, { source }] of Object.entries(questionSets)) {
    if (source.kind === 'file') found.push(demandOf(`the question set ${name}`, source.file));
  }
  for (const { name, source } of Object.values(pools ?? {})) {
    if (source.kind !== 'inline') found.push(demandOf(`the pool of prompts ${name}`, source));
  }
  if (calibration?.bridge) found.push(demandOf('the calibration’s bridge', calibration.bridge.file));
  for (const { path } of judgeFolders(spec)) found.push(localModel(path));
  for (const { name, model, train, training, adapter } of configurations) {
    if (adapter?.kind === 'folder')
      found.push({ kind: 'files', what: `${name} asks an adapter in a local folder (${adapter.path})` });
    if (model.kind === 'folder') found.push(localModel(model.path));
    if (train !== null && typeof training.backend !== 'string') found.push(ownTrainer(name, training.backend.command));
  }
  for (const { name, scorer } of scorers) {
    if (scorer.kind === 'command') found.push(ownScorer(name, scorer.command));
  }
  found.push(...handoffs.map(({ name, command }) => handedOver(name, command)));
  return [...found, ...judgeDemands(spec)];
}

/** An address of the file's own gets answers and perhaps a key; OpenAI's own gets what everybody expects. */
export function judgeDemands(spec: Pick<Spec, 'judge' | 'judges'>): Demand[] {
  return Object.entries(namedJudges(spec)).flatMap(([name, judge]) => judgeDemand(name, judge));
}

function judgeDemand(name: string, { endpoint }: JudgeSpec): Demand[] {
  if (endpoint === undefined || isUsualEndpoint(endpoint)) return [];
  const { baseUrl, keyVariable } = endpoint;
  const key = keyVariable === null ? 'without a key' : `with the key in ${keyVariable}`;
  return [{ kind: 'judge-endpoints', what: `the judge ${name} is asked at ${baseUrl}, ${key}` }];
}

export function localModel(folder: string): Demand {
  return { kind: 'files', what: `the model is a local folder (${folder})` };
}

export function ownTrainer(configuration: string, command: readonly string[]): Demand {
  return { kind: 'commands', what: `${configuration} is trained by a command (${command.join(' ')})` };
}

export function ownScorer(metric: string, command: readonly string[]): Demand {
  return { kind: 'commands', what: `${metric} is scored by a command (${command.join(' ')})` };
}

export function handedOver(handoff: string, command: readonly string[]): Demand {
  return {
    kind: 'commands',
    what: `finished models are handed over to the command of ${handoff} (${command.join(' ')})`,
  };
}

function demandOf(what: string, file: FileSource): Demand {
  return file.kind === 'url'
    ? { kind: 'urls', what: `${what} is fetched (${file.url})` }
    : { kind: 'files', what: `${what} is a local file (${file.path})` };
}
