/**
 * What a trainer of the experiment's own finds, in its attempt's folder: its own files, our rows, the settings, and the
 * checkpoints of the attempts before it.
 *
 *     source/          the working folder: the files that the experiment file lists
 *     input/           rows.jsonl, steps.jsonl, settings.json
 *     checkpoints/     the program's own; begins as a copy of the newest earlier attempt's
 *     produced/        receives adapter_config.json and adapter_model.safetensors
 *     trainer.log      what it printed; progress.jsonl what of that was progress
 */
import { constants } from 'node:fs';
import { chmod, cp, mkdir, readdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { isAbsence } from '../../artifacts/local/files';
import type { Store } from '../../artifacts/store';
import type { ArtifactRef, Recipe } from '../../experiment/plan';

export interface Places {
  source: string;
  input: string;
  settings: string;
  checkpoints: string;
  produced: string;
  log: string;
  progress: string;
}

export function placesIn(attemptFolder: string): Places {
  const input = join(attemptFolder, 'input');
  return {
    source: join(attemptFolder, 'source'),
    input,
    settings: join(input, 'settings.json'),
    checkpoints: join(attemptFolder, 'checkpoints'),
    produced: join(attemptFolder, 'produced'),
    log: join(attemptFolder, 'trainer.log'),
    progress: join(attemptFolder, 'progress.jsonl'),
  };
}

/** `earlier`: folders of the attempts before this one, oldest first. */
export async function layOut(
  store: Store,
  places: Places,
  files: Record<string, ArtifactRef>,
  earlier: readonly string[],
): Promise<void> {
  await mkdir(places.input, { recursive: true });
  await mkdir(places.source, { recursive: true });
  for (const [path, ref] of Object.entries(files)) {
    const target = join(places.source, path);
    await mkdir(dirname(target), { recursive: true });
    await writeFile(target, await store.read(ref));
    await chmod(target, 0o755);
  }
  await rm(places.produced, { recursive: true, force: true });
  await mkdir(places.produced);
  await takeOver(places.checkpoints, earlier);
}

/** A copy, so that an attempt that lost its lease and still writes can not reach into this one. */
async function takeOver(checkpoints: string, earlier: readonly string[]): Promise<void> {
  if (await holdsAnything(checkpoints)) return; // this very attempt, begun again
  for (const folder of [...earlier].reverse()) {
    const before = placesIn(folder).checkpoints;
    if (before === checkpoints || !(await holdsAnything(before))) continue;
    // renamed when whole: a copy that was cut off would look like this attempt's own
    const partial = `${checkpoints}.partial`;
    await rm(partial, { recursive: true, force: true });
    await cp(before, partial, { recursive: true, mode: constants.COPYFILE_FICLONE });
    await rm(checkpoints, { recursive: true, force: true });
    await rename(partial, checkpoints);
    return;
  }
  await mkdir(checkpoints, { recursive: true });
}

async function holdsAnything(folder: string): Promise<boolean> {
  return (await ifThere(readdir(folder), [])).length > 0;
}

/** Names, sizes and times of all files in a folder: another text when something was written. */
export async function traceOf(folder: string): Promise<string> {
  const names = (await readdir(folder, { recursive: true })).sort();
  const traces = await Promise.all(
    names.map(async (name) => {
      const about = await ifThere(stat(join(folder, name)), null);
      return about?.isFile() === true ? `${name} ${about.size} ${about.mtimeMs}` : '';
    }),
  );
  return traces.join('\n');
}

/** Names of all files in a folder, which may be absent. */
export async function filesIn(folder: string): Promise<string[]> {
  const entries = await ifThere(readdir(folder, { recursive: true, withFileTypes: true }), []);
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1));
}

/** What can not be looked at is not gone: a checkpoint that was passed over would be trained again. */
async function ifThere<T, Absent>(look: Promise<T>, absent: Absent): Promise<T | Absent> {
  try {
    return await look;
  } catch (error) {
    if (isAbsence(error)) return absent;
    throw error;
  }
}

/** The contract's settings file; docs/own-trainer.md describes it. */
export async function writeSettings(
  places: Places,
  recipe: Recipe,
  prepared: {
    modelFolder: string;
    padToken: number;
    steps: number;
    targetModules: string[];
    excludeModules: string | null;
  },
): Promise<void> {
  const settings = {
    version: 1,
    model: prepared.modelFolder,
    rows: join(places.input, 'rows.jsonl'),
    steps: join(places.input, 'steps.jsonl'),
    optimizer_steps: prepared.steps,
    pad_token_id: prepared.padToken,
    target_modules: prepared.targetModules,
    exclude_modules: prepared.excludeModules,
    checkpoints: places.checkpoints,
    adapter: places.produced,
    recipe,
  };
  await writeFile(places.settings, JSON.stringify(settings, null, 2) + '\n');
}
