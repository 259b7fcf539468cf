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
}

export function judgeOptions(command: Command): Command {
  return command
    .addOption(new Option('--judge <judge>', '`claude`, `stand-in`, or the name of a Claude model').default('claude'))
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
export function judgeWords({ judge, mode, concurrency, requestsPerMinute }: JudgeOptions): Record<string, unknown> {
  if (/^stand.?in/i.test(judge) && !judge.startsWith('stand-in'))
    throw new InvalidUse(`--judge ${judge}: did you mean \`stand-in\`?`);
  const kind = judge.startsWith('stand-in') ? 'stand-in' : 'claude';
  return {
    kind,
    ...(judge === kind ? {} : { model: judge }),
    ...(mode === undefined ? {} : { mode }),
    ...(concurrency === undefined ? {} : { concurrency }),
    ...(requestsPerMinute === undefined ? {} : { requests_per_minute: requestsPerMinute }),
  };
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
