/**
 * The experiment file that a request to a worker names or contains.
 */
import { dirname } from 'node:path';
import { realPathInside } from '../artifacts/inside';
import { UnreadableInput } from './files';
import { InvalidFile, type ExperimentText } from './import';
import { MAX_EXPERIMENT_BYTES } from './limits';
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
  // what is no experiment file is not read at all: the problems found in it would be an answer about its content
  if (!isYaml(file)) refuse(file);
  const path = await realPathInside(experiments, file);
  if (path === null) throw new InvalidFile(`${file} lies outside ${experiments}`);
  if (!isYaml(path)) refuse(file);
  try {
    const text = await readText(path, MAX_EXPERIMENT_BYTES, { label: file, packed: true });
    return { text, name: file, folder: dirname(path), secret: true };
  } catch (error) {
    throw error instanceof UnreadableInput ? new InvalidFile(`${error.message} (under ${experiments})`) : error;
  }
}

function isYaml(name: string): boolean {
  return /\.ya?ml$/i.test(name);
}

function refuse(file: string): never {
  throw new InvalidFile(`${file}: the name of an experiment file ends in .yaml or .yml`);
}
