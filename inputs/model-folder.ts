/**
 * The identity of a local model folder: the hash of its weight, configuration and tokenizer files.
 *
 * Hashing 28 GB takes a minute, so each file's hash is remembered by path, size, inode and times of change. One of them is
 * the inode's own (ctime), which the system sets whenever a file is written or its other time is set: a file that was
 * changed and given its old time back is hashed again.
 */
import { mkdir, opendir, readFile, realpath, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { hashFile } from '../artifacts/hash-file';
import { keyOf, type Sha256 } from '../experiment/canonical';
import { openRegular } from '../artifacts/regular-file';
import { inBytes, reason, UnreadableInput } from './files';
import { MAX_MODEL_FILES, MAX_MODEL_TEXT_BYTES, MAX_SAFETENSORS_HEADER_BYTES } from './limits';

const PARTS = /\.(safetensors|json|txt|model|jinja)$/;

/** Whether a file of that name, in a model's folder, makes the model what it is. */
export function isModelFile(name: string): boolean {
  return PARTS.test(name);
}

interface Remembered {
  /** Size, inode and times: while they are the same, the content is. */
  trace: string;
  sha256: Sha256;
}

/** SHA-256 over the names and hashes of the folder's files, in name order. Throws `UnreadableInput`. */
export async function hashModelFolder(folder: string, cacheFolder: string): Promise<Sha256> {
  return keyOf(await hashModelFiles(folder, cacheFolder));
}

/** The SHA-256 of each of the folder's files that make the model what it is, in name order. Throws `UnreadableInput`. */
export async function hashModelFiles(folder: string, cacheFolder: string): Promise<{ name: string; sha256: Sha256 }[]> {
  const names: string[] = [];
  try {
    for await (const { name } of await opendir(folder)) {
      if (isModelFile(name)) names.push(name);
      if (names.length > MAX_MODEL_FILES) throw new Error(`it has more than ${MAX_MODEL_FILES} files of a model`);
    }
    names.sort();
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
    const trace = await checked(path, join(folder, name));
    const before = known[path];
    const sha256 = before?.trace === trace ? before.sha256 : await hashFile(path);
    known[path] = { trace, sha256 };
    files.push({ name, sha256 });
  }
  await remember(memory, known);
  return files;
}

/** The file's trace. Refuses one that a loader would drown in. */
async function checked(path: string, label: string): Promise<string> {
  const refuse = (why: string): never => {
    throw new UnreadableInput(`${label}: ${why}`);
  };
  const file = await openRegular(path).catch((error: unknown) => refuse(reason(error)));
  try {
    const { size, mtimeMs, ctimeMs, ino, dev } = await file.stat();
    const trace = [size, mtimeMs, ctimeMs, ino, dev].join(' ');
    if (!path.endsWith('.safetensors') && !label.endsWith('.safetensors')) {
      if (size > MAX_MODEL_TEXT_BYTES) refuse(`it is larger than ${inBytes(MAX_MODEL_TEXT_BYTES)}, which is the limit`);
      return trace;
    }
    const { bytesRead, buffer } = await file.read(Buffer.alloc(8), 0, 8, 0);
    const header = bytesRead === 8 ? Number(buffer.readBigUInt64LE()) : Infinity;
    if (header > MAX_SAFETENSORS_HEADER_BYTES || header > size - 8)
      refuse('no safetensors file: its header can not be');
    return trace;
  } finally {
    await file.close();
  }
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
