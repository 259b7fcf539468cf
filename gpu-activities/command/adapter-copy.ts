/** A stored adapter as a program of the experiment's own gets it. */
import { constants } from 'node:fs';
import { cp, readFile, rm, writeFile } from 'node:fs/promises';
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
