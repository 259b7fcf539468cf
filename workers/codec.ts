/**
 * Encrypts what goes into Temporal's histories: `FLAMINGO_CODEC_KEY_FILE` names a file of keys, one a line, `ID BASE64`, 32
 * bytes each. The first one encrypts, all of them decrypt, so that a key is changed by writing a new one above it.
 *
 * Inputs, results, heartbeats, failure details, summaries and progress are encrypted (AES-256-GCM); the names of workflows, task queues and
 * activities, search attributes and the messages of failures are not: Temporal itself works with those.
 */
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import type { DataConverter, Payload, PayloadCodec } from '@temporalio/common';
import { temporal } from '@temporalio/proto';

const ENCODING = 'binary/encrypted';
const CIPHER = 'AES-256-GCM';
const KEY_BYTES = 32;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const OTHERS = 0o077;

export interface CodecKey {
  id: string;
  key: Buffer;
}

/** For clients and workers alike. Throws when the file is not as it should be. */
export function dataConverter(env: NodeJS.ProcessEnv): DataConverter {
  return { payloadCodecs: [new HistoryCodec(codecKeys(env))] };
}

/** None where the environment names no file. */
export function codecKeys(env: NodeJS.ProcessEnv): CodecKey[] {
  const file = env['FLAMINGO_CODEC_KEY_FILE'];
  if (!file) return [];
  const text = readFileSync(file, 'utf8');
  if ((statSync(file).mode & OTHERS) !== 0)
    throw new Error(`${file} (FLAMINGO_CODEC_KEY_FILE) can be read by others: chmod 600 it`);
  const keys = text.split('\n').flatMap((line, index) => {
    const [id, base64 = '', ...more] = line.trim().split(/\s+/);
    if (!id || id.startsWith('#')) return [];
    const key = Buffer.from(base64, 'base64');
    // the line itself is a secret
    if (key.length !== KEY_BYTES || more.length > 0)
      throw new Error(`${file}, line ${index + 1}: expected a name and ${KEY_BYTES} bytes in base64`);
    return [{ id, key }];
  });
  if (keys.length === 0) throw new Error(`${file} (FLAMINGO_CODEC_KEY_FILE) holds no key`);
  if (new Set(keys.map(({ id }) => id)).size !== keys.length) throw new Error(`${file} has a key's name twice`);
  return keys;
}

/** Without keys nothing is encrypted, and what is encrypted is an error that says so. */
export class HistoryCodec implements PayloadCodec {
  constructor(private readonly keys: readonly CodecKey[]) {}

  encode(payloads: Payload[]): Promise<Payload[]> {
    const [first] = this.keys;
    return Promise.resolve(first === undefined ? payloads : payloads.map((payload) => encrypted(payload, first)));
  }

  decode(payloads: Payload[]): Promise<Payload[]> {
    return Promise.resolve().then(() => payloads.map((payload) => this.decoded(payload)));
  }

  private decoded(payload: Payload): Payload {
    const id = encryptedWith(payload);
    if (id === null) return payload;
    const found = this.keys.find((key) => key.id === id);
    if (found === undefined) throw lacksKey(id, this.keys);
    const data = Buffer.from(payload.data ?? []);
    const decipher = createDecipheriv('aes-256-gcm', found.key, data.subarray(0, NONCE_BYTES));
    decipher.setAAD(Buffer.from(id));
    decipher.setAuthTag(data.subarray(NONCE_BYTES, NONCE_BYTES + TAG_BYTES));
    try {
      const plain = Buffer.concat([decipher.update(data.subarray(NONCE_BYTES + TAG_BYTES)), decipher.final()]);
      return temporal.api.common.v1.Payload.decode(plain);
    } catch (error) {
      throw new Error(`what was encrypted with the key ${id} can not be read: is it the same key on all sides?`, {
        cause: error,
      });
    }
  }
}

function encrypted(payload: Payload, { id, key }: CodecKey): Payload {
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv('aes-256-gcm', key, nonce);
  cipher.setAAD(Buffer.from(id));
  const plain = temporal.api.common.v1.Payload.encode(payload).finish();
  const body = Buffer.concat([cipher.update(plain), cipher.final()]);
  const metadata = { encoding: ENCODING, 'encryption-cipher': CIPHER, 'encryption-key-id': id };
  return {
    metadata: Object.fromEntries(Object.entries(metadata).map(([name, value]) => [name, Buffer.from(value)])),
    data: Buffer.concat([nonce, cipher.getAuthTag(), body]),
  };
}

/** The name of the key, null where nothing is encrypted. */
export function encryptedWith({ metadata }: Pick<Payload, 'metadata'>): string | null {
  const text = (name: string): string => Buffer.from(metadata?.[name] ?? []).toString();
  return text('encoding') === ENCODING ? text('encryption-key-id') : null;
}

export function lacksKey(id: string, keys: readonly CodecKey[]): Error {
  const here = keys.length === 0 ? 'there is none here' : `here are ${keys.map((key) => key.id).join(', ')}`;
  return new Error(
    `the histories on this Temporal server are encrypted with the key ${id}, and ${here}: ` +
      'give every command and worker the same FLAMINGO_CODEC_KEY_FILE',
  );
}
