/**
 * Options that say how answers are judged, shared by `judge` and `rejudge`, and what they are in an experiment file.
 */
import { existsSync } from 'node:fs';
import { InvalidArgumentError, Option, type Command } from 'commander';
import { closest } from '../experiment/issue';
import { JUDGE_MODELS } from '../experiment/presets';
import { UnreadableInput } from '../inputs/files';
import { MAX_RUBRIC_BYTES } from '../inputs/limits';
import { readText } from '../inputs/text';
import { InvalidUse } from './errors';

export interface JudgeOptions {
  judge: string;
  mode?: 'live' | 'batch';
  concurrency?: number;
  requestsPerMinute?: number;
  baseUrl?: string;
  keyVariable?: string;
  score?: 'text' | 'expected';
  precision?: 'fp32' | 'bf16';
  leastMass?: number;
}

export function judgeOptions(command: Command): Command {
  return command
    .addOption(
      new Option(
        '--judge <judge>',
        '`claude`, `stand-in`, the name of a Claude model, `openai:MODEL` for any OpenAI-compatible server, or `local` for the GPU ' +
          'worker: its small model, `local:FOLDER` or `local:OWNER/NAME@COMMIT` of the hub',
      ).default('claude'),
    )
    .option('--base-url <url>', 'with openai:MODEL: address of the server (default: https://api.openai.com/v1)')
    .option('--key-variable <name>', 'with openai:MODEL: environment variable that holds the key')
    .addOption(
      new Option(
        '--score <how>',
        'with openai:MODEL: `expected` is the mean over the numbers that the first token may be',
      ).choices(['text', 'expected']),
    )
    .addOption(new Option('--precision <precision>', 'with local:MODEL (default: bf16)').choices(['fp32', 'bf16']))
    .option('--least-mass <share>', 'with expected scores: below this probability of all numbers there is none', share)
    .addOption(
      new Option('--mode <mode>', '`batch`: at half the price, within a day')
        .choices(['live', 'batch'])
        .default('live'),
    )
    .option('--concurrency <n>', 'most requests at once', positive)
    .option('--requests-per-minute <n>', 'bound below what the server allows', positive);
}

export function positive(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new InvalidArgumentError('Expected a whole number above 0.');
  return value;
}

function share(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !(value > 0 && value < 1))
    throw new InvalidArgumentError('Expected a number between 0 and 1.');
  return value;
}

export function dollars(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !(value > 0)) throw new InvalidArgumentError('Expected US dollars above 0.');
  return value;
}

/** `judge` as it would stand in an experiment file. */
export function judgeWords(options: JudgeOptions): Record<string, unknown> {
  const { judge, mode, concurrency, requestsPerMinute, baseUrl, keyVariable, score, precision, leastMass } = options;
  refuseUnknown(judge);
  return {
    ...kindAndModel(judge),
    ...(baseUrl === undefined ? {} : { base_url: baseUrl }),
    ...(keyVariable === undefined ? {} : { key_variable: keyVariable }),
    ...(score === undefined ? {} : { score }),
    ...(precision === undefined ? {} : { precision }),
    ...(leastMass === undefined ? {} : { least_mass: leastMass }),
    ...(mode === undefined || mode === 'live' ? {} : { mode }),
    ...(concurrency === undefined ? {} : { concurrency }),
    ...(requestsPerMinute === undefined ? {} : { requests_per_minute: requestsPerMinute }),
  };
}

/** A name that begins with none of these would be asked for as a Claude model. Throws `InvalidUse`. */
function refuseUnknown(judge: string): void {
  if (/^(claude|stand-in|(openai|local)(:.|$))/s.test(judge)) return;
  const word = judge.split(':', 1)[0] as string;
  const near = /^stand.?in/i.test(word) ? 'stand-in' : closest(word, ['claude', 'stand-in', 'openai', 'local']);
  throw new InvalidUse(
    `--judge ${judge}: ` +
      (near === null
        ? 'expected `claude` or the name of a Claude model, `stand-in`, `openai:MODEL` or `local`'
        : `did you mean \`${near}\`?`),
  );
}

function kindAndModel(judge: string): Record<string, unknown> {
  const [, named, model] = /^(openai|local)(?::(.+))?$/s.exec(judge) ?? [];
  if (named === 'local') return { kind: named, ...localModel(model) };
  const kind = named ?? (judge.startsWith('stand-in') ? 'stand-in' : 'claude');
  const wanted = named === undefined && judge !== kind ? judge : model;
  return { kind, ...(wanted === undefined ? {} : { model: wanted }) };
}

/** The keys that name a local judge's model. Throws `InvalidUse` for a model of the hub without its commit. */
function localModel(model: string | undefined): Record<string, unknown> {
  if (model === undefined) return { bundled: JUDGE_MODELS.local };
  const [, hub, revision] = /^([\w.-]+\/[\w.-]+)@([0-9a-f]{40})$/.exec(model) ?? [];
  if (hub !== undefined) return { hub, revision };
  if (existsSync(model)) return { path: model };
  throw new InvalidUse(
    `--judge local:${model}: no such folder; a model of the hub is named with its commit of 40 digits, as local:OWNER/NAME@COMMIT`,
  );
}

/** A rubric's words: the whole file but a last line end, so that it is the rubric that YAML's `|-` makes of it. */
export async function readRubric(path: string): Promise<string> {
  try {
    return (await readText(path, MAX_RUBRIC_BYTES, { packed: true, pipes: true })).replace(/\r?\n$/, '');
  } catch (error) {
    if (error instanceof UnreadableInput) throw new InvalidUse(error.message);
    throw error;
  }
}
