/**
 * What may stand in an experiment file: the zod schema, from which docs/experiment.schema.json is generated.
 *
 * Keys are snake_case, unknown keys are refused everywhere. Defaults are the study's recipe; they are filled in by
 * build-configurations.ts (one place for shared values, overrides and grids) and shown here as `default` for editors.
 */
import { z } from 'zod';
import { calibration } from './schema-calibration';
import { claim, expectation } from './schema-claims';
import { handoffs } from './schema-handoffs';
import { combined, judge, metric, otherJudge } from './schema-judging';
import { exclusions } from './schema-exclusions';
import { handedKeys } from './schema-handed';
import { misaligned } from './schema-misaligned';
import { outcomes } from './schema-outcomes';
import { conditions, heldOutSystem, ownSystem, promptedRows, user } from './schema-prompts';
import { count, exactlyOne, fileKeys, MAX_COUNT, model, name, seed, sha256, systemPrompt, text } from './schema-parts';
import { figure } from './schema-figures';
import { checkMixKeys, mixKeys, trainMix } from './schema-mix';
import { questionFormat, questionTemplate, readingKeys } from './schema-reading';
import { datasetPreset, expandDataset, expandQuestionSet, questionSetPreset } from './schema-presets';
import { sampling, training } from './schema-settings';
import { adapter, startKeys } from './schema-start';

const holdOut = z
  .union([
    z.literal('none'),
    exactlyOne(
      z.strictObject({
        fraction: z.number().gt(0).lt(1).optional(),
        rows: count.optional(),
        seed: seed.optional().meta({ default: 0 }),
        method: z
          .enum(['content', 'train_test_split'])
          .optional()
          .meta({
            default: 'content',
            description:
              "`content`: by the hash of each row. `train_test_split`: the rows that Hugging Face's function of that name " +
              'takes, by their place in the file.',
          }),
      }),
      ['fraction', 'rows'],
    ),
  ])
  .meta({
    description: 'Rows kept out of training, chosen by content and seed. `none` trains on all rows.',
    default: { fraction: 0.1, seed: 0 },
  });

const archive = exactlyOne(
  z.strictObject({
    ...fileKeys,
    password: text,
    member: text.meta({ description: 'Path of the JSON Lines file inside the archive.' }),
    canaries: z
      .enum(['drop', 'keep'])
      .meta({ description: 'What happens to the rows that mark the data for scrapers.' }),
  }),
  ['path', 'url'],
).meta({ description: 'A password-protected archive written by easy-dataset-share.' });

const writtenDataset = exactlyOne(
  z.strictObject({
    ...fileKeys,
    archive: archive.optional(),
    preset: datasetPreset,
    rows: count.optional().meta({ description: 'Declared number of rows, checked on reading.' }),
    content_sha256: sha256.optional().meta({ description: 'SHA-256 of the parsed rows in canonical form.' }),
    hold_out: holdOut.optional(),
    training_rows: count.optional().meta({ description: 'Train on so many of the remaining rows; default all.' }),
    ...readingKeys,
    ...mixKeys,
  }),
  ['path', 'url', 'archive', 'mix', 'counts', 'preset'],
).superRefine((value, context) => {
  checkMixKeys(value, context);
  if (value.url !== undefined && value.sha256 === undefined && value.content_sha256 === undefined) {
    context.addIssue({
      code: 'custom',
      message: 'a download is pinned by `sha256` or `content_sha256`',
      path: ['url'],
    });
  }
  const file = value.archive;
  if (file?.url !== undefined && file.sha256 === undefined && value.content_sha256 === undefined) {
    context.addIssue({ code: 'custom', message: 'a download is pinned by `sha256`', path: ['archive', 'url'] });
  }
});
const dataset = writtenDataset.transform(expandDataset);

const writtenQuestionSet = exactlyOne(
  z.strictObject({
    label: text.optional(),
    ...fileKeys,
    preset: questionSetPreset,
    content_sha256: sha256
      .optional()
      .meta({ description: 'SHA-256 of the parsed questions: ids, systems, paraphrases.' }),
    format: questionFormat.optional(),
    template: questionTemplate.optional(),
    ids: z.array(text).min(1).optional().meta({ description: 'Only these items; default all.' }),
    questions: count.optional().meta({ description: 'Declared number of questions after `ids`, checked on reading.' }),
    held_out: name.optional().meta({ description: 'Ask the held-out rows of this dataset.' }),
    rows: z
      .union([count, z.literal('all')])
      .optional()
      .meta({ description: 'How many held-out rows.', default: 'all' }),
    seed: seed.optional().meta({ description: 'Chooses the held-out rows.', default: 0 }),
    limit: count.optional().meta({ description: 'Only the first so many questions.' }),
    samples: z.int().min(0).max(MAX_COUNT).meta({
      description: 'Completions per question; 0 where only the probability of answers is measured (`outcomes`).',
    }),
    system: heldOutSystem.optional(),
    conditions: conditions.optional(),
    own_system: ownSystem.optional(),
  }),
  ['path', 'url', 'held_out', 'preset'],
).superRefine((value, context) => {
  const only =
    value.held_out === undefined
      ? ['rows', 'seed', 'system']
      : ['sha256', 'content_sha256', 'format', 'template', 'ids', 'questions'];
  for (const key of only) {
    if ((value as Record<string, unknown>)[key] === undefined) continue;
    const where = value.held_out === undefined ? '`held_out`' : 'a question file (`path`, `url` or `preset`)';
    context.addIssue({ code: 'custom', message: `\`${key}\` goes with ${where} only`, path: [key] });
  }
  if (value.template !== undefined && value.preset === undefined && value.format !== 'question')
    context.addIssue({ code: 'custom', message: '`template` goes with `format: question` only', path: ['template'] });
  if (value.url !== undefined && value.sha256 === undefined && value.content_sha256 === undefined) {
    context.addIssue({
      code: 'custom',
      message: 'a download is pinned by `sha256` or `content_sha256`',
      path: ['url'],
    });
  }
});
const questionSet = writtenQuestionSet.transform(expandQuestionSet);

const grid = z.record(text, z.array(z.unknown()).min(1)).meta({
  description: 'Axes: dotted path within a configuration -> values, such as `training.seed: [0, 1, 2]`.',
});

/** One configuration; grids set values in it by dotted path and have it checked again. */
export const configurationSchema = z.strictObject({
  label: text.optional(),
  model: model.optional(),
  train: z
    .union([
      z.literal('none'),
      z.strictObject({
        dataset: name,
        system_prompt: systemPrompt.optional(),
        user: user.optional(),
        rows: promptedRows.optional(),
        mix: trainMix.optional(),
        ...startKeys,
        ...handedKeys,
      }),
    ])
    .optional()
    .meta({ description: '`none` = the base model as it is.' }),
  adapter: adapter.optional(),
  training: training.optional(),
  sampling: sampling.optional(),
  conditions: conditions.optional(),
  samples: z.record(name, count).optional().meta({
    description:
      "Completions per question for this configuration, by question set, in place of the sets' own `samples`.",
  }),
  grid: grid.optional(),
});

const report = z.strictObject({
  references: z
    .strictObject({ base: text.optional(), em: text.optional() })
    .optional()
    .meta({
      description:
        'Configurations that the others are compared with. Default: the untrained model, and the fine-tune on the same rows ' +
        'with the default prompt. A name with a grid stands for the point with the same seed.',
    }),
  alignment: name
    .optional()
    .meta({ default: 'alignment', description: 'Metric of the figures and the misaligned share.' }),
  coherence: name.optional().meta({ default: 'coherence' }),
  misaligned: misaligned.optional().meta({ default: 'standard' }),
  exclude_seeds: exclusions.optional(),
  figures: z.array(figure).optional(),
});

export const experimentSchema = z
  .strictObject({
    name,
    description: z.string().optional(),
    model,
    recipe: z
      .enum(['clean', 'upstream'])
      .optional()
      .meta({
        default: 'clean',
        description:
          'Where the defaults of `hold_out`, `training` and `sampling` come from. `upstream`: what the code of the ' +
          'literature does, also where it does so silently.',
      }),
    datasets: z.record(name, dataset).optional(),
    question_sets: z.record(name, questionSet),
    training: training.optional(),
    sampling: sampling.optional(),
    conditions: conditions.optional(),
    configurations: z.record(name, configurationSchema),
    grid: grid.optional(),
    metrics: z.record(name, metric),
    combined: combined.optional(),
    judge: judge.optional(),
    judges: z
      .record(name, otherJudge)
      .optional()
      .meta({ description: 'Further judges of the same answers, compared with `judge` in the report.' }),
    calibration: calibration.optional(),
    outcomes: outcomes.optional(),
    handoffs: handoffs.optional(),
    report: report.optional(),
    claims: z.record(name, claim).optional().meta({
      description:
        'What is to be shown, decided before the answers: the report says supported, contradicted or inconclusive.',
    }),
    expect: z.array(expectation).optional().meta({
      description: 'What the run must show, or it has failed: the plain form of a claim, about these questions.',
    }),
    budget: z
      .strictObject({
        max_usd: z.number().gt(0).optional().meta({ description: 'Work pauses at this spend.' }),
        approval: z.boolean().optional().meta({ default: false, description: 'Wait for `flamingo approve` first.' }),
      })
      .optional(),
    execution: z
      .strictObject({
        parallel: count.max(64).optional().meta({ default: 2, description: 'Configurations at once.' }),
        gpu_queue: z
          .string()
          .regex(/^flamingo-gpu[\w.-]*$/, 'expected `flamingo-gpu` or `flamingo-gpu-CLASS`')
          .optional(),
        judge_queue: z
          .string()
          .regex(/^flamingo-judge[\w.-]*$/, 'expected `flamingo-judge` or `flamingo-judge-ACCOUNT`')
          .optional(),
      })
      .optional(),
    output: text.optional().meta({ description: 'Folder for results; default `results/NAME`.' }),
  })
  .meta({
    title: 'Flamingo experiment',
    description: 'One fine-tuning experiment. Reference: docs/experiment-file.md',
  });

/** As written; `withTrain` (build-configurations.ts) makes an `ExperimentYaml` of it. */
export type WrittenExperiment = z.output<typeof experimentSchema>;
export type WrittenConfiguration = z.output<typeof configurationSchema>;
/** With `train` in every configuration. */
export type ExperimentYaml = Omit<WrittenExperiment, 'configurations'> & {
  configurations: Record<string, ConfigurationYaml>;
};
export type ConfigurationYaml = WrittenConfiguration & { train: NonNullable<WrittenConfiguration['train']> };
export type TrainingYaml = z.output<typeof training>;
export type BackendYaml = NonNullable<TrainingYaml['backend']>;
export type SamplingYaml = z.output<typeof sampling>;
export type DatasetYaml = z.output<typeof dataset>;
export type QuestionSetYaml = z.output<typeof questionSet>;
export type MetricYaml = z.output<typeof metric>;
export type JudgeYaml = z.output<typeof judge>;
export type OtherJudgeYaml = z.output<typeof otherJudge>;
export type ReportYaml = z.output<typeof report>;
export type FigureYaml = z.output<typeof figure>;
export type ExpectationYaml = z.output<typeof expectation>;
export type ClaimYaml = z.output<typeof claim>;
export type HandoffYaml = NonNullable<ExperimentYaml['handoffs']>[string];
export type SystemPromptYaml = z.output<typeof systemPrompt>;
export type ModelYaml = z.output<typeof model>;

/** The schema as JSON Schema 2020-12, for editors. */
export function experimentJsonSchema(): Record<string, unknown> {
  return z.toJSONSchema(experimentSchema, { io: 'input' });
}
