/**
 * What of a trainer takes part in a recipe's key, and of the program of a handoff in the handoff's.
 *
 * The key of an experiment's own program covers the command, the content of its files and the names of the variables
 * that it may read; never their values, and not how long it may be silent or take to stop.
 */
import { sha256 } from '../canonical';
import type { CommandIdentity, Recipe } from '../plan';
import type { Backend, CommandBackend } from '../spec';

/** Content of the files that command backends name, by their path in the experiment file. */
export type TrainerFiles = Record<string, Uint8Array>;

/** `files` holds at least those that `backend` names. */
export function backendIdentity(backend: Backend, files: TrainerFiles): Recipe['backend'] {
  if (typeof backend === 'string') return backend;
  const { result } = backend;
  return { ...commandIdentity(backend, files), ...(result === undefined ? {} : { result }) };
}

/** `files` holds at least those that the program names. */
export function commandIdentity(backend: CommandBackend, files: TrainerFiles): CommandIdentity {
  return {
    command: backend.command,
    files: Object.fromEntries(
      [...new Set(backend.files)].sort().map((path) => [path, sha256(files[path] as Uint8Array)]),
    ),
    environment: [...new Set(backend.environment)].sort(),
  };
}
