/**
 * Gets the content that an experiment refers to: from local files, from `--source` copies, from the cache, or by
 * downloading. Whatever the way, the same pins decide whether it is the right content.
 */
import { existsSync } from 'node:fs';
import { rm, stat } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { hashFile } from '../artifacts/hash-file';
import { realPathInside } from '../artifacts/inside';
import type { Sha256 } from '../experiment/canonical';
import type { Dataset } from '../experiment/expand/dataset';
import type { Inputs } from '../experiment/expand/expand';
import { InvalidExperiment, suggestion, type Issue, type Path } from '../experiment/issue';
import { checkDataset, checkQuestions } from '../experiment/expand/pins';
import type { QuestionItem } from '../experiment/expand/questions';
import { judgeFolders } from '../experiment/local-judges';
import type { DatasetSpec, FileSource, QuestionSetSpec, Spec } from '../experiment/spec';
import { archiveMember, type Python } from './archive';
import { readPool } from './pools';
import { readPublishedAnswers } from './published-answers';
import { readDataset } from './datasets';
import { cachedDownload, download, DownloadFailed, type DownloadOptions } from './fetch';
import { reason, unreadable, UnreadableInput } from './files';
import { hashModelFolder } from './model-folder';
import { checkCanThink } from './model-thinking';
import { readQuestionFile } from './questions';
import { readAdapters } from './adapters';
import { readTrainerFiles } from './trainer-files';

export interface ResolveOptions {
  /** Folder of the experiment file: relative paths start here. */
  baseFolder: string;
  /** Local copies, `--source NAME=PATH`: a file, or a folder that holds it under a usual name. */
  sources?: Record<string, string> | undefined;
  /** For downloads, unpacked members and hashes of model folders. */
  cacheFolder: string;
  /** Names the proxy for downloads; default: none. */
  env?: NodeJS.ProcessEnv;
  /** Opens archives; null when it is not set up. */
  python?: Python | null;
  /** Download nothing; what is not at hand is reported as missing. */
  offline?: boolean;
  /** Refuse paths that leave `baseFolder`: for files that came from elsewhere. */
  confine?: boolean;
  /** Urls of files that came from elsewhere may lead to addresses that are not public (inputs/addresses.ts). */
  privateUrls?: boolean;
  onProgress?: (input: string, done: number, total: number | null) => void;
  signal?: AbortSignal;
}

export interface MissingInput {
  name: string;
  kind: 'dataset' | 'question set' | 'prompt pool' | 'published answers';
  reason: string;
  remedy: string;
}

export interface Resolved {
  /** What could be had; an input that is missing has no entry. */
  inputs: Inputs;
  /** Each file once. */
  missing: MissingInput[];
  /** What is doubtful about the inputs, but no reason to refuse them. */
  warnings: Issue[];
  /** Absolute path of the local model folder; null for hub and bundled models. */
  modelFolder: string | null;
  /** Absolute paths of judges' local model folders, by their identities. */
  judgeFolders: Record<Sha256, string>;
}

/** Name of the calibration's published answers for `--source`. */
const BRIDGE = 'bridge';

/** Not at hand, and not to be fetched now. */
class NotHere extends Error {}

/** Throws `InvalidExperiment` when something is unreadable, not what its pin says, or can not be downloaded. */
export async function resolveInputs(spec: Spec, options: ResolveOptions): Promise<Resolved> {
  const { content, missing, warnings } = await readContent(spec, options, (problem) => {
    throw problem;
  });
  const modelFolder = await modelFolderOf(spec, options);
  const identity = modelFolder === null ? null : await modelIdentity(modelFolder, options.cacheFolder);
  if (modelFolder !== null) await checkCanThink(spec, modelFolder);
  const adapters = await readAdapters(spec, (written, path) => localPath(written, path, options), options);
  const judges = await judgeFoldersOf(spec, options);
  const trainerFiles = await readTrainerFiles(spec, (written, path) => localPath(written, path, options));
  return {
    inputs: {
      ...content,
      modelFolder: identity,
      trainerFiles,
      adapters,
      ...(judges.length === 0
        ? {}
        : { judgeFolders: Object.fromEntries(judges.map((each) => [each.path, each.sha256])) }),
    },
    missing,
    warnings,
    modelFolder,
    judgeFolders: Object.fromEntries(judges.map(({ sha256, folder }) => [sha256, folder])),
  };
}

/** What is read of an experiment besides its models and programs. */
export interface Content extends Pick<Resolved, 'missing' | 'warnings'> {
  content: Pick<Inputs, 'datasets' | 'questionFiles' | 'pools' | 'publishedAnswers'>;
}

/**
 * Reads datasets, question files, pools and published answers. `refuse` is told of each that is unreadable, not what its pin
 * says, or can not be downloaded: it throws, or goes on without that one. Throws `InvalidExperiment` for a wrong `sources`.
 */
export async function readContent(
  spec: Spec,
  options: ResolveOptions,
  refuse: (problem: InvalidExperiment) => void,
): Promise<Content> {
  const sources = options.sources ?? {};
  const files = Object.entries(spec.questionSets).filter(([, { source }]) => source.kind === 'file');
  const known = [...Object.keys(spec.datasets), ...files.map(([name]) => name)];
  const poolFiles = Object.entries(spec.pools ?? {}).flatMap(([id, { source, ...pool }]) =>
    source.kind === 'inline' ? [] : [{ id, source, ...pool }],
  );
  known.push(...poolFiles.map(({ name }) => name));
  if (spec.calibration?.bridge) known.push(BRIDGE);
  for (const name of Object.keys(sources)) {
    if (!known.includes(name)) {
      throw new InvalidExperiment(
        [],
        `--source ${name}: the experiment has no dataset or question file of that name`,
        suggestion(name, known),
      );
    }
    checkNamesOne(name, known, poolFiles);
  }
  const missing: MissingInput[] = [];
  const isNamed = (other: MissingInput): boolean =>
    missing.some(({ kind, name, reason }) => kind === other.kind && name === other.name && reason === other.reason);
  const warnings: Issue[] = [];
  const gather = async <T>(
    kind: MissingInput['kind'],
    name: string,
    path: Path,
    read: () => Promise<T>,
  ): Promise<T | null> => {
    try {
      return await read();
    } catch (error) {
      const remedy = `--source ${name}=PATH`;
      if (error instanceof NotHere) {
        const without = { name, kind, reason: error.message, remedy };
        // a file of prompts may be several pools, each with so many of its first
        if (!isNamed(without)) missing.push(without);
        return null;
      }
      if (error instanceof UnreadableInput) refuse(new InvalidExperiment(path, ...saidOf(error, options)));
      else if (error instanceof DownloadFailed)
        refuse(new InvalidExperiment(path, error.message, `with a copy at hand: ${remedy}`));
      else if (error instanceof InvalidExperiment) refuse(error);
      else throw error;
      return null;
    }
  };

  const datasets: Record<string, Dataset> = {};
  for (const [name, declared] of Object.entries(spec.datasets)) {
    const found = await gather('dataset', name, ['datasets', name], async () => readDeclared(name, declared, options));
    if (found !== null) datasets[name] = found;
  }
  const questionFiles: Record<string, QuestionItem[]> = {};
  for (const [name, set] of files) {
    const path: Path = ['question_sets', name];
    const warn = (message: string): unknown => options.confine !== true && warnings.push({ path, message });
    const found = await gather('question set', name, path, async () => readQuestions(name, set, options, warn));
    if (found !== null) questionFiles[name] = found;
  }
  const pools: Record<string, string[]> = {};
  for (const { id, name, source, limit, place } of poolFiles) {
    const found = await gather('prompt pool', name, place, async () => {
      return readPool(await locate(name, source, sources[name], false, place, options), name, limit);
    });
    if (found !== null) pools[id] = found;
  }
  const published = spec.calibration?.bridge ?? null;
  const bridge =
    published === null
      ? null
      : await gather('published answers', BRIDGE, ['calibration', 'bridge'], async () => {
          const path: Path = ['calibration', 'bridge'];
          const file = await locate(BRIDGE, published.file, sources[BRIDGE], false, path, options);
          return readPublishedAnswers(file, spec.metrics, published.columns);
        });
  return {
    content: {
      ...{ datasets, questionFiles },
      ...(poolFiles.length === 0 ? {} : { pools }),
      ...(bridge === null ? {} : { publishedAnswers: bridge }),
    },
    missing,
    warnings,
  };
}

/** Pools go by their files' names, which several may share, also with a dataset or a question set. */
function checkNamesOne(
  name: string,
  known: readonly string[],
  poolFiles: readonly { name: string; source: FileSource; place: Path }[],
): void {
  const pools = poolFiles.filter((pool) => pool.name === name);
  const last = pools.at(-1);
  if (last === undefined) return;
  const files = new Set(pools.map(({ source }) => (source.kind === 'path' ? source.path : source.url)));
  const others = known.filter((each) => each === name).length - pools.length;
  if (files.size + others === 1) return;
  throw new InvalidExperiment(
    last.place,
    `--source ${name}: ${others > 0 ? 'a pool and another input have' : `${files.size} pools have`} this name`,
    'give their files different names',
  );
}

/** What is said of an unreadable input, and a hint. Another client is not shown what a file of this machine holds. */
function saidOf(error: UnreadableInput, { confine = false }: ResolveOptions): [string, string?] {
  if (!confine) return [error.message];
  return [
    error.withoutContent ?? 'its content is not what is expected there',
    'what it holds is not shown to other clients; `flamingo plan` on the worker’s machine says more',
  ];
}

async function readDeclared(name: string, declared: DatasetSpec, options: ResolveOptions): Promise<Dataset> {
  const { source } = declared;
  const ownCopy = options.sources?.[name];
  const path: Path = ['datasets', name];
  let file: string;
  let label: string | undefined;
  if (source.kind !== 'archive') {
    file = await locate(name, source, ownCopy, declared.contentSha256 !== null, path, options);
  } else {
    const copy =
      ownCopy === undefined
        ? null
        : await sourceFile(name, ownCopy, [basename(source.member), ...fileNames(source.file)]);
    const archiveHash = source.file.kind === 'url' ? source.file.sha256 : null;
    if (copy !== null && (archiveHash === null ? !copy.endsWith('.enc') : (await hashFile(copy)) !== archiveHash)) {
      // A copy of the member itself: nothing but a pin of its content says that it is the right one.
      if (declared.contentSha256 === null) {
        throw new InvalidExperiment(
          path,
          `--source ${name}: without \`content_sha256\` an unpacked copy can not be checked`,
        );
      }
      file = copy;
    } else {
      const archive =
        copy ??
        (await locate(name, source.file, undefined, declared.contentSha256 !== null, [...path, 'archive'], options));
      if (options.python == null)
        throw new NotHere('reading the archive needs the Python environment: run `npm run setup`');
      const { password, member, canaries } = source;
      const { python, cacheFolder } = options;
      label = `${archive}: ${member}`;
      file = await archiveMember({
        archive,
        archiveSha256: await hashFile(archive),
        password,
        member,
        canaries,
        python,
        cacheFolder,
      });
    }
  }
  return verified(source.kind === 'archive' ? source.file : source, file, options, async () => {
    const dataset = await readDataset(file, label, declared);
    checkDataset(name, declared, dataset);
    return dataset;
  });
}

async function readQuestions(
  name: string,
  { source }: QuestionSetSpec,
  options: ResolveOptions,
  warn: (message: string) => void,
): Promise<QuestionItem[]> {
  if (source.kind !== 'file') throw new Error(`${name} is not a question file`);
  const pinned = source.contentSha256;
  const file = await locate(
    name,
    source.file,
    options.sources?.[name],
    pinned !== null,
    ['question_sets', name],
    options,
  );
  return verified(source.file, file, options, async () => {
    const items = await readQuestionFile(file, { format: source.format, template: source.template, warn });
    checkQuestions(name, pinned, items);
    return items;
  });
}

/** Reads and checks; a download that only its content pins is thrown away when it is wrong, or it would stay wrong. */
async function verified<T>(
  source: FileSource,
  file: string,
  options: ResolveOptions,
  read: () => Promise<T>,
): Promise<T> {
  try {
    return await read();
  } catch (error) {
    if (source.kind === 'url' && file === cachedDownload(downloadOf(source, options))) await rm(file, { force: true });
    throw error;
  }
}

/** The local path of a file source; downloads it where that is allowed. Throws `InvalidExperiment` where its bytes are not the pinned ones. */
async function locate(
  name: string,
  source: FileSource,
  ownCopy: string | undefined,
  contentPinned: boolean,
  path: Path,
  options: ResolveOptions,
): Promise<string> {
  if (ownCopy !== undefined) {
    const file = await sourceFile(name, ownCopy, fileNames(source));
    // a copy of the rows need not be a copy of the file, where a pin says that they are the right ones
    if (source.sha256 != null && !contentPinned) await checkBytes(file, source.sha256, path, options);
    return file;
  }
  if (source.kind === 'path') {
    const file = await localPath(source.path, path, options);
    // an archive is not opened where Python is not set up, and must be there all the same
    if (!existsSync(file)) {
      const remedy = `the head of the experiment file may say where it comes from; a copy elsewhere: \`--source ${name}=PATH\``;
      throw new InvalidExperiment(path, `${file}: no such file`, options.confine === true ? undefined : remedy);
    }
    if (source.sha256 !== undefined) await checkBytes(file, source.sha256, path, options);
    return file;
  }
  const wanted = downloadOf(source, options);
  if (options.offline === true && !existsSync(cachedDownload(wanted)))
    throw new NotHere(`not downloaded yet: ${source.url}`);
  return download({
    ...wanted,
    ...(options.env === undefined ? {} : { env: options.env }),
    ...(options.signal === undefined ? {} : { signal: options.signal }),
    onProgress: (done, total) => options.onProgress?.(name, done, total),
  });
}

function downloadOf(
  { url, sha256 }: Extract<FileSource, { kind: 'url' }>,
  { cacheFolder, confine = false, privateUrls = false }: ResolveOptions,
): Pick<DownloadOptions, 'url' | 'sha256' | 'cacheFolder' | 'publicOnly'> {
  return { url, sha256, cacheFolder, publicOnly: confine && !privateUrls };
}

/** Another client is not told the hash of what lies here. */
async function checkBytes(
  file: string,
  pinned: Sha256,
  path: Path,
  { confine = false }: ResolveOptions,
): Promise<void> {
  let found: Sha256;
  try {
    found = await hashFile(file);
  } catch (error) {
    throw unreadable(`${file}: ${reason(error)}`, error);
  }
  if (found === pinned) return;
  const has = confine ? 'is other bytes' : `has SHA-256 ${found}`;
  throw new InvalidExperiment([...path, 'sha256'], `${file} ${has}, pinned is ${pinned}`);
}

/** `--source` paths are relative to the working folder, as on any command line. */
async function sourceFile(name: string, ownCopy: string, names: string[]): Promise<string> {
  const path = resolve(ownCopy);
  const about = await stat(path).catch(() => null);
  if (about === null) throw new InvalidExperiment([], `--source ${name}: ${path}: no such file`);
  if (!about.isDirectory()) return path;
  const candidates = [...names, ...[`${name}.jsonl`, `${name}.yaml`]].flatMap((file) => [file, `${file}.gz`]);
  const found = candidates.map((file) => join(path, file)).find((file) => existsSync(file));
  if (found === undefined)
    throw new InvalidExperiment([], `--source ${name}: the folder ${path} has no ${candidates.join(', ')}`);
  return found;
}

function fileNames(source: FileSource): string[] {
  return [source.kind === 'path' ? basename(source.path) : basename(new URL(source.url).pathname)];
}

async function localPath(
  written: string,
  path: Path,
  { baseFolder, confine }: Pick<ResolveOptions, 'baseFolder' | 'confine'>,
): Promise<string> {
  const absolute = resolve(baseFolder, written);
  if (confine === true && (await realPathInside(baseFolder, written)) === null) {
    throw new InvalidExperiment([...path, 'path'], `${written} lies outside the folder of experiments`);
  }
  return absolute;
}

async function modelFolderOf(spec: Spec, options: ResolveOptions): Promise<string | null> {
  const model = spec.configurations.map((configuration) => configuration.model).find(({ kind }) => kind === 'folder');
  return model?.kind === 'folder' ? localPath(model.path, ['model'], options) : null;
}

/** A local judge's model folder: as the file writes it, where it lies, and its identity. */
export interface JudgeFolder {
  path: string;
  folder: string;
  sha256: Sha256;
}

/** Throws `InvalidExperiment` for a folder that is no model. */
export async function judgeFoldersOf(
  spec: Pick<Spec, 'judge' | 'judges'>,
  options: Pick<ResolveOptions, 'baseFolder' | 'cacheFolder' | 'confine'>,
): Promise<JudgeFolder[]> {
  const found = judgeFolders(spec).map(async ({ path, place }) => {
    const folder = await localPath(path, place, options);
    return { path, folder, sha256: await modelIdentity(folder, options.cacheFolder, place) };
  });
  return Promise.all(found);
}

async function modelIdentity(folder: string, cacheFolder: string, place: Path = ['model']): Promise<Sha256> {
  try {
    return await hashModelFolder(folder, cacheFolder);
  } catch (error) {
    if (error instanceof UnreadableInput) throw new InvalidExperiment([...place, 'path'], error.message);
    throw error;
  }
}
