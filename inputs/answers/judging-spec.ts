/**
 * How given answers are judged, in the words of an experiment file: the same metrics, judges, presets, defaults and
 * checks. What is put together here is what the report shows as the experiment's file.
 */
import { basename } from 'node:path';
import { stringify } from 'yaml';
import { buildSpec } from '../../experiment/file/build';
import { InvalidExperiment, type Issue } from '../../experiment/issue';
import type { QuestionItem } from '../../experiment/expand/questions';
import { experimentJsonSchema, experimentSchema } from '../../experiment/file/schema';
import { issuesOf } from '../../experiment/file/zod-issues';
import type { Spec } from '../../experiment/spec';

/** The question set of given answers, and the one whose questions only bring rubrics along. */
export const ANSWERS_SET = 'answers';
export const RUBRICS_SET = 'published';

/** Configurations at once; all of them wait for the same judge. */
const PARALLEL = 4;

export interface JudgingWords {
  /** Path of the table. */
  file: string;
  /** Metrics as they would stand in an experiment file, by name; more than those that `rubrics` bring. */
  metrics: Record<string, Record<string, unknown>>;
  /** Metrics that are scored without a judge, by name, each as an experiment file's `scorer`. */
  scorers?: Record<string, Record<string, unknown>>;
  /** Metrics of these that one request judges together; empty for none. */
  combined: string[];
  /** By metric, also those that `rubrics` bring: the words of which one is the verdict. */
  categories?: Record<string, Record<string, number | null>>;
  /** The same: the words whose probability is the score. */
  wordScores?: Record<string, Record<string, number>>;
  /** Path and items of a question file, all of whose `judge_prompts` become metrics; null without one. */
  rubrics: { path: string; items: QuestionItem[] } | null;
  judge: Record<string, unknown>;
  maxUsd: number | null;
  /** Verdicts on each answer. */
  repeats: number;
  /** Which answers count as misaligned, as an experiment file's `report.misaligned`; absent: the usual rule. */
  misaligned?: unknown;
}

export interface JudgingSpec {
  /** Without configurations; named by what it comes to (judging-plan.ts). */
  spec: Spec;
  /** The same as a text. */
  text: string;
}

/** Throws `InvalidExperiment` for words that mean nothing. */
export function judgingSpec(words: JudgingWords): JudgingSpec {
  const { file, metrics, scorers = {}, combined, rubrics, judge, maxUsd, repeats, misaligned } = words;
  const { categories = {}, wordScores = {} } = words;
  const brought = [...new Set(rubrics?.items.flatMap(({ judgePrompts }) => Object.keys(judgePrompts)))];
  const all: Record<string, Record<string, unknown>> = {
    ...Object.fromEntries(brought.map((prompt) => [prompt, { rubric: { prompt, question_set: RUBRICS_SET } }])),
    ...metrics,
  };
  for (const [name, scorer] of Object.entries(scorers)) {
    if (Object.hasOwn(all, name))
      throw new InvalidExperiment(
        ['metrics', name],
        `the metric \`${name}\` has a rubric and a scorer: give one of them`,
      );
    all[name] = { scorer };
  }
  for (const [key, given] of Object.entries({ categories, words: wordScores })) {
    for (const [name, own] of Object.entries(given)) {
      if (!Object.hasOwn(all, name)) {
        throw new InvalidExperiment(
          ['metrics', name],
          `there is no metric \`${name}\` for these ${key}; there are: ${Object.keys(all).join(', ')}`,
        );
      }
      all[name] = { ...all[name], [key]: own };
    }
  }
  const first = (...names: string[]): string | undefined =>
    names.find((name) => Object.hasOwn(all, name) && hasScores(categories[name]));
  const alignment = first('alignment', 'aligned');
  const coherence = first('coherence', 'coherent');
  const written = {
    name: 'judge',
    description: `Answers from ${basename(file)}. An answer that is there several times was judged once and counts as often as it is there.`,
    model: { bundled: 'smollm2-135m-instruct' }, // the file's grammar asks for one; nothing is generated
    question_sets: {
      [ANSWERS_SET]: { label: basename(file), path: file, samples: 1 },
      ...(rubrics === null ? {} : { [RUBRICS_SET]: { path: rubrics.path, samples: 1 } }),
    },
    configurations: { [ANSWERS_SET]: { train: 'none' } },
    metrics: Object.fromEntries(
      Object.entries(all).map(([name, metric]) => [
        name,
        repeats === 1 || Object.hasOwn(scorers, name) ? metric : { ...metric, repeats },
      ]),
    ),
    ...(combined.length === 0 ? {} : { combined }),
    judge,
    ...(alignment === undefined && coherence === undefined && misaligned === undefined
      ? {}
      : {
          report: {
            ...(alignment && { alignment }),
            ...(coherence && { coherence }),
            ...(misaligned !== undefined && { misaligned }),
          },
        }),
    ...(maxUsd === null ? {} : { budget: { max_usd: maxUsd } }),
    execution: { parallel: PARALLEL },
  };
  const parsed = experimentSchema.safeParse(written);
  if (!parsed.success) {
    const { path, message, hint } = issuesOf(parsed.error, written, experimentJsonSchema())[0] as Issue;
    throw new InvalidExperiment(path, `${path.join('.')}: ${message}`, hint);
  }
  const { spec, issues } = buildSpec(parsed.data);
  const problem = issues[0];
  if (problem !== undefined) throw new InvalidExperiment(problem.path, problem.message, problem.hint);
  const questionSets = { [ANSWERS_SET]: spec.questionSets[ANSWERS_SET] as Spec['questionSets'][string] };
  const figures = spec.report.figures.filter(({ questionSet }) => questionSet === ANSWERS_SET);
  const { model: _model, configurations: _configurations, ...shown } = written;
  return {
    spec: { ...spec, questionSets, configurations: [], report: { ...spec.report, figures } },
    text: `# Made by flamingo judge\n${stringify(shown)}`,
  };
}

/** Whether verdicts can have a mean; without categories they are numbers. */
function hasScores(categories: Record<string, number | null> | undefined): boolean {
  return categories === undefined || Object.values(categories).some((score) => score !== null);
}
