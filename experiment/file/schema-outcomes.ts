/**
 * The part of an experiment file's schema that says what is measured of the models without a judge.
 */
import { z } from 'zod';
import { count, exactlyOne, name, seed } from './schema-parts';
import { heldOutSystem } from './schema-prompts';

/** Words of one outcome. Each is a row of a table, and a way through the model behind every question. */
export const MAX_WORDS = 50;
const MAX_WORD_LENGTH = 100;
/**
 * Characters of all words of one outcome. Behind each question stand up to eight spellings of every word, and each of their tokens
 * has logits over the whole vocabulary: with more of them a pass would not fit into a GPU's memory.
 */
const MAX_CHARACTERS = 500;

const logProbability = z
  .strictObject({
    pairs: z
      .strictObject({
        bad: name.meta({ description: 'A dataset that holds rows out; their answers are the bad ones.' }),
        good: name.meta({ description: 'A dataset that answers the same user turns; its answers are the good ones.' }),
      })
      .meta({ description: 'Rows of two datasets with the same user turn are a pair.' }),
    rows: z
      .union([count, z.literal('all')])
      .optional()
      .meta({ description: 'How many pairs.', default: 'all' }),
    seed: seed.optional().meta({ description: 'Chooses the pairs.', default: 0 }),
    system: heldOutSystem.optional(),
  })
  .meta({
    description: 'Log-probability of the bad answer minus that of the good one, of each model under each condition.',
  });

const word = z
  .string()
  .max(MAX_WORD_LENGTH, `a word has at most ${MAX_WORD_LENGTH} characters`)
  .regex(/^\S(.*\S)?$/u, 'expected a word: text on one line, without a blank at its ends')
  .refine((text) => text.isWellFormed(), 'this is half a character');

const answerProbability = exactlyOne(
  z.strictObject({
    question_set: name.meta({ description: 'The questions; with `samples: 0` it is asked for this only.' }),
    words: z
      .array(word)
      .min(1)
      .max(MAX_WORDS)
      .refine((words) => words.reduce((sum, { length }) => sum + length, 0) <= MAX_CHARACTERS, {
        message: `the words have at most ${MAX_CHARACTERS} characters together; put some of them into an outcome of their own`,
      })
      .optional()
      .meta({ description: "Words that the model's answer may begin with." }),
    case: z.enum(['any', 'as_written']).optional().meta({
      default: 'any',
      description: '`any`: also in small letters, in capitals and with a capital first.',
    }),
    numbers: z
      .literal('0-100')
      .optional()
      .meta({ description: 'The number from 0 to 100 that the model itself gives, weighted with its probabilities.' }),
    least_mass: z.number().gt(0).max(1).optional().meta({
      default: 0.25,
      description: 'The probability that the numbers must have together; with less a question has no value.',
    }),
  }),
  ['words', 'numbers'],
)
  .superRefine((value, context) => {
    const only = value.words === undefined ? (['case', 'words'] as const) : (['least_mass', 'numbers'] as const);
    if (value[only[0]] === undefined) return;
    context.addIssue({ code: 'custom', message: `\`${only[0]}\` goes with \`${only[1]}\` only`, path: [only[0]] });
  })
  .meta({
    description: "How likely the model's own answer begins with a word, or is a number, without sampling it.",
  });

export const outcomes = z
  .strictObject({
    log_probability: logProbability.optional(),
    answer_probability: z
      .record(name, answerProbability)
      .refine((named) => Object.keys(named).length > 0, 'name at least one outcome')
      .optional()
      .meta({ description: 'By a name of your own.' }),
  })
  .meta({ description: 'What is measured of the models without a judge.' });
