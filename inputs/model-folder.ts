/**
 * The identity of a local model folder: the hash of its weight, configuration and tokenizer files.
 *
 * Hashing 28 GB takes a minute, so each file's hash is remembered by path, size and time of change.
 */
import { mkdir, readdir, readFile, realpath, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { hashFile } from '../artifacts/hash-file';
import { keyOf, type Sha256 } from '../experiment/canonical';
import { reason, UnreadableInput } from './files';

const PARTS = /\.(safetensors|json|txt|model|jinja)$/;

interface Remembered {
  size: number;
  changed: number;
  sha256: Sha256;
}

/** SHA-256 over the names and hashes of the folder's files, in name order. Throws `UnreadableInput`. */
export async function hashModelFolder(folder: string, cacheFolder: string): Promise<Sha256> {
  let names: string[];
  try {
    names = (await readdir(folder)).filter((name) => PARTS.test(name)).sort();
  } catch (error) {
    throw new UnreadableInput(`${folder}: ${reason(error)}`);
  }
  if (!names.includes('config.json')) throw new UnreadableInput(`${folder}: not a model folder, it has no config.json`);
  if (!names.some((name) => name.endsWith('.safetensors')))
    throw new UnreadableInput(`${folder}: it has no .safetensors weights`);
  const memory = join(cacheFolder, 'model-folders.json');
  const known = await remembered(memory);
  const files: { name: string; sha256: Sha256 }[] = [];
  for (const name of names) {
    const path = await realpath(join(folder, name));
    const { size, mtimeMs: changed } = await stat(path);
    const before = known[path];
    const sha256 = before?.size === size && before.changed === changed ? before.sha256 : await hashFile(path);
    known[path] = { size, changed, sha256 };
    files.push({ name, sha256 });
  }
  await remember(memory, known);
  return keyOf(files);
}

async function remembered(path: string): Promise<Record<string, Remembered>> {
  try {
    return JSON.parse(await readFile(path, 'utf8')) as Record<string, Remembered>;
  } catch {
    return {}; // absent or torn: hashed anew
  }
}

async function remember(path: string, known: Record<string, Remembered>): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, JSON.stringify(known));
}
