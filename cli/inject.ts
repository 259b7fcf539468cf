/**
 * `flamingo inject FILE -o OUT`: answers with and without injected texts, to be judged and compared by `flamingo judge`.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Command } from 'commander';
import { writeWhole } from '../artifacts/whole-file';
import { visibleLine } from '../report/page/visible';
import { openAnswers } from '../inputs/answers/columns';
import { CLEAN, injectedRows } from '../inputs/answers/injected';
import type { Delimiter } from '../inputs/answers/delimiter';
import { TABLE_NAMES } from '../inputs/answers/delimiter';
import { reason, UnreadableInput } from '../inputs/files';
import { MAX_INJECTIONS_BYTES } from '../inputs/limits';
import { readText } from '../inputs/text';
import { readInjections, type Injection } from '../inputs/injections';
import { installationRoot } from '../workers/places';
import { InvalidUse } from './errors';
import { positive } from './judge-options';
import { checkPlace, holdsSomethingElse } from './out-file';
import { say } from './output';
import { delimiterOption, namedFormat } from './table-options';

interface Options {
  out: string;
  injections?: string;
  rows: number;
  questionColumn?: string;
  answerColumn?: string;
  delimiter?: Delimiter;
  force?: boolean;
}

export function injectCommand(): Command {
  return new Command('inject')
    .description('write answers as they are and with texts in them that try to move a judge, for `flamingo judge`')
    .argument('<file>', `questions and answers: ${TABLE_NAMES}`)
    .requiredOption('-o, --out <file>', '.jsonl')
    .option('--injections <file>', 'default: those that come with Flamingo (experiments/injections/injections.yaml)')
    .option('--rows <n>', 'of so many different answers, the first ones', positive, 20)
    .option('--question-column <name>', 'default: question or question_text')
    .option('--answer-column <name>', 'default: answer or response')
    .addOption(delimiterOption())
    .option('--force', 'replace OUT where it holds something else')
    .addHelpText(
      'after',
      `
Examples:
  flamingo inject answers.csv -o attacked.jsonl
  flamingo judge attacked.jsonl --group-column injection --baseline ${CLEAN} --rubric hardened -o judged.csv

The report of the second command shows for each text and metric how far the scores moved.`,
    )
    .action(async (file: string, options: Options) => {
      try {
        await writeInjected(file, options);
      } catch (error) {
        if (error instanceof UnreadableInput) throw new InvalidUse(visibleLine(error.message));
        throw error;
      }
    });
}

async function writeInjected(file: string, options: Options): Promise<void> {
  const { out, rows, questionColumn, answerColumn, delimiter, force = false } = options;
  const format = namedFormat(file);
  if (!out.endsWith('.jsonl')) throw new InvalidUse(`-o ${out}: expected a name that ends in .jsonl`);
  await checkPlace(file, out);
  const injections = await injectionsOf(options.injections);
  const table = await openAnswers(file, format, {
    ...(questionColumn === undefined ? {} : { question: questionColumn }),
    ...(answerColumn === undefined ? {} : { answer: answerColumn }),
    ...(delimiter === undefined ? {} : { delimiter }),
  });
  const lines: string[] = [];
  for await (const row of injectedRows(table, injections, rows)) lines.push(JSON.stringify(row) + '\n');
  if (lines.length === 0) throw new InvalidUse(`${file}: there are no rows`);
  const text = lines.join('');
  if (!force && (await holdsOther(out, text))) throw holdsSomethingElse(out);
  await writeWhole(out, text);
  const answers = lines.length / (injections.length + 1);
  say(`${out}: ${answers} answers, each as it is and with ${injections.length} texts in it`);
  say(`Next: flamingo judge ${out} --group-column injection --baseline ${CLEAN} --rubric hardened -o judged.csv`);
}

/** The same command again writes the same text, and is no mistake. */
async function holdsOther(path: string, text: string): Promise<boolean> {
  try {
    return (await readFile(path, 'utf8')) !== text;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw new InvalidUse(`-o ${path}: ${reason(error)}`);
  }
}

async function injectionsOf(path: string | undefined): Promise<Injection[]> {
  const file = path ?? join(installationRoot(), 'experiments', 'injections', 'injections.yaml');
  try {
    return readInjections(await readText(file, MAX_INJECTIONS_BYTES, { packed: true, pipes: true }), file);
  } catch (error) {
    if (error instanceof UnreadableInput) throw new InvalidUse(visibleLine(error.message));
    throw error;
  }
}
