/**
 * What the named presets of models, datasets and question sets have in common: where each comes from, and by what it is
 * pinned. The tables are preset-models.ts, preset-datasets.ts and preset-question-sets.ts.
 */
import type { Sha256 } from './canonical';

/** Where something published lies. */
export interface Origin {
  /** OWNER/NAME: on the Hugging Face hub for models, on GitHub for files. */
  repository: string;
  /** 40 hexadecimal digits. */
  commit: string;
  /** As the repository states it; null where it states none. */
  licence: string | null;
  /** How it is known that the pin is right. */
  known: string;
  /** What a person should know before using it; absent where there is nothing. */
  note?: string;
}

/** A file of a GitHub repository. At least one of the two hashes is there. */
export interface PublishedFile extends Origin {
  path: string;
  /** The repository holds a pointer only; the bytes are in Git's large file storage. */
  lfs?: true;
  /** Absent where it is not known. */
  bytes?: number;
  sha256?: Sha256;
  contentSha256?: Sha256;
}

/** Where the bytes of a published file are downloaded. */
export function addressOf({ repository, commit, path, lfs }: PublishedFile): string {
  return lfs === true
    ? `https://media.githubusercontent.com/media/${repository}/${commit}/${path}`
    : `https://raw.githubusercontent.com/${repository}/${commit}/${path}`;
}
