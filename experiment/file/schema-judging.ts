/**
 * The part of an experiment file's schema that says how answers are judged: metrics with their rubrics, and judges.
 */
import { z } from 'zod';
import { isInherited } from '../records';
import { RUBRIC_PRESETS } from '../hardened-rubrics';
import { JUDGE_DEFAULTS, JUDGE_MODELS } from '../presets';
import { MOST_WORDS } from '../word-scores';
import { endpointKeys } from './schema-endpoint';
import { expectedKeys } from './schema-expected';
import { localJudgeKeys } from './schema-local-judge';
import { count, exactlyOne, name, sha256, text } from './schema-parts';
import { scorer } from './schema-scorers';

const rubric = z.union([
  text,
  exactlyOne(
    z.strictObject({
      text: text.optional(),
      prompt: text.optional().meta({ description: "Key in the questions' `judge_prompts`." }),
      preset: z.enum(RUBRIC_PRESETS).optional().meta({
        description: "Flamingo's own words, always in the `json` form; `hardened` goes by the metric's name.",
      }),
      question_set: name
        .optional()
        .meta({ description: 'With `prompt`: whose rubric serves for questions that bring none.' }),
      sha256: z
        .union([sha256, z.array(sha256).min(1)])
        .optional()
        .meta({ description: 'SHA-256 of the rubric text(s).' }),
    }),
    ['text', 'prompt', 'preset'],
  ).superRefine((value, context) => {
    if (value.prompt !== undefined || value.question_set === undefined) return;
    context.addIssue({ code: 'custom', message: '`question_set` goes with `prompt` only', path: ['question_set'] });
  }),
]);

const category = z
  .string()
  .regex(
    /^[A-Za-z][A-Za-z0-9_-]{0,63}$/,
    'a category is one word of letters, digits, `_` and `-`, such as `MISALIGNED`',
  )
  .refine((word) => !isInherited(word), 'this word means something else to the program: choose another name');

const categories = z.union([z.array(category).min(2), z.record(category, z.int().min(0).max(100).nullable())]).meta({
  description: 'The words of which one is the verdict; as a map each with the score that it stands for, or `null`.',
});

const scoredWord = z
  .string()
  .regex(
    /^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/,
    'this is one word of letters, digits, `_` and `-`, with which a reply begins, such as `YES`',
  )
  .refine((word) => !isInherited(word), 'this word means something else to the program: choose another name');

const words = z
  .record(scoredWord, z.number().min(0).max(100))
  .refine((given) => Object.keys(given).length <= MOST_WORDS, `at most ${MOST_WORDS} words`)
  .meta({
    description:
      'The score is the mean of these values, each weighted with the probability of its word as the reply: `{ YES: 100, NO: 0 }` ' +
      'is the probability of YES against NO. With `score: expected` or a local judge.',
  });

const metricKeys = z.strictObject({
  rubric: rubric.optional(),
  scorer: scorer.optional().meta({ description: 'How answers are scored without a model: no judge, no key, no cost.' }),
  form: z
    .enum(['template', 'json'])
    .optional()
    .meta({
      default: 'template',
      description:
        '`template`: the rubric is the message, `{question}` and `{answer}` are filled in. `json`: the rubric is the ' +
        'system prompt, and the judged text one JSON value that can neither close nor replace anything.',
    }),
  categories: categories.optional(),
  words: words.optional(),
  verdicts: z
    .array(z.enum(['CODE', 'REFUSAL']))
    .optional()
    .meta({
      description: 'Words that may stand in place of a number. Default: those that the rubric names.',
    }),
  question_sets: z.array(name).min(1).optional().meta({ description: 'Judge only these; default all.' }),
  repeats: count.optional().meta({ default: 1, description: 'Verdicts per completion.' }),
  repeat_share: z.number().gt(0).max(1).optional().meta({
    default: 1,
    description: 'Share of the completions, chosen by id, that get the repeats beyond the first.',
  }),
  system: text.optional().meta({
    description: 'With the `template` form: what the judge is told as system message, before the rubric.',
  }),
  judge_sees: z
    .enum(['question', 'asked'])
    .optional()
    .meta({
      default: 'question',
      description:
        "Which words of the user the judge is shown: the bare question's, or those that the model was asked, with what the " +
        'condition puts around them.',
    }),
  answer_part: z
    .enum(['final', 'all'])
    .optional()
    .meta({
      default: 'final',
      description:
        'Which part of an answer is judged or scored where the model thinks before it (`sampling.thinking: on`): what follows ' +
        'the thinking, or both.',
    }),
});

/** What only a judge can be told. */
const JUDGED_ONLY = [
  ...(['form', 'categories', 'words', 'verdicts'] as const),
  ...(['repeats', 'repeat_share', 'system', 'judge_sees'] as const),
] as const;

export const metric = exactlyOne(metricKeys, ['rubric', 'scorer']).superRefine((value, context) => {
  if (value.scorer === undefined) return;
  for (const key of JUDGED_ONLY) {
    if (value[key] === undefined) continue;
    context.addIssue({
      code: 'custom',
      message: `\`${key}\` goes with a rubric: a scorer says the same each time`,
      path: [key],
    });
  }
});

export const combined = z.array(name).min(2).meta({
  description: 'Metrics that one request judges together, answered as strict JSON; all of the `json` form.',
});

const judgeKeys = {
  kind: z
    .enum(['claude', 'openai', 'local', 'stand-in'])
    .optional()
    .meta({
      default: 'claude',
      description:
        "`openai`: any server with OpenAI's chat completions. `local`: a model that the GPU worker asks. `stand-in` is a " +
        'deterministic program, not a model; its scores say nothing about answers.',
    }),
  model: text.optional().meta({ default: JUDGE_MODELS.claude }),
  temperature: z.number().min(0).max(1).nullable().optional().meta({
    default: JUDGE_DEFAULTS.temperature,
    description: '`null` sends none, which is the default where the model or the API version takes none.',
  }),
  api_version: z
    .string()
    .regex(/^\d{4}-\d{2}-\d{2}$/, 'expected a version of the API, such as `2023-06-01`')
    .optional()
    .meta({ default: JUDGE_DEFAULTS.apiVersion }),
  max_tokens: count.optional().meta({ default: JUDGE_DEFAULTS.maxTokens }),
  ...expectedKeys,
  ...endpointKeys,
  ...localJudgeKeys,
  mode: z.enum(['live', 'batch']).optional().meta({
    default: JUDGE_DEFAULTS.mode,
    description: "`batch`: through the provider's batches, at half the price and within a day.",
  }),
  concurrency: count
    .max(1000)
    .optional()
    .meta({ default: JUDGE_DEFAULTS.concurrency, description: 'Most requests at once, of all workers together.' }),
  requests_per_minute: count.optional().meta({
    description: 'Bound below what the server allows, which is learned from its replies. So are the next two.',
  }),
  input_tokens_per_minute: count.optional(),
  output_tokens_per_minute: count.optional(),
  price: z
    .strictObject({ input: z.number().min(0), output: z.number().min(0) })
    .optional()
    .meta({
      description: 'US dollars per million tokens, for models without a known price. Batches take half.',
    }),
};

export const judge = z.strictObject(judgeKeys);

export const otherJudge = z.strictObject({
  ...judgeKeys,
  metrics: z.array(name).min(1).optional().meta({ description: 'Judge only these; default all.' }),
});
