/**
 * Experiments are named on the command line by their name or by their file.
 */
import type { ArtifactRef } from '../experiment/plan';
import { recordedExperiment } from '../artifacts/experiments';
import { loadPlan, type StoredPlan } from '../artifacts/plans';
import type { Store } from '../artifacts/store';
import { formatProblems, parseExperiment } from '../experiment/file/parse';
import { UnreadableInput } from '../inputs/files';
import { MAX_EXPERIMENT_BYTES } from '../inputs/limits';
import { readText } from '../inputs/text';
import { InvalidUse } from './errors';

export async function experimentName(nameOrFile: string): Promise<string> {
  if (!/[./\\]/.test(nameOrFile)) return nameOrFile;
  // whichever judge it was run with: `--judge local` runs files that no other judge could
  const parsed = parseExperiment(await readExperimentFile(nameOrFile), nameOrFile, 'local');
  if (!parsed.ok) throw new InvalidUse(formatProblems(parsed.problems));
  return parsed.spec.name;
}

/** What an experiment that ran was last asked to do, and the folder of its results. Throws `InvalidUse` for any other. */
export async function lastRun(
  store: Store,
  nameOrFile: string,
): Promise<{ stored: StoredPlan; plan: ArtifactRef; output: string }> {
  const name = await experimentName(nameOrFile);
  const record = await recordedExperiment(store, name);
  if (record === null)
    throw new InvalidUse(`the store knows no experiment ${name}: run it first, or check FLAMINGO_HOME`);
  return { stored: await loadPlan(store, record.plan), plan: record.plan, output: record.output };
}

export async function readExperimentFile(file: string): Promise<string> {
  try {
    return await readText(file, MAX_EXPERIMENT_BYTES, { packed: true, pipes: true });
  } catch (error) {
    if (!(error instanceof UnreadableInput)) throw error;
    const { code } = (error.cause ?? {}) as NodeJS.ErrnoException;
    if (code === 'ENOENT')
      throw new InvalidUse(`${file}: no such file. \`flamingo init FILE\` writes one to start from.`);
    if (code === 'EISDIR') throw new InvalidUse(`${file} is a folder; name the experiment file in it`);
    throw new InvalidUse(error.message);
  }
}
