/**
 * Puts repositories on the hub. What is there already with the same hash is not sent again, so that a call that was broken
 * off is finished by the next one; the card comes last. What an earlier call sent and this one no longer has is removed: each call lists its
 * files in the repository, and no other file is touched.
 */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { pathToFileURL } from 'node:url';
import {
  commit,
  createRepo,
  datasetInfo,
  downloadFile,
  listFiles,
  modelInfo,
  type ListFileEntry,
  type RepoDesignation,
} from '@huggingface/hub';
import { z } from 'zod';
import { canonicalJson } from '../../experiment/canonical';
import { firstOf } from '../../experiment/excerpt';
import { hashFile } from '../../artifacts/hash-file';
import { InvalidUse } from '../errors';
import { hubError, isHubError, type HubAccess } from './access';
import { CARD_FILE, hasAnswers, LIST_FILE, MARKER_FILE, type PublishedFile, type Repository } from './contents';

export interface UploadOptions {
  visibility: 'private' | 'public';
  /** Files go into a repository that holds something else. */
  overwrite: boolean;
  /** Before each commit. */
  onProgress?: (repository: string, sent: number, files: number) => void;
}

export interface Uploaded {
  url: string;
  /** Paths that were sent. */
  sent: string[];
  /** Files that were there already. */
  standing: number;
  /** Paths of an earlier call that are gone now. */
  removed: string[];
}

/** Of one commit: small files travel inside of its request. */
const MOST_FILES = 100;
const MOST_BYTES = 32 * 1024 * 1024;
/** The hub keeps larger files apart, and they are streamed there. */
const SMALL_FILE = 10 * 1024 * 1024;

/** What a call would remove: files that an earlier one listed. Asks the hub and changes nothing. Throws `InvalidUse` and `HubFailed`. */
export async function outdatedFiles(repository: Repository, access: HubAccess): Promise<string[]> {
  const repo: RepoDesignation = { type: repository.type, name: repository.name };
  try {
    const there = await filesOf(repo, access);
    return outdated(repository, there, await listedFiles(repository, repo, access, there));
  } catch (error) {
    if (isHubError(error) && error.statusCode === 404) return []; // it is not made yet
    throw hubError(error, `${repository.name}: listing its files`, access);
  }
}

/** Throws `InvalidUse` and `HubFailed`. */
export async function upload(repository: Repository, access: HubAccess, options: UploadOptions): Promise<Uploaded> {
  const repo: RepoDesignation = { type: repository.type, name: repository.name };
  const during = async <T>(doing: string, call: () => Promise<T>): Promise<T> => {
    try {
      return await call();
    } catch (error) {
      throw hubError(error, `${repository.name}: ${doing}`, access);
    }
  };
  const marker = markerText(repository);
  const isPrivate = await during('looking for the repository', () => ensure(repository, repo, access, options));
  const there = await during('listing its files', () => filesOf(repo, access));
  if (repository.withoutAnswers) refuseAnswers(repository.name, [...there.keys()]);
  if (options.visibility === 'public' && isPrivate)
    throw new InvalidUse(
      `${repository.name} is private on the hub, which sending files does not change: ` +
        'make it public there, with all that it ever held, or publish without --public',
    );
  const listed = await during('reading which files it holds', () => listedFiles(repository, repo, access, there));
  const removed = outdated(repository, there, listed);
  const paths = repository.files.map(({ path }) => path);
  const markerFile = textFile(MARKER_FILE, marker);
  const lacking: PublishedFile[] = [];
  for (const file of [markerFile, ...repository.files])
    if (!(await isThere(file, there.get(file.path)))) lacking.push(file);
  const list = listOf(paths);
  const isListed = await isThere(list, there.get(LIST_FILE));
  const parts = [...partsOf(lacking)];
  if (parts.length === 0 && !isListed) parts.push([]);
  let sent = 0;
  for (const [index, files] of parts.entries()) {
    const isLast = index === parts.length - 1;
    // a call that is broken off between two commits has listed what it sent, and still lists what it has not removed
    const listing = isLast ? (isListed ? [] : [list]) : index === 0 ? [listOf([...paths, ...listed])] : [];
    options.onProgress?.(repository.name, sent, lacking.length);
    await during('sending files', () =>
      commit({
        ...access,
        repo,
        title: 'Results from Flamingo',
        operations: [
          ...[...listing, ...files].map((file) => ({
            operation: 'addOrUpdate' as const,
            path: file.path,
            content: contentOf(file),
          })),
          ...(isLast ? removed.map((path) => ({ operation: 'delete' as const, path })) : []),
        ],
        useXet: false,
      }),
    );
    sent += files.length;
  }
  return {
    url: `${access.hubUrl}/${repository.type === 'dataset' ? 'datasets/' : ''}${repository.name}`,
    sent: lacking.map(({ path }) => path),
    standing: repository.files.length + 1 - lacking.length,
    removed,
  };
}

function markerText({ marker }: Repository): string {
  return canonicalJson(marker) + '\n';
}

function textFile(path: string, text: string): PublishedFile {
  return { path, text, bytes: Buffer.byteLength(text) };
}

const LIST = z.object({ version: z.literal(1), files: z.array(z.string()) });
/** Bytes of a list; a results repository has some ten thousand files. */
const LONGEST_LIST = 16 * 1024 * 1024;

function listOf(paths: readonly string[]): PublishedFile {
  return textFile(LIST_FILE, JSON.stringify({ version: 1, files: [...new Set(paths)].sort() }, null, 1) + '\n');
}

/** What an earlier call for the same repository listed; nothing where it is another's, or there is no such list. */
async function listedFiles(
  repository: Repository,
  repo: RepoDesignation,
  access: HubAccess,
  there: ReadonlyMap<string, ListFileEntry>,
): Promise<string[]> {
  const entry = there.get(LIST_FILE);
  if (entry === undefined || entry.size > LONGEST_LIST) return [];
  if ((await markerOf(repo, access)) !== markerText(repository)) return [];
  const file = await downloadFile({ ...access, repo, path: LIST_FILE });
  try {
    return LIST.parse(JSON.parse((await file?.text()) ?? '')).files;
  } catch {
    return []; // no list of ours
  }
}

function outdated(
  { files }: Repository,
  there: ReadonlyMap<string, ListFileEntry>,
  listed: readonly string[],
): string[] {
  const kept = new Set([MARKER_FILE, LIST_FILE, CARD_FILE, ...files.map(({ path }) => path)]);
  return listed.filter((path) => there.has(path) && !kept.has(path));
}

/** Makes the repository, or sees that it is ours and not more public than it should be. Says whether it is private. */
async function ensure(
  { name, type, marker }: Repository,
  repo: RepoDesignation,
  access: HubAccess,
  { visibility, overwrite }: UploadOptions,
): Promise<boolean> {
  const info = async () => {
    try {
      return await (type === 'model' ? modelInfo({ ...access, name }) : datasetInfo({ ...access, name }));
    } catch (error) {
      if (isHubError(error) && error.statusCode === 404) return null;
      throw error;
    }
  };
  let standing = await info();
  if (standing === null) {
    try {
      const content = new Blob([canonicalJson(marker) + '\n']);
      await createRepo({ ...access, repo, visibility, files: [{ path: MARKER_FILE, content }] });
      standing = await info();
      if (standing === null) throw new InvalidUse(`${name} was made and is not there: look at it on the hub`);
    } catch (error) {
      if (!isHubError(error) || error.statusCode !== 409) throw error;
      standing = await info();
      if (standing === null)
        throw new InvalidUse(
          `${name} exists, and the token may not see it: use a token of its owner, or another --name`,
        );
    }
  }
  if (visibility === 'private' && !standing.private)
    throw new InvalidUse(`${name} is public on the hub: make it private there, or publish with --public`);
  if (overwrite) return standing.private;
  const found = await markerOf(repo, access);
  if (found !== canonicalJson(marker) + '\n')
    throw new InvalidUse(
      `${name} is on the hub already and holds ${found === null ? 'nothing of Flamingo’s' : 'something else'}: ` +
        'choose another --name, or write into it with --overwrite',
    );
  return standing.private;
}

/** Files stay readable in a repository's history, so that removing them here would be no help. */
function refuseAnswers(name: string, paths: readonly string[]): void {
  const found = paths.filter(hasAnswers).sort();
  if (found.length === 0) return;
  throw new InvalidUse(
    `${name} holds what the models answered, from an earlier call: ${firstOf(found, 5, 'files').join(', ')}. ` +
      'Its history keeps them: delete the repository on the hub, choose another --name, or publish them with --include answers',
  );
}

/** The text of the file that says whose the repository is; null where there is none. */
async function markerOf(repo: RepoDesignation, access: HubAccess): Promise<string | null> {
  const file = await downloadFile({ ...access, repo, path: MARKER_FILE });
  return file === null ? null : file.text();
}

async function filesOf(repo: RepoDesignation, access: HubAccess): Promise<Map<string, ListFileEntry>> {
  const files = new Map<string, ListFileEntry>();
  for await (const entry of listFiles({ ...access, repo, recursive: true })) {
    if (entry.type === 'file') files.set(entry.path, entry);
  }
  return files;
}

/** Large files are known by their SHA-256, others as Git knows them. */
async function isThere(file: PublishedFile, entry: ListFileEntry | undefined): Promise<boolean> {
  if (entry === undefined) return false;
  if (entry.lfs !== undefined) return entry.lfs.oid === (await sha256Of(file));
  return entry.size === file.bytes && entry.oid === (await gitHash(file));
}

async function sha256Of(file: PublishedFile): Promise<string> {
  if ('text' in file) return createHash('sha256').update(file.text).digest('hex');
  return file.sha256 ?? hashFile(file.file);
}

async function gitHash(file: PublishedFile): Promise<string> {
  const hash = createHash('sha1').update(`blob ${file.bytes}\0`);
  if ('text' in file) return hash.update(file.text).digest('hex');
  for await (const chunk of createReadStream(file.file)) hash.update(chunk as Buffer);
  return hash.digest('hex');
}

function contentOf(file: PublishedFile): Blob | URL {
  return 'text' in file ? new Blob([file.text]) : pathToFileURL(file.file);
}

/** One commit each; the card is in the last. */
function* partsOf(files: readonly PublishedFile[]): Generator<PublishedFile[]> {
  const ordered = [...files].sort((a, b) => Number(a.path === CARD_FILE) - Number(b.path === CARD_FILE));
  let part: PublishedFile[] = [];
  let bytes = 0;
  for (const file of ordered) {
    const inside = file.bytes > SMALL_FILE ? 0 : file.bytes;
    if (part.length > 0 && (part.length === MOST_FILES || bytes + inside > MOST_BYTES)) {
      yield part;
      [part, bytes] = [[], 0];
    }
    part.push(file);
    bytes += inside;
  }
  if (part.length > 0) yield part;
}
