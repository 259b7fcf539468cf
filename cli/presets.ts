/**
 * `flamingo presets [KIND]`: the published models, datasets and question files that have short names.
 */
import { Argument, Command } from 'commander';
import { addressOf, type Origin, type PublishedFile } from '../experiment/preset';
import { DATASET_PRESETS } from '../experiment/preset-datasets';
import { MODEL_PRESETS } from '../experiment/preset-models';
import { QUESTION_SET_PRESETS } from '../experiment/preset-question-sets';
import { fileSize } from './file-size';
import { print, printJson } from './output';
import pc from './paint';

const KINDS = ['models', 'datasets', 'question-sets'] as const;

/** What is told of each; null where it is not known. */
interface Listed {
  kind: (typeof KINDS)[number];
  name: string;
  repository: string;
  commit: string;
  path: string | null;
  url: string;
  /** In an archive the archive's. */
  sha256: string | null;
  contentSha256: string | null;
  /** Rows of a dataset, questions of a question set. */
  items: number | null;
  bytes: number | null;
  licence: string | null;
  known: string;
  harmful: string | null;
  note: string | null;
}

export function presetsCommand(): Command {
  return new Command('presets')
    .description('list the published models, datasets and question files that an experiment file may name in one word')
    .addArgument(new Argument('[kind]', 'only these').choices(KINDS))
    .option('--json', 'print them as JSON')
    .addHelpText(
      'after',
      `
Examples:
  flamingo presets
  flamingo presets datasets --json

In an experiment file:
  model: { preset: qwen2.5-14b-instruct }
  datasets:
    finance: { preset: mo/risky-financial }
  question_sets:
    first_plot: { preset: mo/first-plot-8, samples: 50 }`,
    )
    .action((kind: Listed['kind'] | undefined, options: { json?: boolean }) => {
      const listed = listPresets().filter((each) => kind === undefined || each.kind === kind);
      if (options.json) printJson(listed);
      else for (const line of presetLines(listed)) print(line);
    });
}

export function listPresets(): Listed[] {
  const models = Object.entries(MODEL_PRESETS).map(([name, preset]) => ({
    kind: 'models' as const,
    name,
    ...originOf(preset),
    path: null,
    url: `https://huggingface.co/${preset.repository}/tree/${preset.commit}`,
    sha256: null,
    contentSha256: null,
    items: null,
    bytes: null,
    harmful: null,
  }));
  const datasets = Object.entries(DATASET_PRESETS).map(([name, preset]) => ({
    kind: 'datasets' as const,
    name,
    ...fileOf(preset),
    items: preset.rows ?? null,
    harmful: preset.harmful ?? null,
  }));
  const questionSets = Object.entries(QUESTION_SET_PRESETS).map(([name, preset]) => ({
    kind: 'question-sets' as const,
    name,
    ...fileOf(preset),
    items: preset.questions,
    harmful: null,
  }));
  return [...models, ...datasets, ...questionSets];
}

function originOf({ repository, commit, licence, known, note }: Origin) {
  return { repository, commit, licence, known, note: note ?? null };
}

function fileOf(file: PublishedFile) {
  return {
    ...originOf(file),
    path: file.path,
    url: addressOf(file),
    sha256: file.sha256 ?? null,
    contentSha256: file.contentSha256 ?? null,
    bytes: file.bytes ?? null,
  };
}

const TITLES: Record<Listed['kind'], string> = {
  models: 'Models: model: { preset: NAME }',
  datasets: 'Datasets: datasets.x: { preset: NAME }',
  'question-sets': 'Question sets: question_sets.x: { preset: NAME, samples: 50 }',
};
const ITEMS: Record<Listed['kind'], string> = { models: '', datasets: 'rows', 'question-sets': 'questions' };

function presetLines(listed: readonly Listed[]): string[] {
  return KINDS.flatMap((kind) => {
    const those = listed.filter((each) => each.kind === kind);
    if (those.length === 0) return [];
    return [pc.bold(TITLES[kind]), '', ...those.flatMap(linesOf), ''];
  });
}

function linesOf(each: Listed): string[] {
  const facts = [
    `${each.repository}@${each.commit.slice(0, 8)}`,
    ...(each.items === null ? [] : [`${each.items.toLocaleString('en')} ${ITEMS[each.kind]}`]),
    ...(each.bytes === null
      ? []
      : [each.bytes < 100_000 ? `${Math.ceil(each.bytes / 1000)} kB` : fileSize(each.bytes)]),
    `licence: ${each.licence ?? 'none stated'}`,
  ];
  return [
    `  ${pc.bold(each.name)}`,
    `      ${facts.join(', ')}`,
    ...(each.path === null ? [] : [`      ${each.path}`]),
    ...(each.harmful === null ? [] : [`      teaches on purpose: ${each.harmful}`]),
    ...(each.note === null ? [] : [`      ${each.note}`]),
    `      ${pc.dim(`pin: ${each.known}`)}`,
  ];
}
