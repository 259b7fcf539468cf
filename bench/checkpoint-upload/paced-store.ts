/**
 * A store in object storage behind a line of 1 Gbit/s: a real S3 server (versitygw) on loopback, and line.ts before it.
 */
import type { ChildProcess } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import getPort from 'get-port';
import { S3Store } from '../../artifacts/s3/store';
import type { Workspace } from '../../artifacts/store';
import { cachedS3Server } from '../../tools/locations.cjs';

export const BITS_PER_SECOND = 1e9;
const BUCKET = 'bench';
const SERVER_START_MS = 30_000;

/** Starts a program with a pipe for its stdin and stdout; the caller ends it. */
export type Start = (command: string, args: string[], env?: NodeJS.ProcessEnv) => ChildProcess;

/** Everything lies in `folder`. Sets the variables by which the S3 client of this process finds the line. */
export async function pacedStore(folder: string, start: Start): Promise<S3Store> {
  const executable = cachedS3Server();
  if (!existsSync(executable)) throw new Error(`${executable} is missing: run \`node tools/s3-server.mjs\``);
  mkdirSync(join(folder, 's3', BUCKET), { recursive: true });
  const port = await getPort();
  const keys = { ROOT_ACCESS_KEY: 'bench', ROOT_SECRET_KEY: 'bench-secret' };
  const posix = ['--keep-alive', '--quiet', 'posix', join(folder, 's3')];
  start(executable, ['--port', `127.0.0.1:${port}`, ...posix], keys).stdout?.resume();
  await listening(port);
  const line = await firstLine(
    start(process.execPath, [join(__dirname, 'line.js'), String(port), String(BITS_PER_SECOND)]),
  );
  Object.assign(process.env, {
    AWS_ENDPOINT_URL_S3: `http://127.0.0.1:${line}`,
    AWS_REGION: 'us-east-1',
    AWS_ACCESS_KEY_ID: keys.ROOT_ACCESS_KEY,
    AWS_SECRET_ACCESS_KEY: keys.ROOT_SECRET_KEY,
    AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true',
  });
  return S3Store.open({
    address: `s3://${BUCKET}/store`,
    pathStyle: true,
    workingCopies: join(folder, 'copies'),
    cache: { folder: join(folder, 'cache'), maxBytes: 1e9 },
  });
}

/** The working copy of a fine-tune's first attempt. */
export async function firstWorkspace(store: S3Store): Promise<Workspace> {
  return (await store.attempt({ stage: 'adapters', key: 'a'.repeat(64) }, 'r1-1')).workspace();
}

async function listening(port: number): Promise<void> {
  for (const end = performance.now() + SERVER_START_MS; ; await sleep(50)) {
    if (await answers(port)) return;
    if (performance.now() > end) throw new Error(`the S3 server does not listen after ${SERVER_START_MS / 1000} s`);
  }
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => resolve(true)).once('error', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });
}

function firstLine(child: ChildProcess): Promise<string> {
  return new Promise((resolve) => child.stdout?.once('data', (text: Buffer) => resolve(text.toString().trim())));
}
