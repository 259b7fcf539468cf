/**
 * What a GPU host has: the devices that its trainer sees, or the processor, and the models that need no download.
 */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { availableParallelism, homedir, totalmem } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { environmentFor } from '../tools/environments.cjs';
import { bundledModels, modelFolder } from '../tools/locations.cjs';

/** A driver that hangs must not hold back what else there is to say. */
const SMI_MS = 3_000;

/** In one line, such as `NVIDIA H200, 140 GiB`. */
export async function deviceFacts(env: NodeJS.ProcessEnv): Promise<string> {
  const visible = env['CUDA_VISIBLE_DEVICES'];
  const gpus = visible === '' || visible === '-1' ? null : await gpuFacts(env, visible);
  return gpus ?? `no GPU: models run on the CPU (${availableParallelism()} cores, ${gib(totalmem())})`;
}

/** The trainer uses the first device that it sees. */
async function gpuFacts(env: NodeJS.ProcessEnv, visible: string | undefined): Promise<string | null> {
  const first = visible?.split(',')[0]?.trim();
  const query = ['--query-gpu=name,memory.total', '--format=csv,noheader,nounits'];
  try {
    const { stdout } = await promisify(execFile)('nvidia-smi', first ? [...query, `--id=${first}`] : query, {
      env: environmentFor('helper', env),
      timeout: SMI_MS,
    });
    const lines = stdout.split('\n').filter((line) => line.trim() !== '');
    return lines.length === 0 ? null : describeGpus(lines);
  } catch (error) {
    const { code, killed } = error as NodeJS.ErrnoException & { killed?: boolean };
    if (code === 'ENOENT') return null;
    return killed === true ? 'nvidia-smi does not answer' : 'nvidia-smi fails: `flamingo doctor` says how';
  }
}

/** `lines`: name and MiB of memory of each device, between commas. */
export function describeGpus(lines: readonly string[]): string {
  const [first = '', ...others] = lines;
  const cut = first.lastIndexOf(',');
  const name = `${first.slice(0, cut).trim()}, ${gib(Number(first.slice(cut + 1)) * 2 ** 20)}`;
  if (others.length === 0) return name;
  return `${name} (the first of ${lines.length}; a worker uses one: CUDA_VISIBLE_DEVICES chooses)`;
}

function gib(bytes: number): string {
  return `${Math.round(bytes / 2 ** 30)} GiB`;
}

/** Ids of models whose weights are on this host, in alphabetical order. */
export async function cachedModels(env: NodeJS.ProcessEnv): Promise<string[]> {
  const hub = env['HF_HUB_CACHE'] || join(env['HF_HOME'] || join(homedir(), '.cache', 'huggingface'), 'hub');
  const found = await readdir(hub).catch(() => [] as string[]);
  const ofHub = found.filter((name) => name.startsWith('models--')).map((name) => name.slice(8).replaceAll('--', '/'));
  const prepared = Object.keys(bundledModels()).filter((name) => existsSync(modelFolder(name)));
  return [...prepared, ...ofHub].sort();
}
