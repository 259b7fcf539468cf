/**
 * A file that says which answers count as misaligned, for commands that read tables: what stands under `report.misaligned` of an
 * experiment file by itself, or an experiment file.
 */
import { z } from 'zod';
import { formatProblems } from '../experiment/file/parse';
import { misalignedRule } from '../experiment/file/build-misaligned';
import { misalignedForm, type MisalignedYaml } from '../experiment/file/schema-misaligned';
import { placesIn, readYaml } from '../experiment/file/yaml';
import { issuesOf } from '../experiment/file/zod-issues';
import type { Path } from '../experiment/issue';
import type { MisalignedRule } from '../experiment/spec';
import { UnreadableInput } from './files';
import { MAX_EXPERIMENT_BYTES } from './limits';
import { readText } from './text';

export interface MisalignedFile {
  /** As the file has it. */
  written: MisalignedYaml;
  /** `metrics` that are called alignment and coherence are so. */
  rule: MisalignedRule;
  /** What is wrong with a part of it, with FILE:LINE:COLUMN. `path` begins at the rule. */
  problem(path: Path, message: string, hint?: string): UnreadableInput;
}

/** Throws `UnreadableInput` with FILE:LINE:COLUMN. */
export async function readMisalignedFile(path: string): Promise<MisalignedFile> {
  const text = await readText(path, MAX_EXPERIMENT_BYTES, { packed: true });
  const lines = text.split('\n');
  const at = (offset: number, message: string, hint?: string): UnreadableInput => {
    const place = placesIn(text)(offset);
    const sourceLine = (lines[place.line - 1] ?? '').replace(/\r$/, '');
    return new UnreadableInput(formatProblems([{ file: path, ...place, message, hint: hint ?? null, sourceLine }]));
  };
  const yaml = readYaml(text);
  if (!yaml.ok) throw yaml.faults.map(({ offset, message, hint }) => at(offset, message, hint))[0] as UnreadableInput;
  const report = memberOf(yaml.value, 'report');
  const inside: Path = report === undefined ? [] : ['report', 'misaligned'];
  const value = report === undefined ? yaml.value : memberOf(report, 'misaligned');
  if (value === undefined || value === null) {
    const hint =
      'write what `report.misaligned` of an experiment file says, such as `where: { owl: { at_least: 50 } }`';
    throw at(yaml.offsetOf(inside), 'nothing here says what is misaligned', hint);
  }
  const problem = (part: Path, message: string, hint?: string): UnreadableInput =>
    at(yaml.offsetOf([...inside, ...part]), message, hint);
  const form = misalignedForm(value);
  const read = form.safeParse(value);
  if (read.success) {
    const { data } = read;
    return { written: data, rule: misalignedRule(data, { alignment: 'alignment', coherence: 'coherence' }), problem };
  }
  const [issue] = issuesOf(read.error, value, z.toJSONSchema(form, { io: 'input' }));
  throw problem(issue?.path ?? [], issue?.message ?? 'not a rule', issue?.hint);
}

function memberOf(value: unknown, key: string): unknown {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, key)
    ? (value as Record<string, unknown>)[key]
    : undefined;
}
