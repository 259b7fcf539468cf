/** What attempts leave in the local store: a folder for each, with its small files and logs, which is also its working copy. */
import { join, resolve } from 'node:path';
import type { ArtifactRef } from '../../experiment/plan';
import type { AppendLog, Attempt, SmallFiles, WorkKey, Workspace } from '../store';
import { createOnce, modesIn, namesIn, readIfPresent, replaceFile, safeName } from './files';
import { linesOf, openLocalLog } from './log';

export class LocalSmallFiles implements SmallFiles {
  constructor(
    protected readonly root: string,
    protected readonly folder: string,
  ) {}

  list(): Promise<string[]> {
    return namesIn(this.root, this.folder);
  }

  place(name: string): string {
    return this.path(name);
  }

  async read(name: string): Promise<string | null> {
    return readIfPresent(this.root, this.path(name));
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

  async openLog(name: string, options?: { room?: number }): Promise<AppendLog> {
    return openLocalLog(this.path(name), modesIn(this.root), options);
  }

  async readLog(name: string): Promise<string[]> {
    return linesOf((await this.read(name)) ?? '');
  }

  workspace(): Promise<Workspace> {
    return Promise.resolve({
      path: this.folder,
      keep: (path) => this.adopt(resolve(this.folder, path)),
      sync: () => Promise.resolve(),
    });
  }
}
