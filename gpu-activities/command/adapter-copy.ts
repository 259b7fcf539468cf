/** A stored adapter, or a whole model in its place, as a program of the experiment's own gets it. */
import { constants } from 'node:fs';
import { cp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/**
 * A copy, because the program may write into it, and the store's files are nobody's to change. Its settings name `base`, the folder
 * of the base model on this host, so that programs find it which load an adapter by itself. Returns `to`.
 */
export async function copyForProgram(folder: string, to: string, base: string): Promise<string> {
  await rm(to, { recursive: true, force: true });
  await cp(folder, to, { recursive: true, dereference: true, mode: constants.COPYFILE_FICLONE });
  const file = join(to, 'adapter_config.json');
  const settings = JSON.parse(await readFile(file, 'utf8')) as object;
  const text = JSON.stringify({ ...settings, base_model_name_or_path: base, revision: null }, null, 2) + '\n';
  await rm(file);
  await writeFile(file, text);
  return to;
}

/** The same of a whole model: with what else lies in `base`, its tokenizer above all. Returns `to`. */
export async function copyModelForProgram(folder: string, to: string, base: string): Promise<string> {
  await rm(to, { recursive: true, force: true });
  await cp(folder, to, { recursive: true, dereference: true, mode: constants.COPYFILE_FICLONE });
  const isOther = (name: string): boolean =>
    !/\.(safetensors|bin|pth|pt|gguf)$|^model\.safetensors\.index\.json$/.test(name);
  for (const entry of await readdir(base, { withFileTypes: true })) {
    if (entry.isDirectory() || !isOther(entry.name)) continue;
    await cp(join(base, entry.name), join(to, entry.name), { dereference: true, force: false });
  }
  return to;
}
