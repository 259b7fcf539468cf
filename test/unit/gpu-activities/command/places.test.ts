/** What earlier attempts left is there, not there, or can not be looked at: the last is an error, and never the second. */
import fs, { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Store } from '../../../../artifacts/store';
import { filesIn, layOut, placesIn, traceOf } from '../../../../gpu-activities/command/places';

let folder: string;
let earlier: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'flamingo-places-'));
  earlier = join(folder, 'r1-1');
  mkdirSync(join(earlier, 'checkpoints'), { recursive: true });
  writeFileSync(join(earlier, 'checkpoints', 'state.bin'), 'state');
});
afterEach(() => {
  jest.restoreAllMocks();
  rmSync(folder, { recursive: true, force: true });
});

const now = (): ReturnType<typeof placesIn> => placesIn(join(folder, 'r1-2'));
const begin = (): Promise<void> => layOut({} as Store, now(), {}, [join(folder, 'r1-0'), earlier]);

test('a new attempt goes on from the newest one before it; attempts that left nothing are passed over', async () => {
  await begin();
  expect(readFileSync(join(now().checkpoints, 'state.bin'), 'utf8')).toBe('state');
  expect(await filesIn(now().checkpoints)).toEqual(['state.bin']);
  expect(await filesIn(join(folder, 'nowhere'))).toEqual([]);
});

test.each(['EIO', 'ESTALE', 'EACCES', 'EMFILE'])('with %s nothing counts as gone', async (code) => {
  const refuse = (call: 'readdir' | 'stat'): jest.SpyInstance => {
    const real = fs.promises[call] as (...args: unknown[]) => Promise<unknown>;
    return jest.spyOn(fs.promises, call as 'stat').mockImplementation((async (...args: unknown[]) => {
      if (String(args[0]).startsWith(join(earlier, 'checkpoints')))
        throw Object.assign(new Error(`${code}: refused`), { code });
      return real(...args);
    }) as never);
  };
  const spy = refuse('readdir');
  await expect(begin()).rejects.toThrow(code);
  await expect(filesIn(placesIn(earlier).checkpoints)).rejects.toThrow(code);
  spy.mockRestore();
  refuse('stat');
  await expect(traceOf(placesIn(earlier).checkpoints)).rejects.toThrow(code);
});
