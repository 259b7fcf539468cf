/**
 * The pieces that the experiment file's schema is made of: names, hashes, "exactly one of" and file sources.
 */
import { z } from 'zod';
import { isInherited } from '../records';
import { expandModel, modelPreset } from './schema-presets';

/** A safe path segment on every platform, and never an integer, which JavaScript objects would reorder. */
export const NAME = /^[A-Za-z][A-Za-z0-9_.-]{0,63}$/;

export const name = z
  .string()
  .regex(NAME, 'a name starts with a letter and goes on with letters, digits, `_`, `-` and `.` (at most 64 characters)')
  .refine((text) => !text.endsWith('.'), 'a name must not end with a dot: folders are named after it')
  .refine((text) => !isInherited(text), 'this word means something else to the program: choose another name');

export const sha256 = z.string().regex(/^[0-9a-f]{64}$/, 'expected a SHA-256: 64 lower-case hexadecimal digits');
export const seed = z
  .int()
  .min(0)
  .max(2 ** 32 - 1);
/** Of rows, questions, samples, steps …: no experiment needs more, and a plan has a line for many of them. */
export const MAX_COUNT = 1_000_000;
export const count = z.int().min(1).max(MAX_COUNT);
export const score = z.number().min(0).max(100);
export const text = z.string().min(1, 'must not be empty');

/** Refuses an object that has none, or more than one, of `keys`; for editors also as JSON Schema `oneOf`. */
export function exactlyOne<T extends z.ZodObject>(schema: T, keys: string[]): T {
  return schema
    .superRefine((value, context) => {
      const given = keys.filter((key) => (value as Record<string, unknown>)[key] !== undefined);
      if (given.length === 1) return;
      const list = keys.map((key) => `\`${key}\``).join(', ');
      context.addIssue({
        code: 'custom',
        message: given.length === 0 ? `one of ${list} is needed` : `give exactly one of ${list}`,
        path: given.length > 1 ? [given[1] as string] : [],
      });
    })
    .meta({ oneOf: keys.map((key) => ({ required: [key] })) });
}

/** Files of a program of the experiment's own. */
export const ownFiles = z.array(
  text.refine(
    (path) => !/^([/\\]|[A-Za-z]:)/.test(path) && !path.split(/[/\\]/).some((part) => ['', '.', '..'].includes(part)),
    "expected a file's path relative to this file's folder, without `.` and `..`",
  ),
);

/** Where a file comes from. Spread into the objects that need it. */
export const fileKeys = {
  path: text.optional().meta({ description: "A local file, relative to this file's folder." }),
  url: z
    .url({ protocol: /^https?$/, error: 'expected an http(s) URL' })
    .optional()
    .meta({ description: 'Downloaded once, checked, and kept in the cache.' }),
  sha256: sha256.optional().meta({ description: "SHA-256 of the file's bytes." }),
};

const pool = z.union([
  text,
  z
    .array(z.string().regex(/\S/, 'a prompt must not be empty; an empty system message is `system_prompt: empty`'))
    .min(1),
  exactlyOne(z.strictObject(fileKeys), ['path', 'url']),
]);

/** A system prompt as it stands in the file. */
export const systemPrompt = z
  .union([
    z.enum(['default', 'none', 'empty']),
    exactlyOne(
      z.strictObject({
        text: text.optional(),
        pool: pool.optional().meta({
          description:
            'System prompts, of which each row and each question gets one: a list, or a file (path or URL) of JSON Lines or of plain lines.',
        }),
        sha256: sha256.optional().meta({ description: "SHA-256 of the pool file's bytes." }),
        limit: count.optional().meta({ description: "Only the first so many prompts of the pool's file." }),
        choose: z.enum(['by_row', 'cycle']).optional().meta({
          default: 'by_row',
          description:
            '`by_row`: by the seed and the content of each row. `cycle`: row i gets prompt i modulo their number.',
        }),
        seed: seed.optional().meta({ default: 0 }),
        repeat: z
          .enum(['allow', 'forbid'])
          .optional()
          .meta({ default: 'allow', description: 'Whether two rows may have the same prompt of the pool.' }),
      }),
      ['text', 'pool'],
    ).superRefine((value, context) => {
      const problem = (key: string, message: string) => context.addIssue({ code: 'custom', message, path: [key] });
      if (Array.isArray(value.pool) && value.limit !== undefined)
        problem('limit', '`limit` is of a file; a list is what it says');
      for (const key of ['sha256', 'limit', 'choose', 'seed', 'repeat'] as const) {
        if (value.pool === undefined && value[key] !== undefined) problem(key, `\`${key}\` goes with \`pool\` only`);
      }
      if (value.pool !== undefined && typeof value.pool !== 'string' && value.sha256 !== undefined) {
        const why = Array.isArray(value.pool) ? 'a list is what it says' : 'put it beside the `path` or `url`';
        problem('sha256', `\`sha256\` is of a file; ${why}`);
      }
      const url =
        typeof value.pool === 'string' ? value.pool : Array.isArray(value.pool) ? '' : (value.pool?.url ?? '');
      const pin = typeof value.pool === 'object' && !Array.isArray(value.pool) ? value.pool.sha256 : value.sha256;
      if (isUrl(url) && pin === undefined) problem('pool', 'a download is pinned by `sha256`');
    }),
  ])
  .meta({
    description:
      "`default`: no system message, the model's template decides (Qwen2.5 inserts its own). `none`: rendered without " +
      'any system turn. `empty`: an empty system message. `{text: …}`: these words. Four different things. `{pool: …}`: one ' +
      'of several texts for each row.',
  });

export function isUrl(source: string): boolean {
  return /^https?:\/\//.test(source);
}

export const modelKeys = {
  hub: z
    .string()
    .regex(/^[\w.-]+\/[\w.-]+$/, 'expected OWNER/MODEL, such as `Qwen/Qwen2.5-14B-Instruct`')
    .optional()
    .meta({ description: 'A model on the Hugging Face hub; needs `revision`.' }),
  revision: z
    .string()
    .regex(
      /^[0-9a-f]{40}$/,
      "expected a commit of 40 hexadecimal digits: a branch name such as `main` is not a model's identity",
    )
    .optional()
    .meta({ description: 'Commit of the hub repository, 40 hexadecimal digits.' }),
  path: text.optional().meta({ description: 'A local model folder (safetensors, config, tokenizer).' }),
  bundled: z.enum(['smollm2-135m-instruct']).optional().meta({ description: 'The small model that set-up prepares.' }),
};

export const model = exactlyOne(z.strictObject({ ...modelKeys, preset: modelPreset }), [
  'hub',
  'path',
  'bundled',
  'preset',
])
  .superRefine((value, context) => {
    if (value.hub !== undefined && value.revision === undefined) {
      context.addIssue({
        code: 'custom',
        message: '`revision` is needed: a hub model is pinned by its commit',
        path: ['hub'],
      });
    }
    if (value.hub === undefined && value.preset === undefined && value.revision !== undefined) {
      context.addIssue({ code: 'custom', message: '`revision` goes with `hub` only', path: ['revision'] });
    }
  })
  .transform(expandModel)
  .meta({ description: 'Which weights everything starts from.' });
