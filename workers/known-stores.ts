/**
 * Which store this project has found at which place, in the data folder. A mount that is not there shows an empty folder, and a
 * prefix that was mistyped an empty place: a new store there would have everything done and paid again, in silence.
 */
import { join } from 'node:path';
import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { sha256 } from '../experiment/canonical';
import { documentOrNull } from '../artifacts/documents';
import { writeWhole } from '../artifacts/whole-file';

const NOTE = z.looseObject({ place: z.string(), id: z.string() });
type Note = z.infer<typeof NOTE>;

export class KnownStore {
  private constructor(
    private readonly place: string,
    private readonly file: string,
    /** Null where none was found yet. */
    private readonly id: string | null,
  ) {}

  /** `place`: absolute, or an address. */
  static async at(place: string, dataFolder: string): Promise<KnownStore> {
    const file = join(dataFolder, 'known-stores', `${sha256(place).slice(0, 16)}.json`);
    const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT' || isUnusable(error)) return null;
      throw error;
    });
    return new KnownStore(place, file, documentOrNull<Note>(text, NOTE)?.id ?? null);
  }

  /** One may be made there. */
  get isNew(): boolean {
    return this.id === null;
  }

  /** What to say of a place that has no store. */
  gone(cause: unknown): Error {
    return this.refused(`is not there: it was the store ${this.id}, and there is none now`, cause);
  }

  /** Throws where it is another one than before. */
  async found(id: string): Promise<void> {
    if (this.id !== null && this.id !== id)
      throw this.refused(`is another one than before: it was ${this.id}, and is ${id}`, undefined);
    if (this.id === null) await this.note(id);
  }

  /** Notes nothing where the data folder is of no use. */
  private async note(id: string): Promise<void> {
    try {
      await writeWhole(this.file, JSON.stringify({ place: this.place, id } satisfies Note) + '\n');
    } catch (error) {
      if (!isUnusable(error as NodeJS.ErrnoException)) throw error;
    }
  }

  private refused(what: string, cause: unknown): Error {
    return new Error(
      `the store ${this.place} ${what}. Is it mounted, is FLAMINGO_STORE right? If you mean what is there now, delete ` +
        `${this.file}: what was done before is then done again`,
      { cause },
    );
  }
}

/** A worker in a container may have no data folder that it can read or write: it begins as it did before there were notes. */
function isUnusable({ code = '' }: NodeJS.ErrnoException): boolean {
  return ['EROFS', 'EACCES', 'EPERM', 'ENOTDIR', 'EEXIST'].includes(code);
}
