/**
 * Handoffs of a plan: which program gets which finished model, and the key of each. Equal keys are equal work, so a model that
 * several configurations share is handed over once.
 */
import { keyOf } from '../canonical';
import { InvalidExperiment } from '../issue';
import type { HandoffContext, ModelIdentity, PlannedConfiguration, PlannedHandoff } from '../plan';
import type { ConfigurationSpec, HandoffSpec, Spec } from '../spec';
import { commandIdentity, type TrainerFiles } from './backend-identity';
import { HANDOFF_VERSION } from './versions';

/** What is run of a handoff: its files by path, limits in seconds, and its queue where that is its own. */
export interface HandoffFiles {
  files: TrainerFiles;
  graceSeconds: number;
  silenceSeconds: number;
  queue?: string;
}

/** By name. Throws `InvalidExperiment` where a file was not read. */
export function handoffFiles({ handoffs = [] }: Spec, read: TrainerFiles): Record<string, HandoffFiles> {
  return Object.fromEntries(
    handoffs.map(({ name, files, graceSeconds, silenceSeconds, queue }) => {
      const content = files.map((path): [string, Uint8Array] => {
        const bytes = read[path];
        if (bytes === undefined)
          throw new InvalidExperiment(['handoffs', name, 'files'], `the file ${path} was not read`);
        return [path, bytes];
      });
      const limits = { graceSeconds, silenceSeconds, ...(queue === null ? {} : { queue }) };
      return [name, { files: Object.fromEntries(content), ...limits }];
    }),
  );
}

/** Those of one configuration, in the file's order. `read` holds the files that the handoffs name. */
export function handoffsOf(
  { handoffs = [], smoke }: Spec,
  { name, sampling }: ConfigurationSpec,
  model: ModelIdentity,
  { recipe, recipeKey }: Pick<PlannedConfiguration, 'recipe' | 'recipeKey'>,
  read: TrainerFiles,
): PlannedHandoff[] {
  return handoffs
    .filter(({ configurations }) => configurations.includes(name))
    .map((handoff): PlannedHandoff => {
      const context: HandoffContext = {
        version: HANDOFF_VERSION,
        model,
        recipe: recipeKey,
        systemPrompt: recipe?.systemPrompt ?? { kind: 'default' },
        ...(handoff.each === 'adapter' ? {} : { sampling }),
        program: programOf(handoff, read),
        ...(smoke ? { smoke } : {}),
      };
      return { handoff: handoff.name, context, key: keyOf(context) };
    });
}

function programOf(handoff: HandoffSpec, read: TrainerFiles): HandoffContext['program'] {
  const { gives, version } = handoff;
  return { ...commandIdentity(handoff, read), gives, ...(version === null ? {} : { version }) };
}
