/**
 * The part of an experiment file's schema that says how a metric is scored without a model.
 */
import { z } from 'zod';
import { COMMAND_SCORER_SECONDS } from '../presets';
import { IGNORED } from '../scorers';
import { count, exactlyOne, ownFiles, text } from './schema-parts';

const words = z.union([text, z.array(text).min(1)]);

export const scorer = exactlyOne(
  z.strictObject({
    equals: words.optional().meta({ description: 'The whole answer is one of these; blanks around it do not count.' }),
    contains: words.optional().meta({ description: 'One of these stands in the answer.' }),
    matches: text.optional().meta({
      description:
        'A regular expression that matches somewhere in the answer, as JavaScript reads it; `(?is)` may stand first.',
    }),
    equals_field: text.optional().meta({
      description:
        "The whole answer is what the question's row or item has under this key; of a list, one of its members.",
    }),
    command: z
      .array(text)
      .min(1)
      .optional()
      .meta({
        description:
          'A program that reads lines `{id, question, answer}` and writes lines `{id, score}`, with a score from 0 to 100 or null. ' +
          "`{python}` is the interpreter of the trainer's environment.",
      }),
    ignore: z.array(z.enum(IGNORED)).optional().meta({
      description:
        '`case`: upper and lower case are the same. `final-stop`: one full stop at the end of the answer does not count.',
    }),
    files: ownFiles
      .optional()
      .meta({ default: [], description: "The command's own files. Their content is part of the key." }),
    fields: z.array(text).min(1).optional().meta({
      description:
        "Fields of the question that the command's lines have under `fields`. Their values are part of the key.",
    }),
    timeout_seconds: count.optional().meta({
      default: COMMAND_SCORER_SECONDS,
      description: 'Limit for one run of the command, over at most 5,000 answers.',
    }),
  }),
  ['equals', 'contains', 'matches', 'equals_field', 'command'],
).superRefine((value, context) => {
  const only = (
    key: 'ignore' | 'files' | 'fields' | 'timeout_seconds',
    kinds: readonly (keyof typeof value)[],
  ): void => {
    if (value[key] === undefined || kinds.some((kind) => value[kind] !== undefined)) return;
    const list = kinds.map((kind) => `\`${kind}\``).join(', ');
    context.addIssue({ code: 'custom', message: `\`${key}\` goes with ${list} only`, path: [key] });
  };
  only('ignore', ['equals', 'contains', 'matches', 'equals_field']);
  only('files', ['command']);
  only('fields', ['command']);
  only('timeout_seconds', ['command']);
});

export type ScorerYaml = z.output<typeof scorer>;
