/**
 * What `flamingo doctor` looks at, one function each. A check never throws: what it finds wrong is its finding.
 */
import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { accessSync, constants, existsSync, rmSync, statfsSync, statSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { OPENAI_KEY_VARIABLE } from '../experiment/endpoint';
import { wayIn } from '../artifacts/local/create-exclusive';
import { isS3Address } from '../artifacts/s3/address';
import { openStore, storePlace } from '../workers/open-store';
import { cacheFolder, dataFolder } from '../workers/places';
import {
  bundledModelFiles,
  bundledModelPath,
  pythonPath,
  temporalPath,
  UNSLOTH_SET_UP,
  unslothPython,
} from '../workers/toolchain';
import { atLeast, bundledModels, PINS } from '../tools/locations.cjs';
import { environmentFor } from '../tools/environments.cjs';
import { pythonOptions } from '../tools/start-python.cjs';
import { freePort } from './local/ports';
import { LocalFiles } from './local/state';

export interface Finding {
  name: string;
  /** `missing` is required for the embedded default and makes doctor fail; `note` is worth knowing. */
  status: 'ok' | 'missing' | 'note';
  detail: string;
  /** The command, or the change, that mends it. */
  remedy: string | null;
}

const SET_UP = 'npm run setup';
const run = promisify(execFile);

const ok = (name: string, detail: string): Finding => ({ name, status: 'ok', detail, remedy: null });
const missing = (name: string, detail: string, remedy: string): Finding => ({
  name,
  status: 'missing',
  detail,
  remedy,
});
const note = (name: string, detail: string, remedy: string | null = null): Finding => ({
  name,
  status: 'note',
  detail,
  remedy,
});
const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

export async function allFindings(): Promise<Finding[]> {
  const checks: (() => Finding | Promise<Finding>)[] = [
    node,
    python,
    ...Object.keys(bundledModels()).map((name) => () => model(name)),
    temporal,
    temporalAddress,
    ...[7233, 8233].map((number) => () => port(number)),
    () => writable('data folder', dataFolder()),
    () => exclusive(dataFolder()),
    store,
    () => space('disk of the data folder', dataFolder(), 2),
    () => space('disk of the cache', cacheFolder(), 1),
    gpu,
    unsloth,
    judgeKey,
    openAiKey,
  ];
  return Promise.all(checks.map(async (check) => check()));
}

function node(): Finding {
  const have = process.versions.node;
  if (atLeast(have, PINS.node)) return ok('Node', have);
  return missing('Node', `${have}, needed is ${PINS.node} or newer`, 'install a current Node from https://nodejs.org');
}

/** Asks the environment itself, so that one with a removed interpreter or half of its packages is found out. */
async function python(): Promise<Finding> {
  const name = 'Python environment';
  const ask =
    'import platform, importlib.metadata as m; print(platform.python_version(), *(p + " " + m.version(p) for p in ("torch", "transformers", "peft")), sep=", ")';
  try {
    const { stdout } = await run(pythonPath(), ['-c', ask], {
      ...pythonOptions('helper', process.env),
      timeout: 30_000,
    });
    return ok(name, stdout.trim());
  } catch (error) {
    return missing(name, messageOf(error), SET_UP);
  }
}

/** Only experiments with `backend: unsloth` need it. */
function unsloth(): Finding {
  const name = 'Unsloth environment';
  try {
    return ok(name, unslothPython());
  } catch {
    return note(name, 'not installed: only `training.backend: unsloth` needs it', UNSLOTH_SET_UP);
  }
}

function model(name: string): Finding {
  try {
    bundledModelFiles(name);
    return ok(`model ${name}`, bundledModelPath(name));
  } catch (error) {
    return missing(`model ${name}`, messageOf(error), SET_UP);
  }
}

function temporal(): Finding {
  const name = 'Temporal binary';
  try {
    const { path, serverVersion } = temporalPath();
    return ok(name, `server ${serverVersion}, ${path}`);
  } catch (error) {
    // with a server elsewhere none is started here
    if (process.env['TEMPORAL_ADDRESS']) return note(name, messageOf(error), SET_UP);
    return missing(name, messageOf(error), SET_UP);
  }
}

async function temporalAddress(): Promise<Finding> {
  const name = 'Temporal server';
  const address = process.env['TEMPORAL_ADDRESS'];
  if (!address) return ok(name, 'embedded: `flamingo run` starts one (TEMPORAL_ADDRESS is not set)');
  const match = /^(.+):(\d+)$/.exec(address);
  if (match === null)
    return missing(name, `TEMPORAL_ADDRESS=${address} is not HOST:PORT`, 'set it to HOST:PORT, or unset it');
  const reached = await new Promise<string | null>((resolve) => {
    const socket = connect({ host: match[1] as string, port: Number(match[2]), timeout: 3_000 });
    const settle = (problem: string | null) => () => {
      socket.destroy();
      resolve(problem);
    };
    socket.once('connect', settle(null)).once('timeout', settle('no answer within 3 s'));
    socket.once('error', (error) => settle(error.message)());
  });
  if (reached === null) return ok(name, `${address} accepts connections`);
  return missing(
    name,
    `${address}: ${reached}`,
    'start that server, or unset TEMPORAL_ADDRESS to use the embedded one',
  );
}

/** One in a folder is made by the first command; one elsewhere has to be reached. */
async function store(): Promise<Finding> {
  try {
    const place = storePlace();
    if (!isS3Address(place)) return ok('store', place);
    const { id } = await openStore();
    return ok('store', `${place} (${id})`);
  } catch (error) {
    return missing('store', messageOf(error), 'docs/store.md says what a store in object storage needs');
  }
}

async function port(number: number): Promise<Finding> {
  const name = `port ${number}`;
  if ((await freePort(number)) === number) return ok(name, 'free');
  const state = existsSync(dataFolder()) ? new LocalFiles(dataFolder()).liveState() : null;
  if ([state?.address, state?.ui].some((used) => used?.endsWith(`:${number}`))) {
    return ok(name, "used by this project's embedded Temporal server");
  }
  return note(name, 'in use by another program; the embedded Temporal server takes a free one instead');
}

/** Tries to write where the folder exists; else whether it could be made. */
function writable(name: string, folder: string): Finding {
  try {
    if (existsSync(folder)) {
      const probe = join(folder, `.doctor-${randomUUID()}`);
      writeFileSync(probe, '');
      rmSync(probe);
      return ok(name, folder);
    }
    const parent = nearestExisting(folder);
    if (!statSync(parent).isDirectory()) throw new Error(`${parent} is not a folder`);
    accessSync(parent, constants.W_OK);
    return ok(name, `${folder} (not there yet)`);
  } catch (error) {
    return missing(
      name,
      `${folder} can not be written: ${messageOf(error)}`,
      'name a folder you may write to in FLAMINGO_HOME',
    );
  }
}

/** What no second writer may undo is created exclusively, in one of two ways; the file system decides which. */
function exclusive(folder: string): Finding {
  const name = 'exclusive files';
  try {
    if (!existsSync(folder)) return ok(name, `tried once ${folder} is there`);
    const way = wayIn(folder);
    return ok(
      name,
      way === 'links' ? 'by hard links' : 'by renamed folders: the file system of the data folder has no hard links',
    );
  } catch (error) {
    return missing(
      name,
      `${folder}: ${messageOf(error)}: its file system has neither hard links nor renames that replace nothing`,
      'name a folder on another file system in FLAMINGO_HOME',
    );
  }
}

function space(name: string, folder: string, neededGb: number): Finding {
  const { bavail, bsize } = statfsSync(nearestExisting(folder));
  const free = (bavail * bsize) / 1e9;
  const detail = `${free.toFixed(1)} GB free`;
  if (free >= neededGb) return ok(name, detail);
  return missing(
    name,
    `${detail} at ${folder}, ${neededGb} GB are needed`,
    'free some space, or choose another disk (FLAMINGO_HOME, FLAMINGO_CACHE)',
  );
}

function nearestExisting(folder: string): string {
  return existsSync(folder) ? folder : nearestExisting(dirname(folder));
}

async function gpu(): Promise<Finding> {
  const name = 'GPU';
  try {
    const query = ['--query-gpu=name,memory.total,driver_version', '--format=csv,noheader'];
    const { stdout } = await run('nvidia-smi', query, { env: environmentFor('helper', process.env), timeout: 15_000 });
    return ok(name, stdout.trim().split('\n').join('; '));
  } catch (error) {
    const absent = (error as NodeJS.ErrnoException).code === 'ENOENT';
    return note(
      name,
      absent ? 'none (no nvidia-smi): models run on the CPU' : `nvidia-smi fails: ${messageOf(error).trim()}`,
    );
  }
}

/** Says whether there is a key, and never a part of it. */
function judgeKey(): Finding {
  const name = 'ANTHROPIC_API_KEY';
  if (process.env['ANTHROPIC_API_KEY']) return ok(name, 'set');
  return note(name, 'not set: the stand-in judge works, Claude does not', `export ${name}=…`);
}

function openAiKey(): Finding {
  const name = OPENAI_KEY_VARIABLE;
  if (process.env['OPENAI_API_KEY']) return ok(name, 'set');
  return note(name, 'not set: judges of OpenAI’s own API do not work', `export ${name}=…`);
}
