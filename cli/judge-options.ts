/**
 * Options that say how answers are judged, shared by `judge` and `rejudge`, and what they are in an experiment file.
 */
import { InvalidArgumentError, Option, type Command } from 'commander';
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
}

export function judgeOptions(command: Command): Command {
  return command
    .addOption(
      new Option(
        '--judge <judge>',
        '`claude`, `stand-in`, the name of a Claude model, or `openai:MODEL` for any OpenAI-compatible server',
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

export function dollars(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !(value > 0)) throw new InvalidArgumentError('Expected US dollars above 0.');
  return value;
}

/** `judge` as it would stand in an experiment file. */
export function judgeWords(options: JudgeOptions): Record<string, unknown> {
  const { judge, mode, concurrency, requestsPerMinute, baseUrl, keyVariable, score } = options;
  if (/^stand.?in/i.test(judge) && !judge.startsWith('stand-in'))
    throw new InvalidUse(`--judge ${judge}: did you mean \`stand-in\`?`);
  const [kind, model] = kindAndModel(judge);
  return {
    kind,
    ...(model === null ? {} : { model }),
    ...(baseUrl === undefined ? {} : { base_url: baseUrl }),
    ...(keyVariable === undefined ? {} : { key_variable: keyVariable }),
    ...(score === undefined ? {} : { score }),
    ...(mode === undefined ? {} : { mode }),
    ...(concurrency === undefined ? {} : { concurrency }),
    ...(requestsPerMinute === undefined ? {} : { requests_per_minute: requestsPerMinute }),
  };
}

function kindAndModel(judge: string): [kind: string, model: string | null] {
  const [, model] = /^openai(?::(.+))?$/s.exec(judge) ?? [];
  if (model !== undefined || judge === 'openai') return ['openai', model ?? null];
  const kind = judge.startsWith('stand-in') ? 'stand-in' : 'claude';
  return [kind, judge === kind ? null : judge];
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
