/** What attempts leave in object storage: small files, each an object, and logs in segments (log.ts). */
import { basename } from 'node:path';
import pLimit from 'p-limit';
import { safeName } from '../local/files';
import { type AppendLog, type Attempt, type SmallFiles, type WorkKey, type Workspace } from '../store';
import { named } from './address';
import { openLog, readLog } from './log';
import type { Objects } from './objects';

/** Segments of a log that are read at once. */
const READS_AT_ONCE = 16;

export class S3SmallFiles implements SmallFiles {
  /** `folder` ends in `/`. */
  constructor(
    protected readonly objects: Objects,
    private readonly folder: string,
  ) {}

  async list(): Promise<string[]> {
    const names: string[] = [];
    for await (const { key } of this.objects.list(this.folder)) names.push(key.slice(this.folder.length));
    return names.sort();
  }

  place(name: string): string {
    return named(this.objects.address, this.key(name));
  }

  async read(name: string): Promise<string | null> {
    return this.objects.text(this.key(name));
  }

  async create(name: string, text: string): Promise<boolean> {
    return this.objects.create(this.key(name), text);
  }

  async write(name: string, text: string): Promise<void> {
    return this.objects.put(this.key(name), text);
  }

  private key(name: string): string {
    return this.folder + safeName(name);
  }
}

export class S3Attempt extends S3SmallFiles implements Attempt {
  private readonly logs: string;

  constructor(
    objects: Objects,
    private readonly root: string,
    readonly work: WorkKey,
    readonly name: string,
    private readonly workingCopy: () => Promise<Workspace>,
  ) {
    super(objects, `${root}files/`);
    this.logs = `${root}logs/`;
  }

  /** Small files and logs, found by one request for each thousand objects. */
  override async list(): Promise<string[]> {
    const names = new Set<string>();
    for await (const { key } of this.objects.list(this.root)) {
      const [kind, name] = key.slice(this.root.length).split('/');
      if ((kind === 'files' || kind === 'logs') && name !== undefined) names.add(name);
    }
    return [...names].sort();
  }

  async openLog(name: string, options?: { room?: number }): Promise<AppendLog> {
    return openLog(this.objects, this.logFolder(name), options);
  }

  async readLog(name: string): Promise<string[]> {
    const folder = this.logFolder(name);
    const keys: string[] = [];
    for await (const { key, bytes } of this.objects.list(folder)) if (bytes > 0) keys.push(key);
    return readLog(this.objects, folder, keys.sort(), (wanted) =>
      pLimit(READS_AT_ONCE).map(wanted, (key) => this.objects.text(key)),
    );
  }

  workspace(): Promise<Workspace> {
    return this.workingCopy();
  }

  private logFolder(name: string): string {
    return `${this.logs}${safeName(name)}/`;
  }
}

/** The name at the end of a key of `begun/`: `00000003-NAME`. */
export function attemptOf(key: string): { number: number; name: string } {
  const [, number = '0', name = ''] = /^(\d+)-(.*)$/.exec(basename(key)) ?? [];
  return { number: Number(number), name };
}
