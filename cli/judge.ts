/**
 * `flamingo judge FILE -o OUT`: judges answers that come from anywhere, as durably as an experiment's.
 */
import { stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { Command } from 'commander';
import { askedJudges, isJudged as hasJudge } from '../experiment/main-judge';
import { openAnswers, type AnswerColumns, type AnswerTable } from '../inputs/answers/columns';
import { storeJudgingPlan, type JudgingInputs, type JudgingPlan } from '../inputs/answers/judging-plan';
import { judgingSpec, type JudgingSpec, type JudgingWords } from '../inputs/answers/judging-spec';
import type { Delimiter } from '../inputs/answers/delimiter';
import { addedColumns, rawColumn } from '../inputs/answers/judged-columns';
import { TABLE_NAMES } from '../inputs/answers/delimiter';
import { holdsRowsOf } from '../inputs/answers/standing';
import { isJudged } from '../inputs/answers/verdicts';
import { writeJudged, type Written } from '../inputs/answers/write-judged';
import { visibleLine } from '../report/page/visible';
import { UnreadableInput } from '../inputs/files';
import type { MisalignedFile } from '../inputs/misaligned-file';
import { readQuestionFile } from '../inputs/questions';
import { recordedExperiment } from '../artifacts/experiments';
import { judgeFoldersOf } from '../inputs/resolve';
import { readTrainerFiles } from '../inputs/trainer-files';
import { openStore } from '../workers/open-store';
import { cacheFolder, dataFolder } from '../workers/places';
import { judgeQueuesOf } from '../artifacts/plans';
import { InvalidExperiment } from '../experiment/issue';
import { isUnread } from '../experiment/unread';
import type { QuestionItem } from '../experiment/expand/questions';
import type { ExperimentOutcome } from '../workflows/messages';
import pc from './paint';
import { isRemote } from './connection';
import { EXIT, InvalidUse } from './errors';
import { dollars, judgeOptions, judgeWords, positive, readRubric, type JudgeOptions } from './judge-options';
import { portNumber } from './local/ports';
import { asInvalidUse, misalignedFrom } from './misaligned-option';
import { gatherHere } from './memory-note';
import { namedPath } from './named-path';
import { checkPlace, holdsSomethingElse } from './out-file';
import { printJsonLine, say } from './output';
import { categoriesOf } from './categories';
import { delimiterOption, namedFormat } from './table-options';
import { requireSetUp } from './require-set-up';
import { scaleWarnings } from './scale-warnings';
import { scorersFrom } from './scorers';
import { judgedPooledLine, judgedSeedLines, noSeedsOption } from './seed-lines';
import { sayByStandIn } from './stand-in-note';
import { accountOfQueue, reportStored, requireCredentials, submitAndFollow, type Submission } from './submit';
import { wordScoresOf } from './words';

interface Options extends JudgeOptions {
  out: string;
  metric?: Record<string, string>;
  scorer?: Record<string, string>;
  rubric?: string;
  questionColumn?: string;
  answerColumn?: string;
  idColumn?: string;
  groupColumn?: string;
  seeds: boolean;
  delimiter?: Delimiter;
  categories?: Record<string, string>;
  words?: Record<string, string>;
  misaligned?: string;
  suffix?: string;
  force?: boolean;
  baseline?: string;
  repeats: number;
  maxUsd?: number;
  detach?: boolean;
  json?: boolean;
  port?: string;
}

/** Flamingo's own rubrics, in a request each or all in one. */
const PRESETS = ['hardened', 'combined'] as const;
const PRESET_METRICS = ['alignment', 'coherence'];

export function judgeCommand(): Command {
  const command = new Command('judge')
    .description('judge answers that come from anywhere; the same command again goes on, or is done at once')
    .argument('<file>', `questions and answers: ${TABLE_NAMES}`)
    .requiredOption('-o, --out <file>', 'the same rows with their verdicts: a name as of the file that is read')
    .option('--metric <name=file>', 'judge this metric by the rubric in a file (repeatable)', namedPath)
    .option(
      '--scorer <name=rule>',
      'score this metric without a judge: a `scorer` as in an experiment file (repeatable)',
      namedPath,
    )
    .option('--rubric <rubric>', '`hardened` or `combined`: Flamingo’s own words; `published:FILE`: a question file’s')
    .option(
      '--categories <name=words>',
      'the words of which one is the verdict, separated by commas, each with the score that it stands for after a colon, or without one (repeatable)',
      namedPath,
    )
    .option(
      '--words <name=words>',
      'the score is the probability of these words, separated by commas, each with its value after a colon, as YES:100,NO:0; with ' +
        '--score expected or a local judge (repeatable)',
      namedPath,
    )
    .option(
      '--misaligned <file>',
      'which answers the report counts as misaligned: YAML as under `report.misaligned`, or an experiment file',
    )
    .option('--question-column <name>', 'default: question or question_text')
    .option('--answer-column <name>', 'default: answer or response')
    .option('--id-column <name>', 'names the question in the report; default: question_id, where there is one')
    .option('--group-column <name>', 'a model or condition: its values are compared in the report')
    .addOption(noSeedsOption())
    .addOption(delimiterOption())
    .option('--suffix <text>', 'the added columns are NAME and this text, where FILE has columns NAME already')
    .option('--force', 'replace OUT where it holds something else than these rows')
    .option('--baseline <group>', 'the group that the report compares the others with, such as `clean` of `inject`');
  return judgeOptions(command)
    .option('--repeats <n>', 'verdicts on each answer', positive, 1)
    .option('--max-usd <usd>', 'spend no more; it waits for an approval above', dollars)
    .option('--detach', 'return at once; the same command later writes the file')
    .option('--port <port>', 'port of the embedded Temporal server (default: 7233, or any free one)')
    .option('--json', 'print the outcome as one JSON line on stdout')
    .addHelpText(
      'after',
      `
Examples:
  flamingo judge answers.csv --rubric combined -o judged.csv
  flamingo judge answers.csv --metric helpful=helpful.txt -o judged.csv
  flamingo judge answers.jsonl.gz --rubric published:questions.yaml --group-column model -o judged.jsonl
  flamingo judge answers.csv --metric polite=polite.txt --judge claude-haiku-5-5 --mode batch --max-usd 20 -o judged.csv
  flamingo judge answers.csv --metric correct=correct.txt --categories correct=TRUE:100,FALSE:0 -o judged.csv
  flamingo judge answers.csv --metric cites=cites.txt --words cites=YES:100,NO:0 --judge openai:gpt-4o --score expected -o judged.csv
  flamingo judge answers.csv --scorer 'owl={ contains: owl, ignore: [case] }' -o scored.csv
  flamingo judge answers.csv --scorer 'correct={ equals_field: reference }' -o scored.csv
  flamingo judge answers.csv --rubric hardened --judge local:Qwen/Qwen2.5-7B-Instruct@COMMIT -o judged.csv
  flamingo judge judged.csv --rubric published:questions.yaml --suffix _again -o judged-again.csv
  flamingo judge exported.csv --delimiter semicolon --metric helpful=helpful.txt -o judged.csv
  flamingo judge answers.csv --metric helpful=helpful.txt --judge stand-in -o judged.csv     (a try: scores mean nothing)

A rubric file holds the words for the judge, with {question} and {answer} where these go;
\`hardened\` and \`combined\` judge alignment and coherence. A scorer asks nobody: \`equals\`, \`contains\`, \`matches\`,
\`equals_field\` (a column of FILE) or a \`command\`, whose files lie in this folder (docs/scorers.md). A local judge is a model that
the GPU worker asks (docs/local-judge.md). OUT has all columns of FILE as
they are, and for each metric NAME (the score, 0-100), NAME_status and NAME_raw (what the judge wrote). Equal rows are
judged once. A column seed beside --group-column tells fine-tunes of each group, as in \`analyze\`: the report has intervals over seeds.
A table that was judged before it did so is found again with --no-seeds. Nothing is changed for spreadsheets: a cell that begins with = is written as it is. Columns are separated by commas,
semicolons, tabs or pipes, as the header of FILE has them, and in OUT as in FILE; by tabs in an OUT that ends in .tsv, and by
commas where only FILE does. An OUT that holds anything but rows of FILE with these columns is replaced only with --force.

Exit codes: 0 done, 1 failed, 2 invalid input, 3 some verdicts are missing (the same command asks for exactly those)
or none of a metric's replies could be read,
4 waiting for a person, 130 interrupted (the same command goes on where it was).`,
    )
    .action(async (file: string, options: Options) => {
      process.exitCode = await understood(() => judge(file, options));
    });
}

async function judge(file: string, options: Options): Promise<number> {
  const started = Date.now();
  const port = portNumber(options.port);
  const format = namedFormat(file);
  if (options.baseline !== undefined && options.groupColumn === undefined)
    throw new InvalidUse('--baseline names a group: which column holds them? Give --group-column');
  namedFormat(options.out, '-o ');
  await checkPlace(file, options.out);
  const { words, rubrics } = await judgingWords(file, options);
  const counted = options.misaligned === undefined ? null : await misalignedFrom(options.misaligned);
  const judging = specOf(counted === null ? words : { ...words, misaligned: counted.written }, counted);
  const here = { baseFolder: process.cwd(), cacheFolder: cacheFolder() };
  const inputs: JudgingInputs = {
    ...{ rubrics, baseline: options.baseline },
    judgeFolders: hasJudge(judging.spec) ? await judgeFoldersOf(judging.spec, here) : [],
    scorerFiles: await readTrainerFiles(judging.spec, async (written) => resolve(written)),
  };
  const table = await openAnswers(file, format, columnsOf(options));
  const store = await openStore(undefined, { first: say });
  for (const line of judgedSeedLines(file, table.seeds)) say(visibleLine(line));
  const plan = await storeJudgingPlan(store, table, judging, inputs);
  const isStored = await isJudged(store, plan);
  if (plan.pooledName !== null && !isStored && (await recordedExperiment(store, plan.name)) === null) {
    const before = await recordedExperiment(store, plan.pooledName);
    if (before !== null) say(pc.yellow(visibleLine(judgedPooledLine(file, plan.pooledName))));
  }
  const metrics = [...judging.spec.metrics, ...(judging.spec.scorers ?? [])].map(({ name }) => name);
  const added = addedColumns(metrics, suffixOf(options));
  checkAdded(file, plan.columns, added);
  await checkReplaces(table, plan, added, options);
  for (const line of scaleWarnings(
    plan.stored.plan,
    (metric, remedy) => `--${remedy.option} ${metric}=${remedy.list}`,
  )) {
    say(pc.yellow(visibleLine(line)));
  }
  say(`${plan.rows} rows, ${plan.distinct} different answers, ${metrics.join(', ')}: ${plan.name}`);
  const submission = { store, plan: plan.stored.plan, ref: plan.ref, output: join(dataFolder(), 'judged', plan.name) };
  const { code, outcome } = isStored ? DONE_BEFORE : await judged(submission, plan, options, port);
  if (code !== EXIT.done && code !== EXIT.incomplete) return code;
  if (options.detach) return isStored ? (await reported(submission, plan, options.json ?? false)).code : code;
  await checkReplaces(table, plan, added, options); // it may have come there meanwhile
  const written = await writeJudged(store, table, plan, metrics, { out: options.out, suffix: suffixOf(options) });
  // the report of a large table takes long and much memory: the file is there before
  const ended = isStored ? (await reported(submission, plan, false)).outcome : outcome;
  conclude(plan, written, table, options, ended, started);
  return written.metrics.some((metric) => (metric.statuses['missing'] ?? 0) > 0 || isUnread(metric.statuses))
    ? EXIT.incomplete
    : code;
}

/** What is wrong with the rule of a file is told at its place there. */
function specOf(words: JudgingWords, misaligned: MisalignedFile | null): JudgingSpec {
  try {
    return judgingSpec(words);
  } catch (error) {
    if (misaligned === null || !(error instanceof InvalidExperiment)) throw error;
    const { path, message, hint } = error.issue;
    if (path[0] !== 'report' || path[1] !== 'misaligned') throw error;
    throw asInvalidUse(misaligned.problem(path.slice(2), message, hint));
  }
}

function suffixOf({ suffix = '' }: Options): string {
  if (suffix === '') return suffix;
  if (!/^[\w.-]+$/.test(suffix) || /_(raw|status)$/.test(suffix)) {
    throw new InvalidUse(
      `--suffix ${suffix}: expected letters, digits, _, - and . that do not end in _raw or _status, such as _again`,
    );
  }
  return suffix;
}

/** The columns to come must be new, and each another. */
function checkAdded(file: string, there: readonly string[], added: readonly string[]): void {
  const taken = added.find((name) => there.includes(name));
  if (taken !== undefined) {
    const remedy = 'give the metric another name, or --suffix _again, which is added to the names of all new columns';
    throw new InvalidUse(visibleLine(`${file} has a column ${JSON.stringify(taken)} already: ${remedy}`));
  }
  const twice = added.find((name, index) => added.indexOf(name) < index);
  if (twice !== undefined)
    throw new InvalidUse(`two metrics would write the column ${JSON.stringify(twice)}: rename one`);
}

/** Before anything is paid for, and again before the file is written: OUT is absent, or an earlier state of itself. */
async function checkReplaces(
  table: AnswerTable,
  { columns }: JudgingPlan,
  added: readonly string[],
  { out, force = false }: Options,
): Promise<void> {
  if (force || (await stat(out).catch(() => null)) === null) return;
  if (!(await holdsRowsOf(out, table, columns, added))) throw holdsSomethingElse(out);
}

interface Judged {
  code: number;
  outcome: ExperimentOutcome | null;
}

/** Every verdict was in the store: nothing is asked, and no service is started. */
const DONE_BEFORE: Judged = { code: EXIT.done, outcome: null };

/** The report of verdicts that are all in the store. */
async function reported(submission: Submission, { stored }: JudgingPlan, json: boolean): Promise<Judged> {
  let outcome: ExperimentOutcome | null = null;
  const gathered = await gatherHere(submission.store, stored, submission.output);
  const code = await reportStored(submission, gathered, { json, ended: (ended) => (outcome = ended) });
  return { code, outcome };
}

/** Brings all verdicts into the store, and writes the report. */
async function judged(
  submission: Submission,
  { stored }: JudgingPlan,
  options: Options,
  port: number,
): Promise<Judged> {
  const accounts = judgeQueuesOf(stored.spec).map(accountOfQueue);
  if (!isRemote()) {
    const judges = askedJudges(stored.spec);
    requireCredentials(stored.spec, Object.keys(judges));
    const local = Object.values(judges).flatMap((judge) => judge.local?.model ?? []);
    requireSetUp(local.length === 0 ? null : local);
  }
  let outcome: ExperimentOutcome | null = null;
  const code = await submitAndFollow(submission, {
    accounts,
    gpuQueues: Object.values(askedJudges(stored.spec)).some(({ kind }) => kind === 'local')
      ? [stored.spec.execution.gpuQueue]
      : [],
    port,
    detach: options.detach ?? false,
    json: (options.json ?? false) && (options.detach ?? false), // otherwise this command prints its own
    ended: (ended) => (outcome = ended),
  });
  return { code, outcome };
}

async function judgingWords(file: string, options: Options): Promise<{ words: JudgingWords; rubrics: QuestionItem[] }> {
  const metrics: JudgingWords['metrics'] = {};
  for (const [name, path] of Object.entries(options.metric ?? {})) metrics[name] = { rubric: await readRubric(path) };
  const preset = PRESETS.find((each) => each === options.rubric);
  const published = preset === undefined ? await publishedRubrics(options.rubric) : null;
  if (preset !== undefined) for (const name of PRESET_METRICS) metrics[name] ??= { rubric: { preset: 'hardened' } };
  const scorers = scorersFrom(options.scorer ?? {});
  if (published === null && Object.keys({ ...metrics, ...scorers }).length === 0) {
    throw new InvalidUse(
      'what is to be judged? Give --metric NAME=RUBRIC_FILE, --rubric hardened or --scorer NAME=RULE',
    );
  }
  const words: JudgingWords = {
    file,
    metrics,
    scorers,
    combined: preset === 'combined' ? PRESET_METRICS : [],
    categories: categoriesOf(options.categories ?? {}),
    wordScores: wordScoresOf(options.words ?? {}),
    rubrics: published,
    judge: judgeWords(options),
    maxUsd: options.maxUsd ?? null,
    repeats: options.repeats,
  };
  return { words, rubrics: published?.items ?? [] };
}

async function publishedRubrics(rubric: string | undefined): Promise<JudgingWords['rubrics']> {
  if (rubric === undefined) return null;
  const path = /^published:(.+)$/s.exec(rubric)?.[1];
  if (path === undefined)
    throw new InvalidUse(`--rubric ${rubric}: expected hardened, combined or published:QUESTIONS.yaml`);
  const items = await readQuestionFile(path);
  if (items.every(({ judgePrompts }) => Object.keys(judgePrompts).length === 0)) {
    throw new InvalidUse(`${path}: its questions bring no \`judge_prompts\``);
  }
  return { path, items };
}

function columnsOf({ questionColumn, answerColumn, idColumn, groupColumn, seeds, delimiter }: Options): AnswerColumns {
  return {
    seeds,
    ...(delimiter === undefined ? {} : { delimiter }),
    ...(questionColumn === undefined ? {} : { question: questionColumn }),
    ...(answerColumn === undefined ? {} : { answer: answerColumn }),
    ...(idColumn === undefined ? {} : { id: idColumn }),
    ...(groupColumn === undefined ? {} : { group: groupColumn }),
  };
}

function conclude(
  plan: JudgingPlan,
  { rows, metrics }: Written,
  { file }: AnswerTable,
  { out, json, suffix = '' }: Options,
  outcome: ExperimentOutcome | null,
  started: number,
): void {
  for (const { metric, scored, mean, statuses } of metrics) {
    const others = Object.entries(statuses).filter(([status]) => status !== 'scored');
    const rest = others.map(([status, count]) => `, ${count} ${status}`).join('');
    say(`${metric}: ${scored} of ${rows} rows scored, mean ${mean === null ? '–' : mean.toFixed(2)}${rest}`);
    if (isUnread(statuses))
      say(
        pc.yellow(`${metric}: not one reply could be read. What the judge wrote is in ${rawColumn(metric + suffix)}.`),
      );
  }
  sayByStandIn(plan.stored.spec);
  say(
    `Written: ${pc.bold(out)} after ${((Date.now() - started) / 1000).toFixed(1)} s, ${outcome?.requests ?? 0} requests`,
  );
  if (!json) return;
  const { requests = 0, usd = 0, report = null } = outcome ?? {};
  const judge = hasJudge(plan.stored.spec) ? plan.stored.spec.judge.model : null;
  const judging = report?.judging ?? [];
  const line = {
    experiment: plan.name,
    file,
    out,
    rows,
    distinct: plan.distinct,
    judge,
    requests,
    usd,
    metrics,
    judging,
  };
  printJsonLine(line);
}

/** What is wrong with the files or the words is the person's to mend. */
async function understood(work: () => Promise<number>): Promise<number> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof UnreadableInput || error instanceof InvalidExperiment) {
      throw new InvalidUse(visibleLine(error.message));
    }
    throw error;
  }
}
