/**
 * Object storage of a round: the S3 server of the tests, which keeps each object in a file, on the round's disk. So what
 * can happen to a store in a folder can happen to this one, too.
 */
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Service } from '../../cli/local/service';
import { cachedS3Server } from '../../tools/locations.cjs';

/** Where a round's store is. The place of each in this list is part of what a seed makes. */
export const STORE_KINDS = ['folder', 's3'] as const;
export type StoreKind = (typeof STORE_KINDS)[number];

const BUCKET = 'flamingo-campaign';
const PREFIX = 'store';
const READY_MS = 60_000;

export class ObjectStorage {
  readonly secret = randomBytes(16).toString('hex');
  port = 0;
  private started: Service | null = null;

  constructor(
    private readonly folder: string,
    private readonly log: string,
  ) {
    mkdirSync(join(folder, BUCKET), { recursive: true });
  }

  /** Whether the server is there: `node tools/s3-server.mjs` builds it. */
  static get possible(): boolean {
    return existsSync(cachedS3Server());
  }

  get files(): string {
    return join(this.folder, BUCKET, PREFIX);
  }

  get service(): Service {
    if (this.started === null) throw new Error('the object storage was not started');
    return this.started;
  }

  async start(port: number): Promise<void> {
    this.port = port;
    const address = `127.0.0.1:${port}`;
    this.started = new Service({
      name: 's3',
      command: cachedS3Server(),
      args: ['--port', address, '--keep-alive', '--quiet', '--health', '/health', 'posix', this.folder],
      env: { ROOT_ACCESS_KEY: BUCKET, ROOT_SECRET_KEY: this.secret },
      log: this.log,
      watchesParent: false,
      privateFiles: true,
    });
    this.started.start();
    for (const until = Date.now() + READY_MS; ; await sleep(50)) {
      if (await answers(`http://${address}/health`)) return;
      if (Date.now() > until) throw new Error(`the object storage did not come up in ${READY_MS / 1000} s`);
    }
  }

  /** What a process needs in its environment to reach it at `HOST:PORT`; nothing of this machine's own. */
  environment(address = `127.0.0.1:${this.port}`): NodeJS.ProcessEnv {
    return {
      FLAMINGO_STORE: `s3://${BUCKET}/${PREFIX}`,
      AWS_ENDPOINT_URL_S3: `http://${address}`,
      AWS_REGION: 'us-east-1',
      AWS_ACCESS_KEY_ID: BUCKET,
      AWS_SECRET_ACCESS_KEY: this.secret,
      AWS_CONFIG_FILE: '/dev/null',
      AWS_SHARED_CREDENTIALS_FILE: '/dev/null',
      AWS_EC2_METADATA_DISABLED: 'true',
    };
  }
}

async function answers(url: string): Promise<boolean> {
  try {
    return (await fetch(url)).ok;
  } catch {
    return false;
  }
}
