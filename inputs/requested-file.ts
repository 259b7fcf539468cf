/**
 * The experiment file that a request to a worker names or contains.
 */
import { realpath } from 'node:fs/promises';
import { dirname, isAbsolute, relative, resolve } from 'node:path';
import { UnreadableInput } from './files';
import { InvalidFile, type ExperimentText } from './import';
import { readText, withoutMark } from './text';

/**
 * `experiments`: the folder that a path is resolved under; nothing outside it is read. Throws `InvalidFile` when there is
 * no such file.
 */
export async function requestedFile(
  experiments: string,
  { yaml, file }: { yaml?: string; file?: string },
): Promise<ExperimentText> {
  if (yaml !== undefined) return { text: withoutMark(yaml), name: 'experiment.yaml', folder: experiments };
  if (file === undefined) throw new InvalidFile('expected one of "file", "yaml" and "plan" in the input');
  const path = await insideOf(experiments, file);
  try {
    return { text: await readText(path), name: file, folder: dirname(path) };
  } catch (error) {
    if (error instanceof UnreadableInput) throw new InvalidFile(error.message);
    throw error;
  }
}

async function insideOf(folder: string, file: string): Promise<string> {
  const root = await realpath(folder);
  let path: string;
  try {
    path = await realpath(resolve(root, file));
  } catch {
    throw new InvalidFile(`${file}: no such file under ${root}`);
  }
  const inside = relative(root, path);
  if (inside.startsWith('..') || isAbsolute(inside)) throw new InvalidFile(`${file} lies outside ${root}`);
  return path;
}
