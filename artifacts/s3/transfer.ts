/**
 * Files of any size to and from object storage: in parts, a few at a time, so that memory is bounded; downloads go on where
 * they broke off.
 */
import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { rm, stat, type FileHandle } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  GetObjectCommand,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import pLimit from 'p-limit';
import type { Sha256 } from '../../experiment/canonical';
import type { ArtifactRef } from '../../experiment/plan';
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
 * uploaded: of a small file what it held at one moment. Throws `ChangedMeanwhile` when a large one was written to.
 */
export async function uploadFile(
  objects: Objects,
  path: string,
  keyOf: (about: FileHash) => string | null,
): Promise<FileHash> {
  const file = await openRegular(path);
  try {
    const { size } = await file.stat();
    if (size > PART_BYTES) {
      const about = await hashOf(path);
      const key = keyOf(about);
      if (key !== null) await uploadParts(objects, key, file, path, about);
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

async function uploadParts(
  objects: Objects,
  key: string,
  file: FileHandle,
  path: string,
  about: FileHash,
): Promise<void> {
  const { client } = objects;
  const at = objects.at(key);
  const { UploadId } = await client.send(new CreateMultipartUploadCommand(at)).catch((error: unknown) => {
    throw objects.said(key, error);
  });
  const upload = { ...at, UploadId };
  try {
    const size = Math.max(PART_BYTES, Math.ceil(about.bytes / MOST_PARTS));
    const numbers = Array.from({ length: Math.ceil(about.bytes / size) }, (_, index) => index + 1);
    const parts = await pLimit(PARTS_AT_ONCE).map(numbers, async (number) => {
      const start = (number - 1) * size;
      const body = Buffer.alloc(Math.min(size, about.bytes - start));
      const { bytesRead } = await file.read(body, 0, body.length, start);
      if (bytesRead !== body.length) throw changed(path);
      // the server refuses a part that became another on the way
      const checksum = createHash('md5').update(body).digest('base64');
      const { ETag } = await client.send(
        new UploadPartCommand({ ...upload, PartNumber: number, Body: body, ContentMD5: checksum }),
      );
      return { ETag, PartNumber: number };
    });
    // what was sent is what was hashed, unless somebody wrote meanwhile
    if ((await hashOf(path)).sha256 !== about.sha256) throw changed(path);
    await client.send(new CompleteMultipartUploadCommand({ ...upload, MultipartUpload: { Parts: parts } }));
  } catch (error) {
    // a completion whose answer was lost has done its work: the repeated request finds no such upload
    if ((error as Error).name === 'NoSuchUpload' && (await objects.head(key))?.bytes === about.bytes) return;
    await client.send(new AbortMultipartUploadCommand(upload)).catch(() => undefined);
    throw error instanceof ChangedMeanwhile ? error : objects.said(key, error);
  }
}

/**
 * Writes the object to `path`, which must not be there. Throws `ArtifactMissing` when there is none, and
 * `ArtifactDamaged` when it has other bytes than `ref` says, also when it is fetched a second time.
 */
export async function downloadFile(objects: Objects, key: string, path: string, ref: FileHash): Promise<void> {
  try {
    for (let round = 1; ; round++) {
      await fetchTo(objects, key, path);
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

async function fetchTo(objects: Objects, key: string, path: string): Promise<void> {
  for (let failures = 0; ;) {
    const start = await sizeOf(path);
    try {
      const range = start === 0 ? {} : { Range: `bytes=${start}-` };
      const { Body, ContentLength } = await objects.client.send(new GetObjectCommand({ ...objects.at(key), ...range }));
      await pipeline(Body as Readable, createWriteStream(path, { flags: start === 0 ? 'w' : 'r+', start }));
      if (ContentLength === undefined || (await sizeOf(path)) === start + ContentLength) return;
      throw brokenOff('the body broke off');
    } catch (error) {
      if (isAbsent(error)) throw absent(named(objects.address, key));
      failures = (await sizeOf(path)) > start ? 0 : failures + 1;
      if (!isTorn(error) || failures === BROKEN_OFF) throw objects.said(key, error);
      await sleep(Math.random() * 100 * 2 ** failures);
    }
  }
}

export type FileHash = Pick<ArtifactRef, 'sha256' | 'bytes'>;

export async function hashOf(path: string): Promise<FileHash> {
  const hash = createHash('sha256');
  let bytes = 0;
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 })) {
    hash.update(chunk as Buffer);
    bytes += (chunk as Buffer).length;
  }
  return { sha256: hash.digest('hex'), bytes };
}

export function absent(place: string): ArtifactMissing {
  return new ArtifactMissing(`${place} is gone. ${MADE_ANEW}`);
}

export function damaged(place: string, found: Sha256, { sha256: expected }: FileHash): ArtifactDamaged {
  return new ArtifactDamaged(`${place} has SHA-256 ${found}, expected ${expected}. ${MADE_ANEW}`);
}

/** 0 also for none. */
async function sizeOf(path: string): Promise<number> {
  return (await stat(path).catch(() => null))?.size ?? 0;
}

function changed(path: string): ChangedMeanwhile {
  return new ChangedMeanwhile(`${path} was changed while it was uploaded`);
}
