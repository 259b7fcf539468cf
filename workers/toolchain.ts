/**
 * What set-up made, as the rest of the program uses it: the Python environment, the Temporal binary, the small model.
 * Nothing here downloads or builds; each function fails with the remedy when its part is missing.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { z } from 'zod';
import { documentOrNull } from '../artifacts/documents';
import type { Sha256 } from '../experiment/canonical';
import type { Python } from '../inputs/archive';
import {
  environmentFolder,
  environmentPython,
  environmentReady,
  findTemporal,
  modelFolder,
  modelRecord,
  trainerFolder,
} from '../tools/locations.cjs';
import { pythonOptions } from '../tools/start-python.cjs';
import { NotSetUp } from '../gpu-activities/process/not-set-up';

function missing(what: string, where: string): NotSetUp {
  return new NotSetUp(`${what} is missing (${where}): run \`npm run setup\``);
}

/** The interpreter of the trainer's environment: `FLAMINGO_TRAINER_PYTHON`, else the one that set-up made for uv.lock. */
export function pythonPath(): string {
  const named = process.env['FLAMINGO_TRAINER_PYTHON'];
  if (named) {
    if (!existsSync(named)) throw new NotSetUp(`FLAMINGO_TRAINER_PYTHON=${named} does not exist`);
    return resolve(named);
  }
  if (!environmentReady()) throw missing("the trainer's Python environment", environmentFolder());
  return environmentPython();
}

/** The same interpreter where it is there, for reading archives: experiments without any do not need it. */
export function pythonIfThere(): Python | null {
  try {
    const path = pythonPath();
    return existsSync(path) ? { path, ...pythonOptions('helper', process.env) } : null;
  } catch {
    return null;
  }
}

/**
 * The interpreter of Unsloth's environment: `FLAMINGO_UNSLOTH_PYTHON`, else the one that uv makes in its project's folder.
 * Optional, so set-up does not make it.
 */
export function unslothPython(): string {
  const named = process.env['FLAMINGO_UNSLOTH_PYTHON'];
  const python = named || join(trainerFolder(), 'unsloth-environment', '.venv', 'bin', 'python');
  if (existsSync(python)) return resolve(python);
  throw new NotSetUp(
    `Unsloth's Python environment is missing (${named ? `FLAMINGO_UNSLOTH_PYTHON=${named}` : python}): run \`${UNSLOTH_SET_UP}\``,
  );
}

export const UNSLOTH_SET_UP = 'uv sync --frozen --project gpu-activities/trainer/unsloth-environment';

export interface TemporalBinary {
  path: string;
  /** Version of the server inside it, such as `1.31.2`: database files are named by it. */
  serverVersion: string;
}

let temporal: TemporalBinary | undefined;

/** The Temporal CLI with its server: `TEMPORAL_CLI_PATH`, else a recent enough one on PATH, else the one set-up made. */
export function temporalPath(): TemporalBinary {
  if (temporal !== undefined && existsSync(temporal.path)) return temporal;
  const found = findTemporal();
  if (found.path === null || found.server === null) {
    throw missing(
      'the Temporal binary',
      found.passedOver ?? 'neither TEMPORAL_CLI_PATH, nor on PATH, nor in the cache',
    );
  }
  temporal = { path: resolve(found.path), serverVersion: found.server };
  return temporal;
}

/** The folder of a model that set-up prepared: weights, tokenizer, chat template. */
export function bundledModelPath(name: string): string {
  const folder = modelFolder(name);
  if (!existsSync(folder)) throw missing(`the bundled model '${name}'`, folder);
  return folder;
}

const MODEL_RECORD = z.object({ files: z.record(z.string(), z.string().regex(/^[0-9a-f]{64}$/)) });

/** The SHA-256 of each file of a model that set-up prepared, as set-up wrote them down. */
export function bundledModelFiles(name: string): Record<string, Sha256> {
  const record = modelRecord(name);
  const written = existsSync(record) ? documentOrNull(readFileSync(record, 'utf8'), MODEL_RECORD) : null;
  if (written === null) throw missing(`the record of the bundled model '${name}'`, record);
  return (written as z.infer<typeof MODEL_RECORD>).files;
}
