/**
 * Files of any size to and from object storage: in parts, a few at a time, so that memory is bounded; downloads go on where
 * they broke off.
 */
import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { rm } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  GetObjectCommand,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import type { Sha256 } from '../../experiment/canonical';
import { type Content, readContent } from '../hash-file';
import { openRegular } from '../regular-file';
import { ArtifactDamaged, ArtifactMissing, MADE_ANEW } from '../store';
import { brokenOff, isAbsent, isTorn } from './errors';
import { named } from './address';
import type { Objects } from './objects';

const PART_BYTES = 8 << 20;
/** What S3 allows is 10,000. */
const MOST_PARTS = 9_000;
const PARTS_AT_ONCE = 4;
/** Times that a download may break off without getting on. */
const BROKEN_OFF = 8;

/**
 * Uploads the file to the key that `keyOf` has for its content, unless that says that it is there: null. Returns what was
 * uploaded: of a small file what it held at one moment. Throws `ChangedMeanwhile` when a large one was written to. A large
 * one is read twice: its content decides its key, so it has to be known before.
 */
export async function uploadFile(
  objects: Objects,
  path: string,
  keyOf: (about: Content) => string | null,
): Promise<Content> {
  const file = await openRegular(path);
  try {
    const { size } = await file.stat();
    if (size > PART_BYTES) {
      const read = (): AsyncIterable<Buffer> =>
        file.createReadStream({ start: 0, autoClose: false, highWaterMark: 1 << 20 }) as AsyncIterable<Buffer>;
      const about = await readContent(read());
      const key = keyOf(about);
      if (key !== null) await uploadBytes(objects, key, read(), about, () => changed(path));
      return about;
    }
    const bytes = await file.readFile();
    const about = { sha256: createHash('sha256').update(bytes).digest('hex'), bytes: bytes.byteLength };
    const key = keyOf(about);
    if (key !== null) await objects.put(key, bytes);
    return about;
  } finally {
    await file.close();
  }
}

/** A file was written to while it was uploaded, so what was uploaded counts for nothing. */
export class ChangedMeanwhile extends Error {
  override name = 'ChangedMeanwhile';
}

/**
 * Uploads bytes as they come, so that few of them are in memory; they are hashed on their way out, and become an object only
 * when they are `about`. Throws `differs(hash)` for others, and what reading them throws.
 */
export async function uploadBytes(
  objects: Objects,
  key: string,
  bytes: AsyncIterable<Uint8Array>,
  about: Content,
  differs: (found: Sha256) => Error,
): Promise<void> {
  const hash = createHash('sha256');
  let length = 0;
  const check = (): void => {
    const found = hash.digest('hex');
    if (found !== about.sha256) throw differs(found);
  };
  const size = Math.max(PART_BYTES, Math.ceil(about.bytes / MOST_PARTS));
  const hashed = async function* (): AsyncGenerator<Buffer> {
    for await (const piece of piecesOf(bytes, size)) {
      hash.update(piece);
      length += piece.length;
      if (length > about.bytes) check(); // more than there should be: these are others
      yield piece;
    }
    check();
  };
  if (about.bytes > PART_BYTES) return uploadParts(objects, key, hashed(), about.bytes);
  const pieces: Buffer[] = [];
  for await (const piece of hashed()) pieces.push(piece);
  await objects.put(key, Buffer.concat(pieces));
}

/** Becomes an object only when `pieces` end without an error. */
async function uploadParts(objects: Objects, key: string, pieces: AsyncIterable<Buffer>, bytes: number): Promise<void> {
  const { client } = objects;
  const at = objects.at(key);
  const said = (error: unknown): Error => objects.said(key, error);
  const { UploadId } = await client.send(new CreateMultipartUploadCommand(at)).catch((error: unknown) => {
    throw said(error);
  });
  const upload = { ...at, UploadId };
  const parts: Promise<{ ETag: string | undefined; PartNumber: number }>[] = [];
  const send = async (body: Buffer, number: number): Promise<{ ETag: string | undefined; PartNumber: number }> => {
    // the server refuses a part that became another on the way
    const checksum = createHash('md5').update(body).digest('base64');
    const part = { ...upload, PartNumber: number, Body: body, ContentMD5: checksum };
    const { ETag } = await client.send(new UploadPartCommand(part)).catch((error: unknown) => {
      throw said(error);
    });
    return { ETag, PartNumber: number };
  };
  try {
    const underWay = new Set<Promise<unknown>>();
    for await (const piece of pieces) {
      const part = send(piece, parts.length + 1);
      parts.push(part);
      const ended = part.finally(() => underWay.delete(ended));
      underWay.add(ended);
      ended.catch(() => undefined); // heard of below
      if (underWay.size === PARTS_AT_ONCE) await Promise.race(underWay);
    }
    const sent = { ...upload, MultipartUpload: { Parts: await Promise.all(parts) } };
    await client.send(new CompleteMultipartUploadCommand(sent)).catch(async (error: unknown) => {
      // a completion whose answer was lost has done its work: the repeated request finds no such upload
      if ((error as Error).name !== 'NoSuchUpload' || (await objects.head(key))?.bytes !== bytes) throw said(error);
    });
  } catch (error) {
    await Promise.allSettled(parts);
    await client.send(new AbortMultipartUploadCommand(upload)).catch(() => undefined);
    throw error;
  }
}

/** The same bytes in pieces of that size, but for the last. */
async function* piecesOf(bytes: AsyncIterable<Uint8Array>, size: number): AsyncGenerator<Buffer> {
  let held: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of bytes) {
    let rest = chunk;
    while (length + rest.length >= size) {
      const taken = rest.subarray(0, size - length);
      yield Buffer.concat([...held, taken]);
      [held, length, rest] = [[], 0, rest.subarray(taken.length)];
    }
    if (rest.length === 0) continue;
    held.push(rest);
    length += rest.length;
  }
  if (length > 0) yield Buffer.concat(held);
}

/**
 * Writes the object to `path`, which must not be there. Throws `ArtifactMissing` when there is none, and
 * `ArtifactDamaged` when it has other bytes than `ref` says, also when it is fetched a second time.
 */
export async function downloadFile(objects: Objects, key: string, path: string, ref: Content): Promise<void> {
  try {
    for (let round = 1; ; round++) {
      await pipeline(bytesOf(objects, key), createWriteStream(path, { flags: 'wx' }));
      const found = await hashOf(path);
      if (found.sha256 === ref.sha256) return;
      if (round === 2) throw damaged(named(objects.address, key), found.sha256, ref);
      await rm(path);
    }
  } catch (error) {
    await rm(path, { force: true });
    throw error;
  }
}

/** The object's bytes; reading goes on where it broke off. Throws `ArtifactMissing` when there is none. */
export async function* bytesOf(objects: Objects, key: string): AsyncGenerator<Buffer> {
  let [start, end, failures] = [0, Infinity, 0];
  for (;;) {
    const before = start;
    try {
      const range = start === 0 ? {} : { Range: `bytes=${start}-` };
      const { Body, ContentLength } = await objects.client.send(new GetObjectCommand({ ...objects.at(key), ...range }));
      if (ContentLength !== undefined) end = start + ContentLength;
      for await (const chunk of Body as AsyncIterable<Buffer>) {
        start += chunk.length;
        yield chunk;
      }
      if (ContentLength === undefined || start === end) return;
      throw brokenOff('the body broke off');
    } catch (error) {
      if (isAbsent(error)) throw absent(named(objects.address, key));
      if (start === end) return;
      failures = start > before ? 0 : failures + 1;
      if (!isTorn(error) || failures === BROKEN_OFF) throw objects.said(key, error);
      await sleep(Math.random() * 100 * 2 ** failures);
    }
  }
}

export async function hashOf(path: string): Promise<Content> {
  return readContent(createReadStream(path, { highWaterMark: 1 << 20 }) as AsyncIterable<Buffer>);
}

export function absent(place: string): ArtifactMissing {
  return new ArtifactMissing(`${place} is gone. ${MADE_ANEW}`);
}

export function damaged(place: string, found: Sha256, { sha256: expected }: Content): ArtifactDamaged {
  return new ArtifactDamaged(`${place} has SHA-256 ${found}, expected ${expected}. ${MADE_ANEW}`);
}

function changed(path: string): ChangedMeanwhile {
  return new ChangedMeanwhile(`${path} was changed while it was uploaded`);
}
