/**
 * The report's files in the results folder: each written whole or not at all, and those of the report before that this one
 * no longer has are deleted, so that no table or figure tells of another plan. Rows of answers are left alone, and so is
 * whatever else a person keeps there.
 */
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, isAbsolute, join, normalize } from 'node:path';
import { PROVENANCE_FILE } from './aggregate/report';
import type { ReportFile } from './aggregate/report-input';

export async function writeWhole(path: string, content: ReportFile['content']): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  const temporary = `${path}.${process.pid}.tmp`;
  await writeFile(temporary, content);
  await rename(temporary, path);
}

/** Paths relative to `output`; none where no report stands, or one of a version that did not list its files. */
export async function filesOfLastReport(output: string): Promise<string[]> {
  let listed: unknown;
  try {
    listed = (JSON.parse(await readFile(join(output, PROVENANCE_FILE), 'utf8')) as { files?: unknown }).files;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT' && !(error instanceof SyntaxError)) throw error;
  }
  return Array.isArray(listed)
    ? listed.filter((path): path is string => typeof path === 'string' && isInside(path))
    : [];
}

/** Deletes what the report before had and this one has not. */
export async function removeStale(output: string, before: string[], files: readonly ReportFile[]): Promise<void> {
  const standing = new Set(files.map(({ path }) => path));
  for (const path of before) if (!standing.has(path)) await rm(join(output, path), { force: true });
}

/** A person may have edited the list. */
function isInside(path: string): boolean {
  return path !== '' && !isAbsolute(path) && !normalize(path).startsWith('..');
}
