import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { QuickLooks, quickNames, quickRead, quickStat } from '../../../../artifacts/local/quick';

/** Looks that take as long as told, in ms; returns which of them were done on this thread. */
async function lookedHere(times: readonly number[]): Promise<boolean[]> {
  let clock = 0;
  const looks = new QuickLooks(() => clock);
  const done: boolean[] = [];
  for (const time of times) {
    done.push(
      await looks.do(
        () => {
          clock += time;
          return true;
        },
        () => Promise.resolve(false),
      ),
    );
  }
  return done;
}

test('quick looks stay on this thread', async () => {
  expect(await lookedHere(Array.from({ length: 500 }, () => 0.02))).not.toContain(false);
});

test('a single slow look, such as one that was interrupted, changes nothing', async () => {
  expect(await lookedHere([0.02, 8, 0.02, 8, 0.02])).toEqual([true, true, true, true, true]);
});

test('after two slow ones the next are handed over, then the file system is tried again', async () => {
  const done = await lookedHere([1, 1, ...Array.from({ length: 256 }, () => 1), 0.02, 0.02]);
  expect(done.slice(0, 2)).toEqual([true, true]);
  expect(done.slice(2, 258)).not.toContain(true);
  expect(done.slice(258)).toEqual([true, true]);
});

test('what a look throws is thrown, and a slow one that throws counts', async () => {
  let clock = 0;
  const looks = new QuickLooks(() => clock);
  const fail = (): never => {
    clock += 1;
    throw new Error('gone');
  };
  const elsewhere = (): Promise<string> => Promise.resolve('elsewhere');
  for (let round = 0; round < 2; round++) await expect(looks.do(fail, elsewhere)).rejects.toThrow('gone');
  expect(await looks.do(fail, elsewhere)).toBe('elsewhere');
});

test('small and large files, sizes and names are those on the disk; absence is ENOENT', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'quick-'));
  try {
    writeFileSync(join(folder, 'small'), 'soup');
    writeFileSync(join(folder, 'large'), 'x'.repeat(200_000));
    expect((await quickRead(join(folder, 'small'), 4)).toString()).toBe('soup');
    expect(await quickRead(join(folder, 'large'), 200_000)).toHaveLength(200_000);
    expect((await quickStat(join(folder, 'large'))).size).toBe(200_000);
    expect((await quickNames(folder)).sort()).toEqual(['large', 'small']);
    const absent = join(folder, 'absent');
    for (const look of [quickRead(absent, 1), quickStat(absent), quickNames(absent)])
      await expect(look).rejects.toMatchObject({ code: 'ENOENT' });
  } finally {
    rmSync(folder, { recursive: true });
  }
});
