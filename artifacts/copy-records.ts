/**
 * Records on their way into another store. They are what changes in a store, so what the target has is never lost: lines are
 * added to lines, and the record of an experiment is put where there is none.
 */
import { artifactRef } from './reference';
import { documentOrNull } from './documents';
import type { RecordFolder, Store } from './store';
import { z } from 'zod';

export interface StoredRecord {
  folder: CopiedFolder;
  name: string;
  text: string;
}

/** In the order in which they are copied. Not among them are permits: who owns the copy says anew what may run there. */
const FOLDERS = ['experiments', 'spending', 'claims', 'healed'] as const satisfies RecordFolder[];
export type CopiedFolder = (typeof FOLDERS)[number];

/** By the names of files, experiments first; lines of a record may lie in files of their own (s3/records.ts). */
export function recordsAmong(uris: Iterable<string>): { folder: CopiedFolder; name: string }[] {
  const found = new Map<string, { folder: CopiedFolder; name: string }>();
  for (const uri of uris) {
    const [first, second = ''] = uri.split('/');
    const folder = FOLDERS.find((each) => each === first);
    const name = second.replace(/\.lines$/, '');
    if (folder !== undefined && name !== '') found.set(`${folder}/${name}`, { folder, name });
  }
  return [...found.values()].sort((one, other) => FOLDERS.indexOf(one.folder) - FOLDERS.indexOf(other.folder));
}

/** `conflict`: the target has the record of another plan, which stays unless `replace`. */
export async function copyRecord(
  target: Store | null,
  { folder, name, text }: StoredRecord,
  { replace, dryRun }: { replace: boolean; dryRun: boolean },
): Promise<'copied' | 'there' | 'conflict'> {
  const standing = (await target?.readRecord(folder, name)) ?? null;
  if (folder === 'experiments') {
    if (standing !== null && planIn(standing) === planIn(text)) return 'there';
    if (standing !== null && !replace) return 'conflict';
    if (!dryRun) await target?.writeRecord(folder, name, text);
    return 'copied';
  }
  const lacking = linesLacking(text, standing ?? '');
  if (lacking.length === 0) return 'there';
  if (!dryRun) await target?.appendRecord(folder, name, lacking.join('\n'));
  return 'copied';
}

const RECORD = z.looseObject({ plan: artifactRef });

function planIn(text: string): string {
  return documentOrNull<z.infer<typeof RECORD>>(text, RECORD)?.plan.sha256 ?? text;
}

/** Lines that are in `text` more often than in `standing`: equal ones may have come about separately. */
function linesLacking(text: string, standing: string): string[] {
  const there = new Map<string, number>();
  for (const line of wholeLines(standing)) there.set(line, (there.get(line) ?? 0) + 1);
  return wholeLines(text).filter((line) => {
    const left = there.get(line) ?? 0;
    there.set(line, left - 1);
    return left <= 0;
  });
}

function wholeLines(text: string): string[] {
  return text
    .split('\n')
    .slice(0, -1)
    .filter((line) => line !== '');
}
