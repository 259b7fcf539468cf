/**
 * Objects under a prefix: read, put, create if absent, replace if unchanged, list. What is written conditionally carries a
 * token of its own, so that a writer whose answer was lost on the way recognises what it wrote itself: the repeated
 * request is told that something is there already.
 */
import { createHash, randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  DeleteObjectsCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  type S3Client,
} from '@aws-sdk/client-s3';
import { type Address, named } from './address';
import { brokenOff, isAbsent, isConditionFailed, isConflict, isTorn, said } from './errors';

const TOKEN = 'flamingo-write';
/** Rounds of what is tried again here and not by the SDK: bodies that break off, writes that meet others. */
const ROUNDS = 8;
const DELETED_AT_ONCE = 500;

export interface Found {
  bytes: Buffer;
  etag: string;
  /** The server's own times, so that no clock of ours decides: when it was written, and when it was read. */
  written: number | null;
  now: number | null;
}

export interface Listed {
  /** Relative to the store. */
  key: string;
  bytes: number;
  written: Date | null;
}

export class Objects {
  constructor(
    readonly client: S3Client,
    readonly address: Address,
  ) {}

  /** Null when there is none. */
  async get(key: string): Promise<Found | null> {
    return this.againIfTorn(key, async () => {
      try {
        const answer = await this.client.send(new GetObjectCommand(this.at(key)));
        const bytes = Buffer.from((await answer.Body?.transformToByteArray()) ?? []);
        if (answer.ContentLength !== undefined && bytes.byteLength !== answer.ContentLength)
          throw brokenOff(`the body broke off after ${bytes.byteLength} of ${answer.ContentLength} bytes`);
        const { date } = answer.$metadata as { date?: number };
        return {
          bytes,
          etag: answer.ETag ?? '',
          written: answer.LastModified?.getTime() ?? null,
          now: date === undefined || Number.isNaN(date) ? null : date,
        };
      } catch (error) {
        if (isAbsent(error)) return null;
        throw error;
      }
    });
  }

  async text(key: string): Promise<string | null> {
    return (await this.get(key))?.bytes.toString('utf8') ?? null;
  }

  /** Null when there is none. */
  async head(key: string): Promise<{ bytes: number; etag: string; token: string | undefined } | null> {
    try {
      const { ContentLength, ETag, Metadata } = await this.client.send(new HeadObjectCommand(this.at(key)));
      return { bytes: ContentLength ?? 0, etag: ETag ?? '', token: Metadata?.[TOKEN] };
    } catch (error) {
      if (isAbsent(error)) return null;
      throw this.said(key, error);
    }
  }

  /** Creates or replaces. */
  async put(key: string, data: string | Uint8Array): Promise<void> {
    await this.write(key, data, {});
  }

  /** False when something stood there already, and then it is as it was. */
  async create(key: string, data: string | Uint8Array): Promise<boolean> {
    return this.conditional(key, data, { IfNoneMatch: '*' });
  }

  /** False when what is there is no longer what had that ETag. */
  async replace(key: string, data: string | Uint8Array, etag: string): Promise<boolean> {
    return this.conditional(key, data, { IfMatch: etag });
  }

  /** Everything whose key begins so, in the order of the keys. */
  async *list(prefix: string): AsyncGenerator<Listed> {
    for await (const { Contents = [] } of this.pages(prefix)) {
      for (const { Key = '', Size = 0, LastModified } of Contents)
        yield { key: Key.slice(this.address.prefix.length), bytes: Size, written: LastModified ?? null };
    }
  }

  /** The names of the folders in a folder, in alphabetical order; `folder` ends in `/`. */
  async folders(folder: string): Promise<string[]> {
    const names: string[] = [];
    for await (const { CommonPrefixes = [] } of this.pages(folder, '/')) {
      for (const { Prefix = '' } of CommonPrefixes)
        names.push(Prefix.slice(this.address.prefix.length + folder.length, -1));
    }
    return names.sort();
  }

  async remove(keys: readonly string[]): Promise<void> {
    for (let start = 0; start < keys.length; start += DELETED_AT_ONCE) {
      const some = keys.slice(start, start + DELETED_AT_ONCE);
      const { Errors = [] } = await this.client
        .send(
          new DeleteObjectsCommand({
            Bucket: this.address.bucket,
            Delete: { Objects: some.map((key) => ({ Key: this.address.prefix + key })), Quiet: true },
          }),
        )
        .catch((error: unknown) => {
          throw this.said(some[0] ?? '', error);
        });
      const [first] = Errors.filter(({ Code }) => Code !== 'NoSuchKey');
      if (first !== undefined) throw new Error(`${first.Key ?? ''} can not be deleted: ${first.Message ?? first.Code}`);
    }
  }

  at(key: string): { Bucket: string; Key: string } {
    return { Bucket: this.address.bucket, Key: this.address.prefix + key };
  }

  /** The error with the object's name; see errors.ts. */
  said(key: string, error: unknown): Error {
    return said(named(this.address, key), error);
  }

  /** Does again what failed on the way, as the SDK does not once an answer has begun. */
  async againIfTorn<T>(key: string, read: () => Promise<T>): Promise<T> {
    for (let round = 1; ; round++) {
      try {
        return await read();
      } catch (error) {
        if (round === ROUNDS || !isTorn(error)) throw this.said(key, error);
        await sleep(Math.random() * 100 * 2 ** round);
      }
    }
  }

  private async *pages(prefix: string, delimiter?: string) {
    let token: string | undefined;
    do {
      const page = await this.client
        .send(
          new ListObjectsV2Command({
            Bucket: this.address.bucket,
            Prefix: this.address.prefix + prefix,
            ...(delimiter === undefined ? {} : { Delimiter: delimiter }),
            ...(token === undefined ? {} : { ContinuationToken: token }),
          }),
        )
        .catch((error: unknown) => {
          throw this.said(prefix, error);
        });
      yield page;
      token = page.IsTruncated === true ? page.NextContinuationToken : undefined;
    } while (token !== undefined);
  }

  private async conditional(
    key: string,
    data: string | Uint8Array,
    condition: { IfNoneMatch?: string; IfMatch?: string },
  ): Promise<boolean> {
    const token = randomUUID();
    for (let round = 1; ; round++) {
      try {
        await this.write(key, data, { ...condition, Metadata: { [TOKEN]: token } });
        return true;
      } catch (thrown) {
        const error = (thrown as Error).cause;
        // ours, if an earlier try of the same request was carried out and only its answer was lost
        if (isConditionFailed(error)) return (await this.head(key))?.token === token;
        if (isAbsent(error) && condition.IfMatch !== undefined) return false;
        if (!isConflict(error) || round === ROUNDS) throw thrown;
        await sleep(Math.random() * 50 * 2 ** round);
      }
    }
  }

  private async write(
    key: string,
    data: string | Uint8Array,
    more: { IfNoneMatch?: string; IfMatch?: string; Metadata?: Record<string, string> },
  ): Promise<void> {
    const body = typeof data === 'string' ? Buffer.from(data, 'utf8') : data;
    try {
      await this.client.send(
        new PutObjectCommand({
          ...this.at(key),
          Body: body,
          // the server refuses bytes that became others on the way
          ChecksumSHA256: createHash('sha256').update(body).digest('base64'),
          ...more,
        }),
      );
    } catch (error) {
      throw this.said(key, error);
    }
  }
}
