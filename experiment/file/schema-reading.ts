/**
 * The part of an experiment file's schema that says how files of other people are read.
 */
import { z } from 'zod';

/** Of a dataset. */
export const readingKeys = {
  fields: z.enum(['ignore', 'keep']).optional().meta({
    description:
      'Further keys of a row besides `messages`: left out, or kept for scorers. Default: a row with further keys is refused.',
  }),
  no_user: z
    .literal('allow')
    .optional()
    .meta({ description: 'Rows may have no user turn. Default: they are refused.' }),
};

/** Of a question file whose records have their words under several keys. */
export const questionTemplate = z
  .string()
  .regex(/\{[A-Za-z_]\w*\}/, "expected the words that are asked, with a record's keys in braces: `Task: {task}`")
  .meta({
    description:
      'With `format: question`: the words that are asked, in which `{KEY}` is what the record has under KEY, a text or a number.',
  });

/** Of a question file. */
export const questionFormat = z.enum(['items', 'messages', 'question', 'persona-trait']).meta({
  default: 'items',
  description:
    '`items`: a list with `id` and `paraphrases`. `messages`: JSON Lines of conversations, of which the last user turn is ' +
    'asked with all before it. `question`: records with the key `question` or `prompt`. `persona-trait`: one JSON object with ' +
    '`questions` and `eval_prompt`. Further keys of `messages` and `question` are kept for scorers.',
});
