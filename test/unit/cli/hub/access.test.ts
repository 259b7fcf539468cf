/** Address and token of the hub. */
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { hubAccess, hubUrlOf } from '../../../../cli/hub/access';

const home = mkdtempSync(join(tmpdir(), 'flamingo-token-'));

test('the hub, unless HF_ENDPOINT names another', () => {
  expect(hubUrlOf({})).toBe('https://huggingface.co');
  expect(hubUrlOf({ HF_ENDPOINT: 'https://hub.example.org/' })).toBe('https://hub.example.org');
  expect(hubUrlOf({ HF_ENDPOINT: 'http://127.0.0.1:1' })).toBe('http://127.0.0.1:1');
});

test.each([
  ['http://hub.example.org', 'has to begin with https'],
  ['hub', 'is no address'],
])('HF_ENDPOINT=%s is refused', (address, words) => {
  expect(() => hubUrlOf({ HF_ENDPOINT: address })).toThrow(words);
});

test('the token: HF_TOKEN, else the file that the login writes', async () => {
  writeFileSync(join(home, 'token'), 'hf_file\n');
  writeFileSync(join(home, 'other'), 'hf_other');
  expect((await hubAccess({ HF_TOKEN: 'hf_given', HF_HOME: home })).accessToken).toBe('hf_given');
  expect((await hubAccess({ HF_HOME: home })).accessToken).toBe('hf_file');
  expect((await hubAccess({ HF_HOME: home, HF_TOKEN_PATH: join(home, 'other') })).accessToken).toBe('hf_other');
});

test('no token, or one that is none, is not repeated', async () => {
  await expect(hubAccess({ HF_HOME: join(home, 'none') })).rejects.toThrow('no token of the hub');
  const error = await hubAccess({ HF_TOKEN: 'sk-secret' }).catch((found: Error) => found);
  expect((error as Error).message).toContain('it begins with hf_');
  expect((error as Error).message).not.toContain('secret');
});
