/** A real S3 server for tests, with its objects in a folder of its own, which `npm test` has built (tools/s3-server.mjs). */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import getPort from 'get-port';
import { cachedS3Server } from '../../tools/locations.cjs';
import { until } from './until';

/** Made up; the server is given the same. */
const KEY = 'test-key-of-nobody';
const SECRET = 'test-secret-of-nobody';
const BUCKET = 'flamingo-test';

export class S3Server {
  private constructor(
    private readonly child: ChildProcess,
    /** Holds a folder for each bucket, and in it a file for each object. */
    readonly folder: string,
    readonly url: string,
  ) {}

  readonly bucket = BUCKET;

  static async start(): Promise<S3Server> {
    const executable = cachedS3Server();
    if (!existsSync(executable))
      throw new Error(
        `the tests' S3 server is missing (${executable}): run \`node tools/s3-server.mjs\`, which needs Go`,
      );
    const folder = mkdtempSync(join(tmpdir(), 'flamingo-s3-'));
    mkdirSync(join(folder, BUCKET));
    const port = await getPort();
    const args = ['--port', `127.0.0.1:${port}`, '--keep-alive', '--quiet', '--health', '/health', 'posix', folder];
    const child = spawn(executable, args, {
      env: { ROOT_ACCESS_KEY: KEY, ROOT_SECRET_KEY: SECRET },
      stdio: 'ignore',
    });
    const url = `http://127.0.0.1:${port}`;
    const server = new S3Server(child, folder, url);
    await until('the S3 server to answer', async () => (await fetch(`${url}/health`)).ok);
    return server;
  }

  /** What a process needs in its environment to reach it, perhaps through something at another address. */
  environment(url = this.url): Record<string, string> {
    return {
      AWS_ENDPOINT_URL_S3: url,
      AWS_REGION: 'us-east-1',
      AWS_ACCESS_KEY_ID: KEY,
      AWS_SECRET_ACCESS_KEY: SECRET,
      // nothing of this machine's own
      AWS_CONFIG_FILE: '/dev/null',
      AWS_SHARED_CREDENTIALS_FILE: '/dev/null',
      AWS_EC2_METADATA_DISABLED: 'true',
    };
  }

  /** The file behind an object. */
  fileOf(key: string): string {
    return join(this.folder, BUCKET, key);
  }

  async stop(): Promise<void> {
    const ended = new Promise((resolve) => this.child.once('exit', resolve));
    this.child.kill();
    await ended;
    rmSync(this.folder, { recursive: true, force: true });
  }
}
