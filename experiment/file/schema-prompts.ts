/**
 * The part of an experiment file's schema that says what a model is told besides questions: system prompts, text around the
 * user's words, the words that answers begin with, and the conditions of evaluation.
 */
import { z } from 'zod';
import { name, systemPrompt, text } from './schema-parts';

/** Refuses an object that has none of `keys`. */
function anyOf<T extends z.ZodObject>(schema: T, keys: string[]): T {
  return schema.superRefine((value, context) => {
    if (keys.some((key) => (value as Record<string, unknown>)[key] !== undefined)) return;
    const list = keys.map((key) => `\`${key}\``).join(', ');
    context.addIssue({ code: 'custom', message: `one of ${list} is needed` });
  });
}

export const user = anyOf(
  z.strictObject({
    prefix: text.optional().meta({ description: "Put before the user's words, exactly as written." }),
    suffix: text.optional().meta({ description: "Put behind the user's words, exactly as written." }),
    turn: z
      .enum(['last', 'all'])
      .optional()
      .meta({ default: 'last', description: 'The last user turn, or every one.' }),
  }),
  ['prefix', 'suffix'],
).meta({ description: "Text around the user's words." });

const value = z.union([z.string(), z.number(), z.boolean(), z.null()]);

export const promptedRows = z
  .strictObject({
    where: z
      .record(text, z.union([value, z.array(value).min(1), z.strictObject({ contains: text })]))
      .refine(
        (where) => Object.keys(where).length > 0,
        'say which rows: `part: NAME`, or a key of the rows with its value',
      )
      .meta({
        description:
          'The rows that get the prompt and the text around the user: `part` is the part of a mix, any other name a key of ' +
          'the rows under `fields: keep`. A list names several values; `{ contains: text }` is any text that has this one in it, in the ' +
          'same case.',
      }),
    otherwise: z
      .union([z.literal('default'), z.strictObject({ text })])
      .optional()
      .meta({ default: 'default', description: 'The system prompt of the other rows.' }),
  })
  .meta({ description: 'Only some of the rows are prompted.' });

const named = anyOf(
  z.strictObject({
    name,
    text: text.optional().meta({ description: 'The system prompt; short for `system: { text: … }`.' }),
    system: z
      .union([z.literal('training'), systemPrompt])
      .optional()
      .meta({
        default: 'default',
        description: '`training`: the system prompt that the configuration was trained with.',
      }),
    user: user.optional(),
    prefill: text.optional().meta({
      description:
        "The words that every answer begins with: they stand at the beginning of the assistant's turn, exactly as written, and " +
        'the model goes on from them.',
    }),
  }),
  ['text', 'system', 'user', 'prefill'],
).superRefine((value, context) => {
  if (value.text === undefined || value.system === undefined) return;
  context.addIssue({ code: 'custom', message: 'give `text` or `system`, not both', path: ['system'] });
});

const condition = z.union([z.enum(['default', 'training', 'none', 'empty']), named]);
export const conditions = z
  .array(condition)
  .min(1)
  .meta({
    default: ['default', 'training'],
    description:
      'What is said to the model at evaluation besides the question. `training` is what the configuration was trained with; ' +
      'it is left out for the base model and where it equals another condition of the list.',
  });

export const ownSystem = z.enum(['only_default', 'prepend', 'replace']).meta({
  description:
    'Questions with a system message of their own, under prompts other than `default`: left out and counted, the prompt put ' +
    'before their message, or in its place. Without this they are refused.',
});

export const heldOutSystem = z.enum(['drop', 'keep']).meta({
  default: 'drop',
  description: 'What happens to system messages that the rows themselves have.',
});

export type ConditionYaml = z.output<typeof condition>;
export type PromptedRowsYaml = z.output<typeof promptedRows>;
export type UserYaml = z.output<typeof user>;
