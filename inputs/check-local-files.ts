/**
 * Looks at what an experiment refers to and this machine has, for `flamingo validate`: datasets, question files, pools,
 * published answers, adapters and programs, whether they are there and as declared, and whether what is asked of them can be had.
 */
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { checkKnown } from '../experiment/expand/counts';
import type { Inputs } from '../experiment/expand/expand';
import { InvalidExperiment, type Issue, type Path } from '../experiment/issue';
import type { Instrument } from '../experiment/plan';
import { judgeFolders } from '../experiment/local-judges';
import type { ConfigurationSpec, Spec } from '../experiment/spec';
import { readAdapters } from './adapters';
import { readContent, type ResolveOptions } from './resolve';
import { readTrainerFiles } from './trainer-files';

export interface LocalFiles {
  /** At their places in the experiment file. */
  problems: Issue[];
  warnings: Issue[];
  /** What was not looked at, in words: inputs that are not downloaded or unpacked, models, and adapters of the hub. */
  unseen: string[];
  /** Of rubrics that the file itself or questions that are at hand hold; empty where there is a problem with them. */
  instruments: Instrument[];
}

/** Nothing is downloaded, no archive is opened, and of a local model only its folder is looked for. Throws `InvalidExperiment` for a wrong `sources`. */
export async function checkLocalFiles(
  spec: Spec,
  options: Pick<ResolveOptions, 'baseFolder' | 'cacheFolder' | 'sources'>,
): Promise<LocalFiles> {
  const problems: Issue[] = [];
  const { content, missing, warnings } = await readContent(spec, { ...options, offline: true, python: null }, (found) =>
    problems.push(found.issue),
  );
  const known: Partial<Inputs> = { ...content };
  const told = async (look: () => unknown): Promise<void> => {
    try {
      await look();
    } catch (error) {
      if (!(error instanceof InvalidExperiment)) throw error;
      problems.push(error.issue);
    }
  };
  await told(async () => {
    known.trainerFiles = await readTrainerFiles(spec, async (written) => resolve(options.baseFolder, written));
  });
  const isThere = (path: string): boolean => existsSync(resolve(options.baseFolder, path));
  for (const { path, place } of foldersOf(spec)) {
    if (!isThere(path))
      problems.push({ path: [...place, 'path'], message: `${resolve(options.baseFolder, path)}: no such folder` });
  }
  for (const configuration of localAdapters(spec, isThere)) {
    await told(() =>
      readAdapters({ configurations: [configuration] }, async (written) => resolve(options.baseFolder, written)),
    );
  }
  let instruments: Instrument[] = [];
  await told(() => (instruments = checkKnown(spec, known)));
  return {
    problems,
    warnings,
    unseen: ['models', ...hubAdapters(spec), ...missing.map(({ kind, name }) => `${kind} ${name}`)],
    instruments,
  };
}

/** A configuration for each adapter of a folder that is there, and for each pin of it. */
function localAdapters({ configurations }: Spec, isThere: (path: string) => boolean): ConfigurationSpec[] {
  const found = configurations.flatMap((configuration): [string, ConfigurationSpec][] => {
    const { adapter } = configuration;
    if (adapter?.kind !== 'folder' || !isThere(adapter.path)) return [];
    return [[`${adapter.sha256} ${adapter.path}`, configuration]];
  });
  return [...new Map(found).values()];
}

/** In words, each once. */
function hubAdapters({ configurations }: Spec): string[] {
  const ids = configurations.flatMap(({ adapter }) => (adapter?.kind === 'hub' ? [adapter.id] : []));
  return [...new Set(ids)].map((id) => `adapter ${id}`);
}

/** Folders of models and adapters, each once, and where the experiment file names them. */
function foldersOf(spec: Spec): { path: string; place: Path }[] {
  const found = spec.configurations.flatMap(({ model, adapter }) => [
    ...(model.kind === 'folder' ? [{ path: model.path, place: ['model'] }] : []),
    ...(adapter?.kind === 'folder' ? [{ path: adapter.path, place: adapter.place }] : []),
  ]);
  return [...new Map([...found, ...judgeFolders(spec)].map((each) => [each.path, each])).values()];
}
