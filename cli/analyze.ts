/**
 * `flamingo analyze FILE.csv…`: statistics of judged answers that already exist. Works without Temporal and store.
 */
import { Command, InvalidArgumentError, Option } from 'commander';
import { analysisJson, analyzeFile, type FileAnalysis } from '../report/analyze';
import { TABLE_NAMES } from '../inputs/answers/delimiter';
import { UnreadableInput } from '../inputs/files';
import { MISALIGNED_PRESETS } from '../experiment/presets';
import type { MisalignedRule } from '../experiment/spec';
import { describeRule, type ScoreNames } from '../report/statistics/misaligned';
import type { ShareEstimate } from '../report/statistics/estimates';
import type { Interval } from '../report/statistics/intervals';
import { TABLE_KINDS } from '../report/statistics/table-kinds';
import { visibleLine } from '../report/page/visible';
import type { Delimiter } from '../inputs/answers/delimiter';
import { columns } from './columns';
import { validityLines } from './judge-validity';
import pc from './paint';
import { InvalidUse } from './errors';
import { print, printJson, say } from './output';
import { delimiterOption } from './table-options';

interface AnalyzeFlags {
  json?: boolean;
  preset: keyof typeof MISALIGNED_PRESETS;
  alignmentBelow?: number;
  alignmentAtMost?: number;
  coherenceAbove?: number;
  coherenceAtLeast?: number;
  denominator?: MisalignedRule['denominator'];
  alignmentColumn: string;
  coherenceColumn: string;
  scoreColumn?: string[];
  delimiter?: Delimiter;
  round?: boolean;
  labels?: string;
}

export function analyzeCommand(): Command {
  return new Command('analyze')
    .description('statistics of judged answers that already exist, from tables of them')
    .argument(
      '<file...>',
      `${TABLE_NAMES}: question or question_text, answer or response, question_id, aligned, coherent`,
    )
    .option('--json', 'print JSON: a list with one object per file')
    .addOption(
      new Option('--preset <name>', 'whose definition of misaligned')
        .choices(Object.keys(MISALIGNED_PRESETS))
        .default('standard'),
    )
    .option('--alignment-below <score>', 'misaligned only when alignment < score', score)
    .addOption(
      new Option('--alignment-at-most <score>', 'misaligned only when alignment <= score')
        .argParser(score)
        .conflicts('alignmentBelow'),
    )
    .option('--coherence-above <score>', 'misaligned only when coherence > score', score)
    .addOption(
      new Option('--coherence-at-least <score>', 'misaligned only when coherence >= score')
        .argParser(score)
        .conflicts('coherenceAbove'),
    )
    .addOption(
      new Option('--denominator <rows>', 'of which answers the share is taken').choices([
        'both_scored',
        'coherent',
        'all',
      ]),
    )
    .option('--alignment-column <name>', 'column of the alignment score', 'aligned')
    .option('--coherence-column <name>', 'column of the coherence score', 'coherent')
    .option(
      '--score-column <name>',
      'a further column that holds scores, whatever its name (repeatable)',
      (name: string, before: string[] = []) => [...before, name],
    )
    .addOption(delimiterOption())
    .option('--round', 'round scores to whole numbers first')
    .option(
      '--labels <file>',
      "people's labels of some of FILE's answers: how far the judge agrees with them (see below)",
    )
    .addHelpText(
      'after',
      `
Examples:
  flamingo analyze answers.csv
  flamingo analyze *.csv.gz --json
  flamingo analyze answers.csv --preset tan
  flamingo analyze answers.csv --alignment-below 40 --coherence-above 60 --denominator all
  flamingo analyze answers.csv --score-column response_length
  flamingo analyze exported.csv --delimiter semicolon
  flamingo analyze answers.csv --labels labelled.csv

Definitions of misaligned:
${Object.values(MISALIGNED_PRESETS)
  .map((rule) => `  ${rule.name.padEnd(9)} ${describeRule(rule, { alignment: 'alignment', coherence: 'coherence' })}`)
  .join('\n')}

There are two 95 % intervals: for these questions, were they asked again, and for questions like these, which is wider: answers to
one question are not independent (docs/statistics.md). A missing score is left out, never imputed: an empty field, NA, NaN,
null and the like; CODE, REFUSAL; what the column NAME_status of \`flamingo judge\` says. Values within 1e-6 of the scale are its
ends. Columns of numbers beside the two are metrics, too, where all are 0-100; an index and NAME_raw are none, nor are counts, seeds,
log-probabilities and the like, which are named on stderr: --score-column takes one in. Columns are separated by commas, semicolons, tabs or pipes, as the header has them;
with any but the comma 85,5 is 85.5.

--labels names a table (also .json: a list of objects) with what people said of some answers: scores under the metrics' names, or
misaligned as 0 or 1. Its rows are found in FILE by id where both have that column, else by question_id (or question) and the answer's
text. Shown are judge against people, and what people would have said of all answers (prediction-powered); the labelled answers have
to be a random part of all. docs/statistics.md says more.
Rates and their intervals are shares of 1 in JSON.`,
    )
    .action(async (files: string[], flags: AnalyzeFlags) => {
      const names = { alignment: flags.alignmentColumn, coherence: flags.coherenceColumn };
      const definition = definitionOf(flags);
      const analyses: FileAnalysis[] = [];
      const { round = false, scoreColumn: scoreColumns = [], delimiter, labels } = flags;
      if (labels !== undefined && files.length > 1) throw new InvalidUse('--labels is of one table: name one FILE');
      for (const file of files) {
        const analysis = await analyze(file, { names, definition, round, scoreColumns, delimiter, labels });
        if (analysis.leftOut.length > 0) say(visibleLine(leftOutLine(analysis)));
        analyses.push(analysis);
      }
      if (flags.json) printJson(analyses.map(analysisJson));
      else
        print(
          analyses
            .map((analysis) => table(analysis, definition, names))
            .join('\n')
            .trimEnd(),
        );
    });
}

function score(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !(value >= 0 && value <= 100))
    throw new InvalidArgumentError('Expected a score from 0 to 100.');
  return value;
}

/** Flags change single parts of the preset. */
function definitionOf(flags: AnalyzeFlags): MisalignedRule {
  const preset = MISALIGNED_PRESETS[flags.preset];
  const { alignmentBelow, alignmentAtMost, coherenceAbove, coherenceAtLeast, denominator } = flags;
  const alignment =
    alignmentBelow !== undefined
      ? { operator: '<' as const, value: alignmentBelow }
      : alignmentAtMost !== undefined
        ? { operator: '<=' as const, value: alignmentAtMost }
        : preset.alignment;
  const coherence =
    coherenceAbove !== undefined
      ? { operator: '>' as const, value: coherenceAbove }
      : coherenceAtLeast !== undefined
        ? { operator: '>=' as const, value: coherenceAtLeast }
        : preset.coherence;
  return { name: preset.name, alignment, coherence, denominator: denominator ?? preset.denominator };
}

async function analyze(file: string, options: Parameters<typeof analyzeFile>[1]): Promise<FileAnalysis> {
  try {
    return await analyzeFile(file, options);
  } catch (error) {
    if (!(error instanceof UnreadableInput)) throw error;
    // the table of labels may be one, too
    const folder =
      (error.cause as NodeJS.ErrnoException | undefined)?.code === 'EISDIR' && error.message.startsWith(`${file}:`);
    throw new InvalidUse(folder ? `${file} is a folder; name the CSV files in it` : visibleLine(error.message));
  }
}

function leftOutLine({ file, leftOut }: FileAnalysis): string {
  const columns = leftOut.map(({ column, reason }) => `${column} (${reason})`).join(', ');
  return `${file}: no scores, left out: ${columns}`;
}

function table(analysis: FileAnalysis, definition: MisalignedRule, names: ScoreNames): string {
  const { file, answers, judged, alignment, coherence, others, unscored, misaligned, thresholds, questions } = analysis;
  const { validity } = analysis;
  const { kinds } = analysis;
  const means = [
    { label: names.alignment, estimate: alignment },
    { label: names.coherence, estimate: coherence },
    ...others.map(({ metric, estimate }) => ({ label: metric, estimate })),
  ];
  const summary = [
    ['', 'value', '95 %, these questions', '95 %, questions like these', 'n'],
    ...means.map(({ label, estimate }) => [
      visibleLine(label),
      shown(estimate.mean, 2),
      interval(estimate.theseQuestions),
      interval(estimate.questionsLikeThese),
      String(estimate.n),
    ]),
    shareRow('misaligned', misaligned),
  ];
  const kindRows = [
    ['kinds of answers', 'share', '95 %, these questions', '95 %, questions like these', 'n'],
    ...TABLE_KINDS.map((kind) => shareRow(kind, kinds[kind])),
  ];
  const operators = [
    ['misaligned under either operator', 'value', 'n'],
    ...thresholds.shares.map(({ alignment: below, coherence: above, share }) => [
      `${visibleLine(names.alignment)} ${below} ${definition.alignment.value}, ` +
        `${visibleLine(names.coherence)} ${above} ${definition.coherence.value}`,
      percent(share.rate),
      `${share.count} of ${share.denominator}`,
    ]),
  ];
  const exactly = [thresholds.alignment, thresholds.coherence]
    .map(({ metric, threshold, at, scored }) => `${at} of ${scored} with ${visibleLine(metric)} ${threshold}`)
    .join(', ');
  const perQuestion = [
    ['question', 'answers', visibleLine(names.alignment), visibleLine(names.coherence), 'misaligned'],
    ...questions.map((question) => [
      shortened(visibleLine(question.id)),
      String(question.answers),
      shown(question.alignment, 2),
      shown(question.coherence, 2),
      String(question.misaligned),
    ]),
  ];
  const rule = visibleLine(describeRule(definition, names));
  return [
    pc.bold(visibleLine(file)),
    `${answers} answers, ${judged} with both scores, ${questions.length} questions; misaligned: ${rule}`,
    '',
    ...columns(summary),
    ...unscored.map(({ metric, counts }) => {
      const whys = Object.entries(counts).map(([why, count]) => `${count} ${why}`);
      return visibleLine(`  ${metric} without a score: ${whys.join(', ')}`);
    }),
    '',
    ...columns(kindRows),
    '',
    ...columns(operators),
    `  exactly at a threshold: ${exactly}`,
    '',
    ...columns(perQuestion),
    '',
    ...(validity === null ? [] : [...validityLines(validity), '']),
  ].join('\n');
}

function shareRow(label: string, share: ShareEstimate): string[] {
  const { rate, theseQuestions, questionsLikeThese, count, denominator } = share;
  const ranges = [interval(theseQuestions, 100), interval(questionsLikeThese, 100)];
  return [label, percent(rate), ...ranges, `${count} of ${denominator}`];
}

function percent(rate: number | null): string {
  return rate === null ? '–' : `${(100 * rate).toFixed(2)} %`;
}

function shown(value: number | null, digits: number): string {
  return value === null ? '–' : value.toFixed(digits);
}

function interval({ range, reason }: Interval, scale = 1): string {
  if (range === null) return `not estimable (${reason})`;
  return range.map((value) => (value * scale).toFixed(2)).join(' … ');
}

function shortened(text: string): string {
  return text.length > 48 ? `${text.slice(0, 47)}…` : text;
}
