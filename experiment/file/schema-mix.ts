/**
 * The part of an experiment file's schema that mixes datasets.
 */
import { z } from 'zod';
import { name, seed } from './schema-parts';

const share = z.number().min(0).max(1);
const shares = z.record(name, share);

/** Of a dataset that is made of others; `rows` is how many together. */
export const mixKeys = {
  mix: shares
    .optional()
    .meta({ description: 'Names of other datasets -> their shares of `rows`, which are 1 together.' }),
  counts: z
    .record(name, z.int().min(0).max(1_000_000))
    .optional()
    .meta({ description: 'Names of other datasets -> so many of their rows; in place of `mix` and `rows`.' }),
  seed: seed.optional().meta({ default: 0, description: 'Of a mix: chooses its rows and orders them.' }),
  nested: z
    .boolean()
    .optional()
    .meta({ default: true, description: 'Of a mix: fewer rows of a part are among the more of it.' }),
};

/** Of a configuration: shares over those of the mix that it trains on. */
export const trainMix = shares.meta({
  description:
    'Shares in place of those of the mix; parts that are not named share the rest in proportion to what they have there.',
});

const OF_FILES = ['sha256', 'content_sha256', 'hold_out', 'training_rows', 'fields', 'no_user'];
const OF_MIXES = ['seed', 'nested'];

/** Which keys go together. */
export function checkMixKeys(value: object, context: z.RefinementCtx): void {
  const given = value as Record<string, unknown>;
  const problem = (key: string, message: string): void =>
    context.addIssue({ code: 'custom', message, path: key === '' ? [] : [key] });
  const isMix = given['mix'] !== undefined || given['counts'] !== undefined;
  for (const key of isMix ? OF_FILES : OF_MIXES) {
    if (given[key] === undefined) continue;
    problem(
      key,
      isMix ? `\`${key}\` is a setting of the parts, not of a mix` : `\`${key}\` goes with \`mix\` or \`counts\` only`,
    );
  }
  if (given['mix'] !== undefined && given['rows'] === undefined)
    problem('mix', '`rows` is needed: of how many rows these are the shares');
  if (given['counts'] !== undefined && given['rows'] !== undefined)
    problem('rows', '`rows` goes with `mix`: with `counts` it is their sum');
}
