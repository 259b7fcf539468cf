/**
 * Looks at what an experiment refers to and this machine has, for `flamingo validate`: datasets, question files, pools,
 * published answers and programs, whether they are there and as declared, and whether what is asked of them can be had.
 */
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { checkKnown } from '../experiment/expand/counts';
import type { Inputs } from '../experiment/expand/expand';
import { InvalidExperiment, type Issue, type Path } from '../experiment/issue';
import { judgeFolders } from '../experiment/local-judges';
import type { Spec } from '../experiment/spec';
import { readContent, type ResolveOptions } from './resolve';
import { readTrainerFiles } from './trainer-files';

export interface LocalFiles {
  /** At their places in the experiment file. */
  problems: Issue[];
  warnings: Issue[];
  /** What was not looked at, in words: inputs that are not downloaded or unpacked, and models. */
  unseen: string[];
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
  for (const { path, place } of modelFolders(spec)) {
    if (!existsSync(resolve(options.baseFolder, path)))
      problems.push({ path: [...place, 'path'], message: `${path}: no such folder` });
  }
  await told(() => checkKnown(spec, known));
  return { problems, warnings, unseen: ['models', ...missing.map(({ kind, name }) => `${kind} ${name}`)] };
}

/** Folders of models and adapters, each once, and where the experiment file names them. */
function modelFolders(spec: Spec): { path: string; place: Path }[] {
  const found = spec.configurations.flatMap(({ model, adapter }) => [
    ...(model.kind === 'folder' ? [{ path: model.path, place: ['model'] }] : []),
    ...(adapter?.kind === 'folder' ? [{ path: adapter.path, place: adapter.place }] : []),
  ]);
  return [...new Map([...found, ...judgeFolders(spec)].map((each) => [each.path, each])).values()];
}
