/**
 * Which earlier attempts of a trainer of the experiment's own a later one may go on from. What the program was told decides: one that
 * was given other adapters has learnt from them, one that was not asked for the adapter of a step will not leave it any more, and
 * neither will one whose checkpoint is of that step or a later one.
 */
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { canonicalJson } from '../../experiment/canonical';
import type { LoadedAdapter } from '../chain';
import { placesIn } from './places';
import { toldIn } from './run-program';

const TOLD = z.looseObject({
  evaluate_at: z.record(z.string(), z.string()),
  loads: z.record(z.string(), z.looseObject({ sha256: z.array(z.string()) })),
});

/**
 * Those of the attempts' folders whose programs were given adapters with the same bytes, in the same order: nothing else that an
 * attempt left may be used. Of one whose settings are not there nothing is known; it counts where no adapter is given.
 */
export async function attemptsGivenSame(
  folders: readonly string[],
  loaded: readonly LoadedAdapter[],
): Promise<string[]> {
  if (loaded.length === 0) return [...folders];
  const loads = Object.fromEntries(
    loaded.map(({ name, merged, adapter }) => [name, [...merged, adapter].map(({ sha256 }) => sha256)]),
  );
  return those(folders, async (folder) => {
    const told = await toldTo(folder);
    if (told === null) return false;
    const given = Object.fromEntries(Object.entries(told.loads).map(([name, { sha256 }]) => [name, sha256]));
    return canonicalJson(given) === canonicalJson(loads);
  });
}

/** Those whose programs were asked for the adapters of all `lacking` steps, in the same order. */
export async function attemptsAskedFor(folders: readonly string[], lacking: readonly number[]): Promise<string[]> {
  if (lacking.length === 0) return [...folders];
  return those(folders, async (folder) => {
    const told = await toldTo(folder);
    return told !== null && lacking.every((step) => String(step) in told.evaluate_at);
  });
}

/**
 * Those whose checkpoints lie before all `lacking` steps, in the same order. Where a program told of no checkpoint, the last step that
 * it told of stands for one.
 */
export async function attemptsBefore(folders: readonly string[], lacking: readonly number[]): Promise<string[]> {
  if (lacking.length === 0) return [...folders];
  return those(folders, async (folder) => {
    const told = await toldIn(folder);
    const checkpoints = told.filter(({ checkpoint }) => checkpoint);
    const reached = (checkpoints.length > 0 ? checkpoints : told).map(({ step }) => step);
    return lacking.every((step) => reached.every((each) => each < step));
  });
}

async function those(folders: readonly string[], count: (folder: string) => Promise<boolean>): Promise<string[]> {
  const counting = await Promise.all(folders.map(count));
  return folders.filter((_, index) => counting[index]);
}

/** The settings of an attempt's program; null where there are none, or they are from before these keys. */
async function toldTo(attemptFolder: string): Promise<z.output<typeof TOLD> | null> {
  const { settings } = placesIn(attemptFolder);
  if (!existsSync(settings)) return null;
  try {
    return TOLD.safeParse(JSON.parse(await readFile(settings, 'utf8'))).data ?? null;
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}
