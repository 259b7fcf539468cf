/**
 * Where things are on this machine: the installation, the cache outside the clone, and a project's data folder.
 */
import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join, resolve } from 'node:path';

/** The folder that holds package.json, found upwards from this file, so that it holds from sources and from dist/. */
export function installationRoot(): string {
  let folder = __dirname;
  while (!existsSync(join(folder, 'package.json'))) {
    const parent = dirname(folder);
    if (parent === folder) throw new Error(`no package.json above ${__dirname}: the installation is incomplete`);
    folder = parent;
  }
  return folder;
}

/** What set-up downloads and builds, shared by all clones: `FLAMINGO_CACHE`, else `$XDG_CACHE_HOME/flamingo`, else `~/.cache/flamingo`. */
export function cacheFolder(): string {
  if (process.env['FLAMINGO_CACHE']) return resolve(process.env['FLAMINGO_CACHE']);
  const base = process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache');
  return join(base, 'flamingo');
}

/** A project's store, Temporal database, logs and sockets: `FLAMINGO_HOME`, else `.flamingo` in the working folder. */
export function dataFolder(): string {
  return resolve(process.env['FLAMINGO_HOME'] || '.flamingo');
}
