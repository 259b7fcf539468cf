/**
 * `flamingo analyze FILE.csv…`: statistics of judged answers that already exist. Works without Temporal and store.
 */
import { Command, InvalidArgumentError, Option } from 'commander';
import { analysisJson, analyzeFile, type FileAnalysis } from '../report/analyze';
import { TABLE_NAMES } from '../inputs/answers/delimiter';
import { SCORE_SCALES, type ScoreScale } from '../inputs/answers/score-scale';
import { UnreadableInput } from '../inputs/files';
import { MISALIGNED_PRESETS } from '../experiment/presets';
import type { MisalignedRule, ShareEstimator } from '../experiment/spec';
import { MOST_PAIRED_GROUPS } from '../report/statistics/contrasts';
import type { ShareEstimate } from '../report/statistics/estimates';
import { describeRule } from '../report/statistics/misaligned';
import { TABLE_KINDS } from '../report/statistics/table-kinds';
import { visibleLine } from '../report/page/visible';
import type { Delimiter } from '../inputs/answers/delimiter';
import { columns } from './columns';
import { validityLines } from './judge-validity';
import pc from './paint';
import { InvalidUse } from './errors';
import { misalignedFrom } from './misaligned-option';
import { print, printJson, say } from './output';
import { contrastRows, groupRows, singleSeedLines, twoSeedLines, unscoredSeedLines } from './analyze-groups';
import { interval, share, shown, shortened } from './analyze-cells';
import { chosenScores, type ScoreFlags } from './score-options';
import { noSeedsOption, seedsLeftOutLine, seedsTakenLine } from './seed-lines';
import { delimiterOption } from './table-options';

interface AnalyzeFlags extends ScoreFlags {
  json?: boolean;
  preset: keyof typeof MISALIGNED_PRESETS;
  misaligned?: string;
  alignmentBelow?: number;
  alignmentAtMost?: number;
  coherenceAbove?: number;
  coherenceAtLeast?: number;
  denominator?: MisalignedRule['denominator'];
  estimator?: ShareEstimator;
  minCoherentAnswers?: number;
  questionColumn?: string;
  idColumn?: string;
  group?: string[];
  baseline?: string;
  delimiter?: Delimiter;
  round?: boolean;
  scale?: ScoreScale;
  seeds: boolean;
  labels?: string;
}

export function analyzeCommand(): Command {
  return new Command('analyze')
    .description('statistics of judged answers that already exist, from tables of them')
    .argument('<file...>', `${TABLE_NAMES}: a question or its id, and columns of scores such as aligned and coherent`)
    .option('--json', 'print JSON: a list with one object per file')
    .addOption(
      new Option('--preset <name>', 'whose definition of misaligned')
        .choices(Object.keys(MISALIGNED_PRESETS))
        .default('standard'),
    )
    .addOption(
      new Option(
        '--misaligned <file>',
        'a definition in YAML, as under `report.misaligned` of an experiment file, or that of an experiment file',
      ).conflicts([
        ...['alignmentBelow', 'alignmentAtMost', 'coherenceAbove', 'coherenceAtLeast'],
        ...['denominator', 'estimator', 'minCoherentAnswers', 'preset'],
      ]),
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
    .addOption(
      new Option('--estimator <name>', 'the share of all answers, or the mean of the questions’ shares').choices([
        'pooled',
        'question_mean',
      ]),
    )
    .option('--min-coherent-answers <n>', 'leave out questions with fewer coherent answers (0: none)', wholeNumber)
    .option(
      '--score <column>',
      'a column of scores, or METRIC=COLUMN: alignment=COLUMN, coherence=COLUMN, or a further metric (repeatable)',
      collected,
    )
    .option('--alignment-column <name>', 'as --score alignment=NAME')
    .option('--coherence-column <name>', 'as --score coherence=NAME')
    .addOption(new Option('--score-column <name>', 'as --score').argParser(collected).hideHelp())
    .option(
      '--question-column <name>',
      "the questions' words; default: question or question_text, or none beside an id",
    )
    .option('--id-column <name>', 'names the question; default: question_id, where there is one')
    .option(
      '--group <column>',
      'compare rows by this column (repeatable: by all of them together); default: model and group, or seed',
      collected,
    )
    .option('--baseline <group>', 'compare the groups with this one alone')
    .addOption(delimiterOption())
    .addOption(
      new Option(
        '--scale <scale>',
        'of the scores in FILE and in --labels; default: 0-100, and scores that all lie within 0-1 are refused',
      ).choices(SCORE_SCALES),
    )
    .option('--round', 'round scores to whole numbers first')
    .addOption(noSeedsOption())
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
  flamingo analyze scored.csv --misaligned rule.yaml         (where: { owl: { at_least: 50 } })
  flamingo analyze answers.csv --score alignment=judge_1 --score coherence=judge_2 --score warmth
  flamingo analyze answers.csv --group model --group seed
  flamingo analyze exported.csv --delimiter semicolon
  flamingo analyze answers.csv --labels labelled.csv

Definitions of misaligned:
${Object.values(MISALIGNED_PRESETS)
  .map((rule) => `  ${rule.name.padEnd(9)} ${describeRule(rule, { alignment: 'alignment', coherence: 'coherence' })}`)
  .join('\n')}

There are two 95 % intervals: for these questions, were they asked again, and for questions like these, which is wider where questions differ: answers to
one question are not independent (docs/statistics.md). Every row counts, equal ones too. A missing score is left out, never imputed:
an empty field, NA, NaN, null and the like; CODE, REFUSAL; what the column NAME_status of \`flamingo judge\` says. Values within
1e-6 of the scale are its ends.

The two scores stand in columns that are called aligned or alignment, coherent or coherence, alone or with score, rating or judge
(aligned_score, JudgeCoherence). With \`where\` of --misaligned the columns that it names count, and these two need not be
there; a category is the column's word, or what \`flamingo judge\` wrote as NAME_raw. Columns of numbers beside them are metrics, too, where all are 0-100; an index and NAME_raw are none,
nor are counts, seeds, log-probabilities and the like, which are named on stderr: --score takes one in. Columns are separated by
commas, semicolons, tabs or pipes, as the header has them; with any but the comma 85,5 is 85.5.

A column seed beside those of groups tells fine-tunes of each: a group's value is then the mean of its seeds' values, and intervals are over
seeds. Where seeds are of sampling alone, --no-seeds; --group model --group seed compares the single ones. A group without training,
such as the base model, has an empty seed; one with a single seed is taken to vary over seeds as the others do.
Groups are compared over the questions that both answer, each pair of them, or of more than ${MOST_PAIRED_GROUPS} each with the first.
Intervals of differences are those of single ones: of many, some leave out 0 by chance.

--labels names a table (also .json: a list of objects) with what people said of some answers: scores under the metrics' names, or
misaligned as 0 or 1. Its rows are found in FILE by id where both have that column, else by question_id (or question) and the answer's
text. Shown are judge against people, and what people would have said of all answers (prediction-powered); the labelled answers have
to be a random part of all. docs/statistics.md says more.
Rates and their intervals are shares of 1 in JSON.`,
    )
    .action(async (files: string[], flags: AnalyzeFlags) => {
      const definition = await definitionOf(flags);
      refuseSmallThresholds(definition, flags.scale);
      const analyses: FileAnalysis[] = [];
      const { round = false, delimiter, group: groups = [], baseline, labels } = flags;
      const { questionColumn: question, idColumn: id, scale, seeds } = flags;
      const options = {
        ...{ ...chosenScores(flags), definition, round, scale, delimiter },
        ...{ question, id, groups, seeds, baseline, labels },
      };
      if (labels !== undefined && files.length > 1) throw new InvalidUse('--labels is of one table: name one FILE');
      for (const file of files) {
        const analysis = await analyze(file, options);
        for (const line of notes(analysis)) say(visibleLine(line));
        analyses.push(analysis);
      }
      if (flags.json) printJson(analyses.map(analysisJson));
      else
        print(
          analyses
            .map((analysis) => table(analysis))
            .join('\n')
            .trimEnd(),
        );
    });
}

function wholeNumber(text: string): number {
  if (!/^\d{1,6}$/.test(text)) throw new InvalidArgumentError('Expected a whole number from 0.');
  return Number(text);
}

function collected(text: string, before: string[] = []): string[] {
  return [...before, text];
}

function score(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !(value >= 0 && value <= 100))
    throw new InvalidArgumentError('Expected a score from 0 to 100.');
  return value;
}

/** Flags change single parts of the preset. Throws `InvalidUse` for a file that says nothing. */
async function definitionOf(flags: AnalyzeFlags): Promise<MisalignedRule> {
  if (flags.misaligned !== undefined) return (await misalignedFrom(flags.misaligned)).rule;
  const preset = MISALIGNED_PRESETS[flags.preset];
  const { alignmentBelow, alignmentAtMost, coherenceAbove, coherenceAtLeast, denominator } = flags;
  const { estimator = preset.estimator, minCoherentAnswers: least = preset.minCoherentAnswers } = flags;
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
  return {
    ...{ name: preset.name, alignment, coherence, denominator: denominator ?? preset.denominator },
    ...(estimator === undefined ? {} : { estimator }),
    ...(least === undefined || least === 0 ? {} : { minCoherentAnswers: least }),
  };
}

/**
 * Scores of 0-1 are read as 0-100, and thresholds stay as they are written: one of the table's own scale would find nothing
 * misaligned, or everything. Throws `InvalidUse`.
 */
function refuseSmallThresholds({ alignment, coherence, conditions }: MisalignedRule, scale?: ScoreScale): void {
  if (scale !== '0-1') return;
  const compared =
    conditions === undefined
      ? [alignment, coherence]
      : [...conditions.where, ...conditions.of].flatMap((each) => ('is' in each ? [] : [each]));
  const small = compared.find(({ value }) => value > 0 && value <= 1);
  if (small === undefined) return;
  const meant = Number((100 * small.value).toPrecision(12));
  throw new InvalidUse(
    `thresholds are on 0-100: ${small.value} would be ${meant} (--scale 0-1 reads the scores of the table as 0-100)`,
  );
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

/** What was not taken for scores or groups, and how it would be. */
function notes({ file, leftOut, notGrouped, seedsLeftOut, groups }: FileAnalysis): string[] {
  const columns = leftOut.map(({ column, reason }) => `${column} (${reason})`).join(', ');
  return [
    ...(leftOut.length === 0 ? [] : [`${file}: no scores, left out: ${columns}`]),
    ...(groups.groups.some(({ seeds }) => seeds > 1) ? [seedsTakenLine(file)] : []),
    ...(seedsLeftOut === null ? [] : [seedsLeftOutLine(file, seedsLeftOut)]),
    ...notGrouped.map((column) => `${file}: ${column} has too many values to be groups; --group ${column} makes it so`),
    ...(groups.groups.length > MOST_PAIRED_GROUPS && groups.contrasts.length > 0
      ? [`${file}: ${groups.groups.length} groups, each compared with ${groups.contrasts[0]?.reference} alone`]
      : []),
  ];
}

function table(analysis: FileAnalysis): string {
  const { file, names, definition, answers, judged, alignment, coherence, others, unscored, misaligned } = analysis;
  const { thresholds, otherOperators, questions, questionsLeftOut, groups, kinds, validity } = analysis;
  const means = [
    ...(names.alignment === '' ? [] : [{ label: names.alignment, estimate: alignment }]),
    ...(names.coherence === '' ? [] : [{ label: names.coherence, estimate: coherence }]),
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
    ...TABLE_KINDS.flatMap((kind) => {
      const found = kinds[kind];
      return found === undefined ? [] : [shareRow(kind, found)];
    }),
  ];
  const operators = [
    ['misaligned under either operator', 'value', 'n'],
    ...(thresholds?.shares ?? []).map(({ alignment: below, coherence: above, share: found }) => [
      `${visibleLine(names.alignment)} ${below} ${definition.alignment.value}, ` +
        `${visibleLine(names.coherence)} ${above} ${definition.coherence.value}`,
      share(found.rate),
      `${found.count} of ${found.denominator}`,
    ]),
    ...otherOperators.map(({ metric, other, operator, threshold, share: found }) => [
      `${visibleLine(metric)} ${other} ${threshold}, not ${operator}`,
      share(found.rate),
      `${found.count} of ${found.denominator}`,
    ]),
  ];
  const exactly = (thresholds === null ? otherOperators : [thresholds.alignment, thresholds.coherence])
    .map(({ metric, threshold, at, scored }) => `${at} of ${scored} with ${visibleLine(metric)} ${threshold}`)
    .join(', ');
  const hasBoth = names.alignment !== '' && names.coherence !== '';
  const decided =
    definition.conditions !== undefined ? `${judged} that the rule decides, ` : `${judged} with both scores, `;
  const perQuestion = [
    [
      ...['question', 'answers'],
      ...(hasBoth ? [visibleLine(names.alignment), visibleLine(names.coherence)] : []),
      'misaligned',
    ],
    ...questions.map((question) => [
      shortened(visibleLine(question.id)),
      String(question.answers),
      ...(hasBoth ? [shown(question.alignment, 2), shown(question.coherence, 2)] : []),
      String(question.misaligned),
    ]),
  ];
  const rule = visibleLine(describeRule(definition, names));
  return [
    pc.bold(visibleLine(file)),
    `${answers} answers, ${decided}${questions.length} questions; misaligned: ${rule}`,
    '',
    ...columns(summary),
    ...unscored.map(({ metric, counts }) => {
      const whys = Object.entries(counts).map(([why, count]) => `${count} ${why}`);
      return visibleLine(`  ${metric} without a score: ${whys.join(', ')}`);
    }),
    ...(questionsLeftOut.length === 0
      ? []
      : [
          `  questions with fewer than ${definition.minCoherentAnswers} coherent answers, left out: ` +
            `${questionsLeftOut.length}; --min-coherent-answers 0 takes them in`,
        ]),
    ...(groups.groups.length < 2
      ? []
      : [
          '',
          `  ${pc.bold(visibleLine(`by ${groups.columns.join(', ')}`))}; the numbers above are of all groups together`,
          ...columns(groupRows(groups, names)),
          '',
          ...columns(contrastRows(groups)),
          ...singleSeedLines(groups),
          ...twoSeedLines(groups),
          ...unscoredSeedLines(groups),
        ]),
    '',
    ...columns(kindRows),
    '',
    ...(operators.length === 1 ? [] : [...columns(operators), `  exactly at a threshold: ${exactly}`, '']),
    ...columns(perQuestion),
    '',
    ...(validity === null ? [] : [...validityLines(validity), '']),
  ].join('\n');
}

function shareRow(label: string, found: ShareEstimate): string[] {
  const { rate, theseQuestions, questionsLikeThese, count, denominator } = found;
  const ranges = [interval(theseQuestions, 100), interval(questionsLikeThese, 100)];
  return [label, share(rate), ...ranges, `${count} of ${denominator}`];
}
