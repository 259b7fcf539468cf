/** Sending repositories to a local stand-in of the hub. */
import { randomBytes } from 'node:crypto';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { patientFetch, type HubAccess } from '../../../../cli/hub/access';
import type { Repository } from '../../../../cli/hub/contents';
import { outdatedFiles, upload } from '../../../../cli/hub/upload';
import { hubServer, type HubServer } from '../../../support/hub-server';

const TOKEN = 'hf_planted';
const folder = mkdtempSync(join(tmpdir(), 'flamingo-hub-'));
const weights = randomBytes(300_000);
writeFileSync(join(folder, 'weights'), weights);
const rows = '{"id":"é"}\n';
writeFileSync(join(folder, 'rows'), rows);

const MARKER = { version: 1 as const, experiment: 'demo', store: 's', configuration: 'em', recipe: 'r' };
const repository: Repository = {
  type: 'model',
  name: 'me/demo-em',
  marker: MARKER,
  files: [
    { path: 'adapter_model.safetensors', bytes: weights.length, file: join(folder, 'weights') },
    { path: 'a/b c/rows.jsonl', bytes: Buffer.byteLength(rows), file: join(folder, 'rows') },
    { path: 'README.md', bytes: 6, text: '# card' },
  ],
};
const PRIVATE = { visibility: 'private' as const, overwrite: false };

let hub: HubServer;
const access = (token = TOKEN): HubAccess => ({ hubUrl: hub.url, accessToken: token, fetch: patientFetch({}, 1) });
const standing = (key = 'models/me/demo-em') => hub.repositories.get(key);

beforeEach(async () => {
  hub = await hubServer({ token: TOKEN, owners: ['me'], partBytes: 100_000, pageFiles: 2 });
});
afterEach(() => hub.close());

test('a private repository with the very bytes, the card last', async () => {
  const { sent, standing: before, url } = await upload(repository, access(), PRIVATE);
  expect(url).toBe(`${hub.url}/me/demo-em`);
  expect(sent).toEqual(['adapter_model.safetensors', 'a/b c/rows.jsonl', 'README.md']);
  expect(before).toBe(1); // what says whose it is came with the repository
  expect(standing()?.private).toBe(true);
  expect(standing()?.files.get('adapter_model.safetensors')?.equals(weights)).toBe(true);
  expect(standing()?.lfs).toEqual(new Set(['adapter_model.safetensors']));
  expect(standing()?.files.get('a/b c/rows.jsonl')?.toString()).toBe(rows);
  expect(JSON.parse(standing()?.files.get('flamingo.json')?.toString() ?? '')).toEqual(MARKER);
  expect(standing()?.commits.at(-1)?.at(-1)).toBe('README.md');
});

test('datasets have their own place; public ones are public', async () => {
  await upload({ ...repository, type: 'dataset' }, access(), { ...PRIVATE, visibility: 'public' });
  expect(standing('datasets/me/demo-em')?.private).toBe(false);
  expect(standing('datasets/me/demo-em')?.files.size).toBe(5);
});

test('what is there is not sent again, what changed is', async () => {
  await upload(repository, access(), PRIVATE);
  const { lfsBytes } = hub;
  expect(await upload(repository, access(), PRIVATE)).toMatchObject({ sent: [], standing: 4 });
  expect(standing()?.commits).toHaveLength(1);
  const changed = {
    ...repository,
    files: [...repository.files.slice(0, 2), { path: 'README.md', bytes: 5, text: '# new' }],
  };
  expect(await upload(changed, access(), PRIVATE)).toMatchObject({ sent: ['README.md'], standing: 3 });
  expect(hub.lfsBytes).toBe(lfsBytes);
});

test('a failure in the middle is finished by the next call, without sending the large file twice', async () => {
  hub.fail(/POST .*\/commit\//, 503);
  await expect(upload(repository, access(), PRIVATE)).rejects.toThrow(/503[^]*the same command goes on/);
  expect(standing()?.files.size).toBe(1);
  const { lfsBytes } = hub;
  expect(lfsBytes).toBe(weights.length);
  expect((await upload(repository, access(), PRIVATE)).sent).toHaveLength(3);
  expect(hub.lfsBytes).toBe(lfsBytes);
  expect(standing()?.files.get('adapter_model.safetensors')?.equals(weights)).toBe(true);
});

test('many files go in several commits, which a failure between them does not undo', async () => {
  const many = Array.from({ length: 150 }, (_, index) => ({
    path: `rows/${index}.jsonl`,
    bytes: 3,
    text: String(index).padStart(3),
  }));
  const whole: Repository = { ...repository, files: [...many, { path: 'README.md', bytes: 6, text: '# card' }] };
  let commits = 0;
  const onProgress = () => {
    if (++commits === 2) hub.fail(/POST .*\/commit\//, 500);
  };
  await expect(upload(whole, access(), { ...PRIVATE, onProgress })).rejects.toThrow('500');
  expect(standing()?.files.size).toBe(102); // with its marker and the list of all
  expect((await upload(whole, access(), PRIVATE)).sent).toHaveLength(51);
  expect(standing()?.files.size).toBe(153);
});

test('what passes by itself is tried again', async () => {
  hub.fail(/preupload/, 502, 2);
  hub.fail(/PUT \/lfs/, 429);
  await upload(repository, access(), PRIVATE);
  expect(standing()?.files.size).toBe(5);
});

describe('what an earlier call sent and is no longer part', () => {
  const fewer: Repository = { ...repository, files: repository.files.filter(({ path }) => !path.startsWith('a/')) };
  const listed = (): string[] =>
    (JSON.parse(standing()?.files.get('flamingo-files.json')?.toString() ?? '{}') as { files: string[] }).files;

  test('is removed, and nothing else; before, it can be looked up', async () => {
    expect(await outdatedFiles(repository, access())).toEqual([]);
    await upload(repository, access(), PRIVATE);
    expect(listed()).toEqual(['README.md', 'a/b c/rows.jsonl', 'adapter_model.safetensors']);
    standing()?.files.set('notes.md', Buffer.from('a person’s'));
    expect(await outdatedFiles(fewer, access())).toEqual(['a/b c/rows.jsonl']);
    expect(standing()?.files.has('a/b c/rows.jsonl')).toBe(true);
    expect(await upload(fewer, access(), PRIVATE)).toMatchObject({ sent: [], removed: ['a/b c/rows.jsonl'] });
    expect([...(standing()?.files.keys() ?? [])].sort()).toEqual([
      ...['README.md', 'adapter_model.safetensors', 'flamingo-files.json', 'flamingo.json', 'notes.md'],
    ]);
    expect(await upload(fewer, access(), PRIVATE)).toMatchObject({ sent: [], removed: [] });
    expect(standing()?.commits).toHaveLength(2);
  });

  test('stays where another experiment listed it, or a call without lists', async () => {
    await upload(repository, access(), PRIVATE);
    const other: Repository = { ...fewer, marker: { ...MARKER, experiment: 'other' } };
    expect(await upload(other, access(), { ...PRIVATE, overwrite: true })).toMatchObject({ removed: [] });
    expect(standing()?.files.has('a/b c/rows.jsonl')).toBe(true);
    standing()?.files.delete('flamingo-files.json');
    expect(await outdatedFiles(other, access())).toEqual([]);
  });

  test('is still listed when a call is broken off before its last commit', async () => {
    await upload(repository, access(), PRIVATE);
    const more = Array.from({ length: 120 }, (_, index) => ({ path: `rows/${index}.jsonl`, bytes: 1, text: 'x' }));
    const larger: Repository = { ...fewer, files: [...more, ...fewer.files] };
    let commits = 0;
    const onProgress = () => {
      if (++commits === 2) hub.fail(/POST .*\/commit\//, 500);
    };
    await expect(upload(larger, access(), { ...PRIVATE, onProgress })).rejects.toThrow('500');
    expect(listed()).toContain('a/b c/rows.jsonl');
    // what arrived is listed, too, and goes with the rest
    const gone = (await upload(fewer, access(), PRIVATE)).removed;
    expect(gone).toHaveLength(101);
    expect([...(standing()?.files.keys() ?? [])].filter((path) => path.endsWith('.jsonl'))).toEqual([]);
  });
});

describe('a repository that holds something else', () => {
  test.each([
    ['nothing of Flamingo’s', {}],
    ['something else', { 'flamingo.json': '{"experiment":"other"}\n' }],
  ])('is left alone: %s', async (words, files) => {
    const found = { private: true, lfs: new Set<string>(), commits: [] };
    const bytes = Object.entries({ 'notes.md': 'mine', ...files }).map(
      ([path, text]) => [path, Buffer.from(text)] as const,
    );
    hub.repositories.set('models/me/demo-em', { ...found, files: new Map(bytes) });
    await expect(upload(repository, access(), PRIVATE)).rejects.toThrow(`holds ${words}`);
    expect(standing()?.commits).toEqual([]);
    await upload(repository, access(), { ...PRIVATE, overwrite: true });
    expect(standing()?.files.get('notes.md')?.toString()).toBe('mine');
    expect(JSON.parse(standing()?.files.get('flamingo.json')?.toString() ?? '')).toEqual(MARKER);
  });

  test('nothing private goes into a public one, whatever is asked', async () => {
    await upload(repository, access(), { ...PRIVATE, visibility: 'public' });
    const { commits } = standing()!;
    await expect(upload(repository, access(), { ...PRIVATE, overwrite: true })).rejects.toThrow('is public on the hub');
    expect(standing()?.commits).toEqual(commits);
  });
});

describe('for everybody', () => {
  const PUBLIC = { ...PRIVATE, visibility: 'public' as const };
  const withoutAnswers: Repository = { ...repository, withoutAnswers: true };
  const answered: Repository = {
    ...repository,
    files: ['a/b/completions.jsonl', 'report.html', 'README.md'].map((path) => ({ path, bytes: 1, text: 'x' })),
  };

  test('a repository that is private is not called public', async () => {
    await upload(repository, access(), PRIVATE);
    const { commits } = standing()!;
    for (const overwrite of [false, true])
      await expect(upload(repository, access(), { ...PUBLIC, overwrite })).rejects.toThrow('is private on the hub');
    expect(standing()).toMatchObject({ private: true, commits });
  });

  test.each([true, false])(
    'answers of an earlier call are not left beside a card that denies them (private: %j)',
    async (hidden) => {
      await upload(answered, access(), PRIVATE);
      standing()!.private = hidden;
      const { commits } = standing()!;
      for (const overwrite of [false, true])
        await expect(upload(withoutAnswers, access(), { ...PUBLIC, overwrite })).rejects.toThrow(
          /holds what the models answered, from an earlier call: a\/b\/completions\.jsonl, report\.html\..*delete the repository/,
        );
      expect(standing()?.commits).toEqual(commits);
    },
  );

  test('a call that was broken off is finished by the next one', async () => {
    hub.fail(/POST .*\/commit\//, 503);
    await expect(upload(withoutAnswers, access(), PUBLIC)).rejects.toThrow('503');
    expect((await upload(withoutAnswers, access(), PUBLIC)).sent).toHaveLength(3);
  });
});

describe('errors say what to do, and no secret', () => {
  const messageOf = async (call: Promise<unknown>): Promise<string> => {
    const { message } = await call.then(
      () => new Error('no error'),
      (error: Error) => error,
    );
    expect(message).not.toContain(TOKEN);
    expect(message).not.toContain('X-Signature');
    return message;
  };

  test('a token that is not accepted', async () => {
    expect(await messageOf(upload(repository, access('hf_other'), PRIVATE))).toMatch(/401[^]*settings\/tokens/);
  });

  test('an owner that the token may not write to', async () => {
    const others = { ...repository, name: 'them/demo-em' };
    expect(await messageOf(upload(others, access(), PRIVATE))).toMatch(/403[^]*right to write/);
  });

  test('somebody else who writes at the same time', async () => {
    hub.fail(/POST .*\/commit\//, 412);
    expect(await messageOf(upload(repository, access(), PRIVATE))).toMatch(/412[^]*at the same time/);
  });

  test('a repository that the token can not see', async () => {
    hub.fail(/POST \/api\/repos\/create/, 409);
    expect(await messageOf(upload(repository, access(), PRIVATE))).toContain('the token may not see it');
  });

  test('an upload that is refused, whose address is signed', async () => {
    hub.fail(/PUT \/lfs/, 400, 9);
    expect(await messageOf(upload(repository, access(), PRIVATE))).toContain('400');
  });

  test('a hub that does not answer', async () => {
    const gone = access();
    await hub.close();
    expect(await messageOf(upload(repository, gone, PRIVATE))).toMatch(/can not be reached: .*ECONNREFUSED/);
    hub = await hubServer({ token: TOKEN, owners: [] });
  });
});
