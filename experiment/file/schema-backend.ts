/**
 * The part of an experiment file's schema that says what trains: the trainer that comes with the program, or a program
 * of the experiment's own under the same contract.
 */
import { z } from 'zod';
import { COMMAND_DEFAULTS, STUDY_TRAINING } from '../presets';
import { count, ownFiles, text } from './schema-parts';

/** What a program of the experiment's own needs to be run; spread into the objects that name one. */
export const commandKeys = {
  command: z
    .array(text)
    .min(1)
    .meta({
      description:
        'Program and arguments, run without a shell in a folder that holds `files`; the path of a settings file is added ' +
        "as the last argument. `{python}` is the interpreter of the trainer's environment.",
    }),
  files: ownFiles
    .optional()
    .meta({ default: [], description: "The program's own files. Their content is part of its work's identity." }),
  environment: z
    .array(z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/, 'expected the name of an environment variable'))
    .optional()
    .meta({ default: [], description: "Names of variables of the worker's environment that the program gets." }),
  grace_seconds: count.optional().meta({
    default: COMMAND_DEFAULTS.graceSeconds,
    description: 'Between SIGTERM and SIGKILL.',
  }),
  silence_seconds: count.optional().meta({
    default: COMMAND_DEFAULTS.silenceSeconds,
    description: 'Without a line of output the program counts as hung.',
  }),
};

const commandBackend = z.strictObject({
  ...commandKeys,
  result: z
    .enum(['lora', 'adapter', 'model'])
    .optional()
    .meta({
      default: 'lora',
      description:
        "What the program leaves: `lora`, the recipe's LoRA; `adapter`, any PEFT adapter that is applied here on this base; " +
        '`model`, all weights of the base model.',
    }),
});

/** One more program that trains is one more word of the enum. */
export const backend = z.union([z.enum(['transformers', 'unsloth']), commandBackend]).meta({
  default: STUDY_TRAINING.backend,
  description:
    'What trains: the trainer that comes with Flamingo; `unsloth`, the same rows and steps through Unsloth (an NVIDIA GPU, ' +
    'bf16, no dropout, an environment of its own); or `{command: …}`, a program of your own.',
});
