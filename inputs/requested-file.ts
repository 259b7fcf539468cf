/**
 * The experiment file that a request to a worker names or contains.
 */
import { readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { realPathInside } from '../artifacts/inside';
import { reason } from './files';
import { InvalidFile, type ExperimentText } from './import';

/**
 * `experiments`: the folder that a path is resolved under; nothing outside it is read. Throws `InvalidFile` when there is
 * no such file.
 */
export async function requestedFile(
  experiments: string,
  { yaml, file }: { yaml?: string; file?: string },
): Promise<ExperimentText> {
  if (yaml !== undefined) return { text: yaml, name: 'experiment.yaml', folder: experiments };
  if (file === undefined) throw new InvalidFile('expected one of "file", "yaml" and "plan" in the input');
  const path = await realPathInside(experiments, file);
  if (path === null) throw new InvalidFile(`${file} lies outside ${experiments}`);
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    throw new InvalidFile(`${file}, under ${experiments}: ${reason(error)}`);
  }
  return { text, name: file, folder: dirname(path) };
}
