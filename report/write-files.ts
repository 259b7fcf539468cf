/**
 * The report's files in the results folder: each written whole or not at all, and those of the report before that this one
 * no longer has are deleted, so that no table or figure tells of another plan. Rows of answers are left alone, and so is
 * whatever else a person keeps there.
 *
 * The list of files is in the provenance. It names what is about to be written before it is there, and what is to be deleted
 * until it is gone: after a kill at any moment the next report knows of every file that must go.
 */
import { readFile, rm } from 'node:fs/promises';
import { isAbsolute, join, normalize } from 'node:path';
import { writeWhole } from '../artifacts/whole-file';
import { canonicalJson } from '../experiment/canonical';
import { PROVENANCE_FILE } from './build-files';
import type { ReportFile } from './report-input';

/** `files`: all of the report, its provenance included, which lists them. */
export async function writeReportFiles(output: string, files: readonly ReportFile[]): Promise<void> {
  const standing = await readProvenance(output);
  const before = listed(standing);
  const paths = files.map(({ path }) => path);
  const either = [...new Set([...before, ...paths])].sort();
  if (either.length > before.length) {
    await writeWhole(join(output, PROVENANCE_FILE), canonicalJson({ ...standing, files: either }) + '\n');
  }
  const write = ({ path, content }: ReportFile): Promise<void> => writeWhole(join(output, path), content);
  for (const file of files) if (file.path !== PROVENANCE_FILE) await write(file);
  for (const path of before) if (!paths.includes(path)) await rm(join(output, path), { force: true });
  for (const file of files) if (file.path === PROVENANCE_FILE) await write(file);
}

/** What the report that stands says of itself; empty where there is none, or only half of it. */
async function readProvenance(output: string): Promise<{ files?: unknown }> {
  try {
    const read: unknown = JSON.parse(await readFile(join(output, PROVENANCE_FILE), 'utf8'));
    return typeof read === 'object' && read !== null && !Array.isArray(read) ? read : {};
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT' && !(error instanceof SyntaxError)) throw error;
    return {};
  }
}

/** Paths relative to the folder; none where the provenance lists no files. */
function listed({ files }: { files?: unknown }): string[] {
  return Array.isArray(files) ? files.filter((path): path is string => typeof path === 'string' && isInside(path)) : [];
}

/** A person may have edited the list. */
function isInside(path: string): boolean {
  return path !== '' && !isAbsolute(path) && !normalize(path).startsWith('..');
}
