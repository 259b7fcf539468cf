/**
 * Experiments are named on the command line by their name or by their file.
 */
import { readFile } from 'node:fs/promises';
import { formatProblems, parseExperiment } from '../experiment/file/parse';
import { InvalidUse } from './errors';

export async function experimentName(nameOrFile: string): Promise<string> {
  if (!/[./\\]/.test(nameOrFile)) return nameOrFile;
  const parsed = parseExperiment(await readExperimentFile(nameOrFile), nameOrFile);
  if (!parsed.ok) throw new InvalidUse(formatProblems(parsed.problems));
  return parsed.spec.name;
}

export async function readExperimentFile(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT')
      throw new InvalidUse(`${file}: no such file. \`flamingo init FILE\` writes one to start from.`);
    if (code === 'EISDIR') throw new InvalidUse(`${file} is a folder; name the experiment file in it`);
    throw new InvalidUse(`${file} can not be read: ${message}`);
  }
}
