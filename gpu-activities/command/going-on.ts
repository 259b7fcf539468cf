/**
 * Whose checkpoints a later attempt of a trainer of the experiment's own may go on from. What the program was told decides: one that
 * was given other adapters has learnt from them, and one that was not asked for the adapter of a step will not leave it any more.
 */
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { canonicalJson } from '../../experiment/canonical';
import type { LoadedAdapter } from '../chain';
import { keptFolder, placesIn, type Places } from './places';

const TOLD = z.looseObject({
  evaluate_at: z.record(z.string(), z.string()),
  loads: z.record(z.string(), z.looseObject({ sha256: z.array(z.string()) })),
});

/**
 * Those of the attempts' folders, in the same order. `places`: of the attempt that goes on, with the adapters of steps that it has taken
 * over. Of an attempt whose settings are not there nothing is known; it counts where nothing is asked that could differ.
 */
export async function attemptsToGoOnFrom(
  folders: readonly string[],
  places: Places,
  { keepSteps, loaded }: { keepSteps: readonly number[]; loaded: readonly LoadedAdapter[] },
): Promise<string[]> {
  const lacking = keepSteps.filter((step) => !existsSync(keptFolder(places, step)));
  const loads = Object.fromEntries(
    loaded.map(({ name, merged, adapter }) => [name, [...merged, adapter].map(({ sha256 }) => sha256)]),
  );
  if (lacking.length === 0 && loaded.length === 0) return [...folders];
  const usable: string[] = [];
  for (const folder of folders) {
    const told = await toldTo(folder);
    if (told === null) continue;
    const given = Object.fromEntries(Object.entries(told.loads).map(([name, { sha256 }]) => [name, sha256]));
    if (canonicalJson(given) === canonicalJson(loads) && lacking.every((step) => String(step) in told.evaluate_at))
      usable.push(folder);
  }
  return usable;
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
