/** What attempts leave in the local store: a folder for each, with its small files and logs, which is also its working copy. */
import { closeSync, fsyncSync, openSync, writeSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { ArtifactRef } from '../../experiment/plan';
import { type AppendLog, type Attempt, LogUnwritable, type SmallFiles, type WorkKey, type Workspace } from '../store';
import { privateFolderSync } from '../private-files';
import { createOnce, modesIn, namesIn, readIfPresent, replaceFile, safeName } from './files';

export class LocalSmallFiles implements SmallFiles {
  constructor(
    protected readonly root: string,
    protected readonly folder: string,
  ) {}

  list(): Promise<string[]> {
    return namesIn(this.folder);
  }

  place(name: string): string {
    return this.path(name);
  }

  async read(name: string): Promise<string | null> {
    return readIfPresent(this.path(name));
  }

  async create(name: string, text: string): Promise<boolean> {
    return createOnce(this.root, this.path(name), text);
  }

  async write(name: string, text: string): Promise<void> {
    return replaceFile(this.root, this.path(name), text);
  }

  protected path(name: string): string {
    return join(this.folder, safeName(name));
  }
}

export class LocalAttempt extends LocalSmallFiles implements Attempt {
  /** `adopt` describes a file of the store where it lies. */
  constructor(
    root: string,
    folder: string,
    readonly work: WorkKey,
    readonly name: string,
    private readonly adopt: (path: string) => Promise<ArtifactRef>,
  ) {
    super(root, folder);
  }

  async openLog(name: string): Promise<AppendLog> {
    return new LocalLog(this.path(name), modesIn(this.root));
  }

  async readLog(name: string): Promise<string[]> {
    const lines = (await this.read(name))?.split('\n') ?? [];
    return lines.slice(0, -1); // '' after the last newline, or a torn line
  }

  workspace(): Promise<Workspace> {
    return Promise.resolve({
      path: this.folder,
      keep: (path) => this.adopt(resolve(this.folder, path)),
      sync: () => Promise.resolve(),
    });
  }
}

/** One synchronous write(2) a line: what it took is the kernel's, and outlives the process. Synced when it is closed. */
class LocalLog implements AppendLog {
  private file: number | null;
  private broken: LogUnwritable | null = null;

  constructor(
    private readonly path: string,
    modes: { folder: number; file: number },
  ) {
    try {
      privateFolderSync(join(path, '..'), modes.folder);
      this.file = openSync(path, 'wx', modes.file);
    } catch (error) {
      throw unwritable(path, error);
    }
  }

  append(line: string): void {
    if (this.broken !== null) throw this.broken;
    try {
      if (this.file === null) throw new Error('it is closed');
      const bytes = Buffer.from(`${line}\n`);
      for (let done = 0; done < bytes.length;) done += writeSync(this.file, bytes, done);
    } catch (error) {
      this.broken = unwritable(this.path, error); // perhaps with half a line written: the next one would be glued to it
      throw this.broken;
    }
  }

  async close(): Promise<void> {
    const { file } = this;
    if (file === null) return;
    this.file = null;
    try {
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
  }
}

function unwritable(path: string, error: unknown): LogUnwritable {
  return new LogUnwritable(`${path}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
}
