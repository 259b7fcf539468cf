/** What the program of a handoff is told; docs/handoffs.md describes it. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { HandoffContext, Recipe } from '../../experiment/plan';
import type { Places } from './places';

export async function writeHandoffSettings(
  places: Places,
  {
    handoff,
    configuration,
    context,
    recipe,
    modelFolder,
    adapter,
    merged,
  }: {
    handoff: string;
    configuration: { name: string; label: string };
    context: HandoffContext;
    recipe: Recipe | null;
    modelFolder: string;
    /** The adapter's folder; null for the base model. */
    adapter: string | null;
    /** Folders of the adapters that are merged into the base model before. */
    merged: string[];
  },
): Promise<void> {
  const { model, systemPrompt, sampling = null, smoke = false } = context;
  const settings = {
    version: context.version,
    handoff,
    configuration,
    model: modelFolder,
    base: model,
    adapter,
    merged,
    system_prompt: systemPrompt,
    sampling,
    recipe,
    smoke,
    work: places.checkpoints,
    output: places.produced,
    gives: join(places.produced, context.program.gives),
  };
  await writeFile(places.settings, JSON.stringify(settings, null, 2) + '\n');
}
