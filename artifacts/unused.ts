/**
 * Which of a store's files nothing leads to, and how much the others take up. What leads to a file: a manifest, a record,
 * any small file of an attempt, and the documents that these lead to (a plan, and what it names).
 */
import pLimit from 'p-limit';
import { type Inventory, referencesIn, type StoredFile } from './inventory';
import { parseManifest } from './manifest';

const READS_AT_ONCE = 16;
/** Larger ones are read one after the other, so that memory suffices. */
const LARGE_BYTES = 64 << 20;

const STAGES = ['adapters', 'completions', 'judgements', 'measurements', 'handoffs'];

export interface Survey {
  files: StoredFile[];
  /** By URI: the stage that a file belongs to, or what else it is for. Absent: nothing leads to it. */
  purpose: Map<string, string>;
  /** Works with a manifest, by their folders: `adapters/KEY`. */
  committed: Set<string>;
}

export async function survey(inventory: Inventory): Promise<Survey> {
  const files: StoredFile[] = [];
  for await (const file of inventory.files()) files.push(file);
  const byUri = new Map(files.map((file) => [file.uri, file]));
  const purpose = new Map<string, string>();
  const committed = new Set<string>();
  const one = pLimit(1);
  const textOf = async (uri: string): Promise<string> => (await inventory.read(uri))?.toString('utf8') ?? '';
  /** Throws where one can not be read: what it leads to would count as unused. */
  const read = async (uri: string): Promise<string> => {
    const large = (byUri.get(uri)?.bytes ?? 0) > LARGE_BYTES;
    try {
      return await (large ? one(() => textOf(uri)) : textOf(uri));
    } catch (error) {
      const reason = (error as Error).message;
      throw new Error(`${uri} can not be read, so nobody knows what else is in use: ${reason}`, { cause: error });
    }
  };

  let frontier: [string, string][] = [];
  const lead = (uri: string, why: string): void => {
    const file = byUri.get(uri);
    if (file === undefined || purpose.has(uri)) return;
    purpose.set(uri, why);
    if (uri.endsWith('.json')) frontier.push([uri, why]);
  };
  const roots = files.filter(({ uri }) => !uri.startsWith('blobs/') && isDocument(uri));
  await pLimit(READS_AT_ONCE).map(roots, async ({ uri }) => {
    const text = await read(uri);
    const why = purposeOf(uri);
    for (const found of referencesIn(text)) lead(found, why);
    if (uri.endsWith('/manifest.json') && parseManifest(text) !== null)
      committed.add(uri.slice(0, -'/manifest.json'.length));
  });
  while (frontier.length > 0) {
    const documents = frontier;
    frontier = [];
    await pLimit(READS_AT_ONCE).map(documents, async ([uri, why]) => {
      for (const found of referencesIn(await read(uri))) lead(found, why);
    });
  }
  for (const { uri } of files) if (!purpose.has(uri) && !isLeftOver(uri, committed)) purpose.set(uri, purposeOf(uri));
  for (const { uri } of files) if (uri.startsWith('blobs/') && purpose.get(uri) === 'blobs') purpose.delete(uri);
  return { files, purpose, committed };
}

/** Files that nothing leads to and that are older than `minAgeMs`. */
export function unused({ files, purpose }: Survey, minAgeMs: number, now = Date.now()): StoredFile[] {
  return files.filter(({ uri, written }) => !purpose.has(uri) && now - written > minAgeMs);
}

function purposeOf(uri: string): string {
  const [first = ''] = uri.split('/');
  if (first === 'experiments') return 'plans and inputs';
  return uri.includes('/') ? first : 'store';
}

function isDocument(uri: string): boolean {
  const name = uri.slice(uri.lastIndexOf('/') + 1);
  return (
    name.endsWith('.json') || /^(experiments|spending|healed)\//.test(uri) || /\/attempts\/[^/]+\/files\//.test(uri)
  );
}

/** What work that is done, or a process that was killed, leaves behind. */
function isLeftOver(uri: string, committed: ReadonlySet<string>): boolean {
  const parts = uri.split('/');
  if (parts[0] === 'tmp' || /\/broken-[^/]+\.json$/.test(uri)) return true;
  if (!STAGES.includes(parts[0] as string)) return false;
  const work = [2, 3].map((length) => parts.slice(0, length).join('/')).find((folder) => committed.has(folder));
  // checkpoints, and copies of adapters that a program was given: of the local store in the attempt's folder, of object storage what
  // was synced
  return work !== undefined && /^\/(attempts\/[^/]+\/(checkpoints|\.loads)|synced)\//.test(uri.slice(work.length));
}
