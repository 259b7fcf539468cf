/** Machines that share a store in object storage: a real server, and between it and all of them a proxy that can fail. */
import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { S3Store } from '../../artifacts/s3/store';
import { FaultProxy } from './fault-proxy';
import { S3Server } from './s3-server';

/** One for a test file, whose process it gives the server's address and credentials. */
export class ObjectStorage {
  private constructor(
    readonly server: S3Server,
    readonly proxy: FaultProxy,
  ) {}

  static async start(): Promise<ObjectStorage> {
    const server = await S3Server.start();
    const proxy = await FaultProxy.start(server.url);
    Object.assign(process.env, server.environment(proxy.url));
    return new ObjectStorage(server, proxy);
  }

  async stop(): Promise<void> {
    this.proxy.stop();
    await this.server.stop();
  }
}

/** The place of one store, and the machines that open it. */
export class SharedPlace {
  /** In the order in which they were opened; each is on a machine of its own. */
  readonly stores: S3Store[] = [];
  private readonly prefix = randomUUID();
  private readonly machines = mkdtempSync(join(tmpdir(), 'flamingo-machines-'));

  constructor(private readonly server: S3Server) {}

  /** A store on a machine that has never seen it. */
  async open(): Promise<S3Store> {
    const machine = join(this.machines, randomUUID());
    const store = await S3Store.open({
      address: `s3://${this.server.bucket}/${this.prefix}`,
      pathStyle: true,
      workingCopies: join(machine, 'copies'),
      cache: { folder: join(machine, 'cache'), maxBytes: 1e9 },
    });
    this.stores.push(store);
    return store;
  }

  /** The file behind an object of the store. */
  fileOf(uri: string): string {
    return this.server.fileOf(`${this.prefix}/${uri}`);
  }

  remove(): void {
    for (const store of this.stores.splice(0)) store.close();
    rmSync(this.machines, { recursive: true, force: true });
  }
}
