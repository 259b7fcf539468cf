/**
 * What a trainer of the experiment's own finds, in its attempt's folder: its own files, our rows, the settings, and the
 * checkpoints of the attempts before it.
 *
 *     source/          the working folder: the files that the experiment file lists
 *     input/           rows.jsonl, steps.jsonl, settings.json; of further datasets datasets/NAME.jsonl, their rows as tokens,
 *                      and messages/NAME.jsonl, as the dataset has them
 *     .loads/          copies of stored adapters and models that it is given. The dot keeps them out of what is synced to
 *                      object storage: each attempt copies them anew
 *     checkpoints/     the program's own; begins as a copy of the newest earlier attempt's
 *     kept/            receives step-000010/ and so on, adapters that are evaluated along training; begins as what earlier
 *                      attempts left there
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
  datasets: string;
  messages: string;
  loads: string;
  checkpoints: string;
  kept: string;
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
    datasets: join(input, 'datasets'),
    messages: join(input, 'messages'),
    loads: join(attemptFolder, '.loads'),
    checkpoints: join(attemptFolder, 'checkpoints'),
    kept: join(attemptFolder, 'kept'),
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
  await takeOver(
    places.checkpoints,
    earlier.map((each) => placesIn(each).checkpoints),
  );
  await mkdir(places.checkpoints, { recursive: true });
}

/** The newest that an earlier attempt left of this folder; none where none left anything. */
async function takeOver(folder: string, earlier: readonly string[]): Promise<void> {
  if (await holdsAnything(folder)) return; // this very attempt, begun again
  for (const before of [...earlier].reverse()) {
    if (before === folder || !(await holdsAnything(before))) continue;
    await copyWhole(before, folder);
    return;
  }
}

/** Adapters of steps that any of the earlier attempts left: of one that several left the newest. */
export async function takeOverKept(
  places: Places,
  steps: readonly number[],
  earlier: readonly string[],
): Promise<void> {
  await mkdir(places.kept, { recursive: true });
  for (const step of steps)
    await takeOver(
      keptFolder(places, step),
      earlier.map((each) => keptFolder(placesIn(each), step)),
    );
}

/** A copy, so that an attempt that lost its lease and still writes can not reach into this one. */
async function copyWhole(from: string, to: string): Promise<void> {
  // renamed when whole: a copy that was cut off would look like this attempt's own
  const partial = `${to}.partial`;
  await rm(partial, { recursive: true, force: true });
  await cp(from, partial, { recursive: true, mode: constants.COPYFILE_FICLONE });
  await rm(to, { recursive: true, force: true });
  await rename(partial, to);
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

/** Where the adapter of a step is left. */
export function keptFolder(places: Places, step: number): string {
  return join(places.kept, `step-${String(step).padStart(6, '0')}`);
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
    /** Name -> where the further rows lie, and how many were cut. */
    datasets: Record<string, { rows: string; messages: string; truncated: number }>;
    /** Name -> folders of the adapter (or of a whole model in its place) and of those that are merged before it; the hashes of their weights, the adapter's last. */
    loads: Record<string, ({ adapter: string } | { model: string }) & { merged: string[]; sha256: string[] }>;
    /** Steps whose adapters are to be left. */
    keepSteps: readonly number[];
    /** The last step that is wanted; null = all, and the finished adapter. */
    until: number | null;
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
    datasets: prepared.datasets,
    loads: prepared.loads,
    evaluate_at: Object.fromEntries(prepared.keepSteps.map((step) => [step, keptFolder(places, step)])),
    until: prepared.until,
    checkpoints: places.checkpoints,
    adapter: places.produced,
    recipe,
  };
  await writeFile(places.settings, JSON.stringify(settings, null, 2) + '\n');
}
