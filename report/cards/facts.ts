/**
 * What the cards of published repositories are made of: the stored plan, and what the report in the results folder says.
 */
import { z } from 'zod';
import type { StoredPlan } from '../../artifacts/plans';
import { canonicalJson } from '../../experiment/canonical';
import { partsWithRows } from '../../experiment/expand/mix';
import type { DatasetPreset } from '../../experiment/preset-datasets';
import { DATASET_PRESETS } from '../../experiment/preset-datasets';
import { ownValue } from '../../experiment/records';
import type { AdapterSpec, DatasetSpec, Spec, TrainSpec } from '../../experiment/spec';

const interval = z.looseObject({ range: z.tuple([z.number(), z.number()]).nullable() });
const intervals = { theseQuestions: interval, questionsLikeThese: interval };

/** As much of report.json as is needed. */
export const REPORT = z.looseObject({
  version: z.literal(3),
  experiment: z.string(),
  /** Key of the plan that it is the report of. */
  plan: z.string(),
  smoke: z.boolean(),
  /** Null where every metric has a scorer. */
  judge: z.looseObject({ kind: z.string(), model: z.string(), standIn: z.boolean() }).nullable(),
  misaligned: z.looseObject({ description: z.string().nullable() }),
  cells: z.array(
    z.looseObject({
      cell: z.string(),
      configuration: z.string(),
      questionSet: z.string(),
      condition: z.string(),
      completions: z.looseObject({ expected: z.number(), present: z.number() }),
      metrics: z.array(
        z.looseObject({
          metric: z.string(),
          estimate: z.looseObject({ mean: z.number().nullable(), n: z.number(), ...intervals }),
          counts: z.looseObject({ missing: z.number() }),
        }),
      ),
      misaligned: z.looseObject({ rate: z.number().nullable(), denominator: z.number(), ...intervals }).nullable(),
    }),
  ),
  deviations: z.array(z.looseObject({ topic: z.string(), published: z.string(), here: z.string() })),
});
export type PublishedReport = z.output<typeof REPORT>;
export type PublishedCell = PublishedReport['cells'][number];

export interface CardFacts {
  stored: StoredPlan;
  report: PublishedReport;
  /** Of the Flamingo that built the report, such as `0.1.0 (commit …)`. */
  version: string;
  /** For the cards' metadata, as the publisher states it; null: none is stated. */
  licence: string | null;
}

/** All answers there, and all verdicts that were asked for. */
export function isComplete({ completions, metrics }: PublishedCell): boolean {
  return completions.present === completions.expected && metrics.every(({ counts }) => counts.missing === 0);
}

export interface DataFacts {
  /** The file's name of the dataset, or what an adapter from elsewhere is called. */
  name: string;
  /** Where it comes from and by what it is pinned. */
  origin: string;
  /** What it teaches on purpose that a model should not do; null where that is not known. */
  harmful: string | null;
}

/**
 * The datasets that a configuration trains on or is given, after those of the fine-tunes that it starts from and loads; of a mix all
 * parts that give it rows. An adapter from elsewhere stands for data that is not known.
 */
export function dataOf(spec: Spec, configuration: string): DataFacts[] {
  const found = spec.configurations.find(({ name }) => name === configuration);
  if (found?.adapter !== undefined) return [unknownData(found.adapter)];
  const train = found?.train ?? null;
  if (train === null) return [];
  const names = [...(found?.start === undefined ? [] : [found.start]), ...(found?.loads ?? [])].map(({ from }) => from);
  const all = [...names.flatMap((name) => dataOf(spec, name)), ...ownData(spec, train)];
  return [...new Map(all.map((data) => [canonicalJson(data), data])).values()];
}

function unknownData(adapter: AdapterSpec): DataFacts {
  const place =
    adapter.kind === 'hub'
      ? `<https://huggingface.co/${adapter.id}>, revision \`${adapter.revision}\``
      : 'a folder of the machine that ran this';
  return {
    name: adapter.kind === 'hub' ? adapter.id : 'a local adapter',
    origin: `an adapter from elsewhere; what it was trained on is not known here: ${place}, SHA-256 of its weights \`${adapter.sha256}\``,
    harmful: null,
  };
}

function ownData(spec: Spec, train: TrainSpec): DataFacts[] {
  const given = [train, ...Object.values(train.further ?? {})];
  const names = [...new Set(given.flatMap(({ dataset, mix }) => (mix === undefined ? [dataset] : partsWithRows(mix))))];
  return names.map((name) => {
    const dataset = ownValue(spec.datasets, name);
    if (dataset === undefined) return { name, origin: 'see the experiment file', harmful: null };
    const preset = presetOf(dataset);
    return { name, origin: originOf(dataset, preset), harmful: preset?.harmful ?? null };
  });
}

/** The published data that a dataset is, by its pins. */
function presetOf({ source, contentSha256 }: DatasetSpec): DatasetPreset | null {
  const bytes = source.kind === 'url' ? source.sha256 : null;
  const found = Object.values(DATASET_PRESETS).find(
    (preset) =>
      (contentSha256 !== null && preset.contentSha256 === contentSha256) || (bytes !== null && preset.sha256 === bytes),
  );
  return found ?? null;
}

function originOf({ source, contentSha256 }: DatasetSpec, preset: DatasetPreset | null): string {
  const file = source.kind === 'archive' ? source.file : source;
  const member = source.kind === 'archive' ? `\`${source.member}\` of ` : '';
  const place = file.kind === 'url' ? `${member}<${file.url}>` : `${member}a local file`;
  const pin = contentSha256 ?? (file.kind === 'url' ? file.sha256 : null);
  const published =
    preset === null ? '' : `; published in ${preset.repository}, licence: ${preset.licence ?? 'none stated'}`;
  return `${place}${pin === null ? '' : `, SHA-256 \`${pin}\``}${published}`;
}
