/**
 * Presets in the file become what they stand for while the file is checked, so that everything behind the schema sees the
 * pins as if they had been written out. What the author writes besides is kept; what contradicts a pin is refused.
 */
import { z } from 'zod';
import { suggestion } from '../issue';
import { addressOf } from '../preset';
import { DATASET_PRESETS } from '../preset-datasets';
import { MODEL_PRESETS } from '../preset-models';
import { QUESTION_SET_PRESETS } from '../preset-question-sets';
import { ownValue } from '../records';

type Context = Pick<z.core.$RefinementCtx, 'addIssue'>;

/** The key `preset` of an object; `kind` is what messages call it. */
function presetKey(kind: string, table: Readonly<Record<string, unknown>>) {
  const names = Object.keys(table);
  return z
    .string()
    .superRefine((word, context) => {
      if (names.includes(word)) return;
      context.addIssue({
        code: 'custom',
        message: `there is no preset \`${word}\` of a ${kind}`,
        params: { hint: `${suggestion(word, names)} (\`flamingo presets\` lists them)` },
      });
    })
    .optional()
    .meta({ enum: names, description: `A published ${kind} by its short name; \`flamingo presets\` lists them.` });
}

export const modelPreset = presetKey('model', MODEL_PRESETS);
export const datasetPreset = presetKey('dataset', DATASET_PRESETS);
export const questionSetPreset = presetKey('question set', QUESTION_SET_PRESETS);

/** `written` with the preset's pins; an issue for each key that is written and says something else. */
function pinned<T extends object>(name: string, written: T, pins: Partial<T>, context: Context): T {
  for (const [key, pin] of Object.entries(pins)) {
    const own = ownValue(written as Record<string, unknown>, key);
    if (own === undefined || pin === undefined || JSON.stringify(own) === JSON.stringify(pin)) continue;
    const shown = typeof pin === 'string' || typeof pin === 'number' ? `\`${pin}\`` : 'others';
    context.addIssue({
      code: 'custom',
      message: `\`${key}\` contradicts the preset \`${name}\`, which has ${shown}`,
      params: { hint: `leave \`${key}\` out, or write the source out instead of \`preset\`` },
      path: [key],
    });
  }
  const given = Object.entries(pins).filter(([, pin]) => pin !== undefined);
  return { ...written, ...(Object.fromEntries(given) as Partial<T>) };
}

interface ModelKeys {
  preset?: string | undefined;
  hub?: string | undefined;
  revision?: string | undefined;
}

export function expandModel<T extends ModelKeys>({ preset, ...written }: T, context: Context): Omit<T, 'preset'> {
  const found = preset === undefined ? undefined : ownValue(MODEL_PRESETS, preset);
  if (preset === undefined || found === undefined) return written;
  return pinned<ModelKeys>(preset, written, { hub: found.repository, revision: found.commit }, context) as Omit<
    T,
    'preset'
  >;
}

interface FileKeys {
  preset?: string | undefined;
  url?: string | undefined;
  sha256?: string | undefined;
  content_sha256?: string | undefined;
}

interface DatasetKeys extends FileKeys {
  fields?: 'ignore' | 'keep' | undefined;
  rows?: number | undefined;
  archive?: object | undefined;
}

export function expandDataset<T extends DatasetKeys>({ preset, ...written }: T, context: Context): Omit<T, 'preset'> {
  const found = preset === undefined ? undefined : ownValue(DATASET_PRESETS, preset);
  if (preset === undefined || found === undefined) return written;
  const url = addressOf(found);
  const { sha256, contentSha256, rows, archive } = found;
  const source: DatasetKeys = archive === undefined ? { url, sha256 } : { archive: { url, sha256, ...archive } };
  const pins: DatasetKeys = { ...source, content_sha256: contentSha256, rows };
  const reading: DatasetKeys = found.fields === undefined ? {} : { fields: found.fields };
  return pinned<DatasetKeys>(preset, { ...reading, ...written }, pins, context) as Omit<T, 'preset'>;
}

interface QuestionSetKeys extends FileKeys {
  format?: string | undefined;
  template?: string | undefined;
  ids?: readonly string[] | undefined;
  questions?: number | undefined;
}

export function expandQuestionSet<T extends QuestionSetKeys>(
  { preset, ...written }: T,
  context: Context,
): Omit<T, 'preset'> {
  const found = preset === undefined ? undefined : ownValue(QUESTION_SET_PRESETS, preset);
  if (preset === undefined || found === undefined) return written;
  if (written.template !== undefined && found.format !== 'question')
    context.addIssue({ code: 'custom', message: '`template` goes with `format: question` only', path: ['template'] });
  const { sha256, contentSha256, format, template, ids, questions } = found;
  const pins: QuestionSetKeys = { url: addressOf(found), sha256, content_sha256: contentSha256, format, template };
  // The preset's number is that of all its questions; whoever takes some of them counts anew.
  const counted = ids === undefined && written.ids !== undefined ? {} : { ids, questions };
  return pinned<QuestionSetKeys>(preset, written, { ...pins, ...counted }, context) as Omit<T, 'preset'>;
}
