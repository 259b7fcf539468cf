/**
 * Where things are on this machine: the installation, the cache outside the clone, and a project's data folder.
 */
import { resolve } from 'node:path';

export { cacheFolder, installationRoot } from '../tools/locations.cjs';

/** A project's store, Temporal database, logs and sockets: `FLAMINGO_HOME`, else `.flamingo` in the working folder. */
export function dataFolder(): string {
  return resolve(process.env['FLAMINGO_HOME'] || '.flamingo');
}
