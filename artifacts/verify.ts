/** Reads everything in a store that has a hash, and names what is not as it should be. */
import pLimit from 'p-limit';
import { fullReferencesIn, type Inventory } from './inventory';
import { parseManifest } from './manifest';

const READS_AT_ONCE = 8;

export interface Damage {
  uri: string;
  problem: 'missing' | 'other bytes' | 'unreadable';
  /** The manifest that leads to it; null for a file that was found by its own name. */
  of: string | null;
}

export interface Verified {
  files: number;
  bytes: number;
  manifests: number;
  damage: Damage[];
}

/** `progress` is told how many files were read. */
export async function verify(
  inventory: Inventory,
  progress: (files: number) => void = () => undefined,
): Promise<Verified> {
  /** What each file should be, and which manifest says so. */
  const expected = new Map<string, { sha256: string; of: string | null }>();
  const manifests: string[] = [];
  for await (const { uri } of inventory.files()) {
    const [, hash] = /^blobs\/[0-9a-f]{2}\/([0-9a-f]{64})(?:\.[\w.]+)?$/.exec(uri) ?? [];
    if (hash !== undefined) expected.set(uri, { sha256: hash, of: null });
    if (uri.endsWith('/manifest.json')) manifests.push(uri);
  }
  const damage: Damage[] = [];
  await pLimit(READS_AT_ONCE).map(manifests, async (uri) => {
    const text = (await inventory.read(uri))?.toString('utf8') ?? '';
    const manifest = parseManifest(text);
    // one that was put aside leaves a note in its place
    if (manifest === null && !text.includes('"putAside"')) damage.push({ uri, problem: 'unreadable', of: null });
    for (const { uri: file, sha256 } of fullReferencesIn(manifest)) expected.set(file, { sha256, of: uri });
  });
  let [files, bytes] = [0, 0];
  await pLimit(READS_AT_ONCE).map([...expected], async ([uri, { sha256, of }]) => {
    const found = await inventory.hash(uri);
    if (found === null) damage.push({ uri, problem: 'missing', of });
    else if (found.sha256 !== sha256) damage.push({ uri, problem: 'other bytes', of });
    files += 1;
    bytes += found?.bytes ?? 0;
    progress(files);
  });
  damage.sort((a, b) => (a.uri < b.uri ? -1 : 1));
  return { files, bytes, manifests: manifests.length, damage };
}
