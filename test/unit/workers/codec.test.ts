import { randomBytes } from 'node:crypto';
import { chmodSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { defaultPayloadConverter } from '@temporalio/common';
import { codecKeys, encryptedWith, HistoryCodec } from '../../../workers/codec';
import { keyNames } from '../../../workers/codec-check';

const OLD = { id: 'k1', key: randomBytes(32) };
const NEW = { id: 'k2', key: randomBytes(32) };
const PAYLOAD = defaultPayloadConverter.toPayload({ words: 'a secret plan' });

test('what is encrypted can be read with the same key, shows nothing, and differs each time', async () => {
  const codec = new HistoryCodec([OLD]);
  const [one, other] = await codec.encode([PAYLOAD, PAYLOAD]);
  expect(Buffer.from(one!.data!).includes('secret')).toBe(false);
  expect(Buffer.from(one!.data!).equals(Buffer.from(other!.data!))).toBe(false);
  expect(encryptedWith(one!)).toBe('k1');
  const [read] = await codec.decode([one!]);
  expect(defaultPayloadConverter.fromPayload(read!)).toEqual({ words: 'a secret plan' });
});

test('after a change of keys both are read, and the first one encrypts', async () => {
  const before = await new HistoryCodec([OLD]).encode([PAYLOAD]);
  const changed = new HistoryCodec([NEW, OLD]);
  expect(defaultPayloadConverter.fromPayload((await changed.decode(before))[0]!)).toEqual({ words: 'a secret plan' });
  expect(encryptedWith((await changed.encode([PAYLOAD]))[0]!)).toBe('k2');
});

test('what was written before keys were set is read', async () => {
  expect(await new HistoryCodec([OLD]).decode([PAYLOAD])).toEqual([PAYLOAD]);
});

test('without the key, or with another of that name, it is an error that says so', async () => {
  const encrypted = await new HistoryCodec([OLD]).encode([PAYLOAD]);
  await expect(new HistoryCodec([]).decode(encrypted)).rejects.toThrow(/key k1, and there is none here/);
  await expect(new HistoryCodec([NEW]).decode(encrypted)).rejects.toThrow(/key k1, and here are k2/);
  await expect(new HistoryCodec([{ ...NEW, id: 'k1' }]).decode(encrypted)).rejects.toThrow(/the same key on all sides/);
});

test('the keys that a history names are found', async () => {
  const [one] = await new HistoryCodec([OLD]).encode([PAYLOAD]);
  const events = [{ workflowExecutionStartedEventAttributes: { input: { payloads: [PAYLOAD, one!] } } }];
  expect([...keyNames({ events })]).toEqual(['k1']);
  expect([...keyNames({ events: [{ userMetadata: { summary: PAYLOAD } }] })]).toEqual([]);
});

describe('the file of keys', () => {
  const file = join(mkdtempSync(join(tmpdir(), 'flamingo-keys-')), 'keys');
  const keys = (text: string, mode = 0o600): unknown => {
    writeFileSync(file, text);
    chmodSync(file, mode);
    return codecKeys({ FLAMINGO_CODEC_KEY_FILE: file });
  };
  const line = ({ id, key }: typeof OLD): string => `${id} ${key.toString('base64')}\n`;

  test('holds them in the order in which they count', () => {
    expect(keys(`# newest first\n${line(NEW)}\n${line(OLD)}`)).toEqual([NEW, OLD]);
    expect(codecKeys({})).toEqual([]);
  });

  test.each([
    ['nothing', '', /holds no key/],
    ['a short key', 'k1 YWJj\n', /line 1: expected a name and 32 bytes/],
    ['a name twice', line(OLD) + line(OLD), /twice/],
  ])('with %s is refused', (_, text, message) => {
    expect(() => keys(text)).toThrow(message);
  });

  test('that others can read is refused', () => {
    expect(() => keys(line(OLD), 0o644)).toThrow(/chmod 600/);
  });

  test('is not quoted in errors', () => {
    expect(() => keys('k1 c2VjcmV0\n')).not.toThrow(/c2VjcmV0/);
  });
});
