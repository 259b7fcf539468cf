import type { Objects } from '../../../../artifacts/s3/objects';
import { Records } from '../../../../artifacts/s3/records';

const KEY = 'spending/demo';

/** A bucket in memory that counts what it is asked. */
class Bucket {
  readonly stored = new Map<string, string>();
  reads = 0;
  refusing = false;

  get objects(): Objects {
    return this as unknown as Objects;
  }

  async put(key: string, text: string): Promise<void> {
    if (this.refusing) throw new Error('it is full');
    this.stored.set(key, text);
  }

  async text(key: string): Promise<string | null> {
    this.reads += 1;
    return this.stored.get(key) ?? null;
  }

  async *list(prefix: string) {
    for (const key of [...this.stored.keys()].sort()) if (key.startsWith(prefix)) yield { key };
  }
}

test('lines that come while one is being kept go together, and nobody reads for it', async () => {
  const bucket = new Bucket();
  const records = new Records(bucket.objects, 50);
  await records.append(KEY, '0');
  await Promise.all(['1', '2', '3\n'].map((line) => records.append(KEY, line)));
  expect([...bucket.stored.values()]).toEqual(['0\n', '1\n2\n3\n']);
  expect(bucket.reads).toBe(0);
});

test('what was read once is not asked for again', async () => {
  const bucket = new Bucket();
  const [here, elsewhere] = [new Records(bucket.objects, 0), new Records(bucket.objects, 0)];
  await here.append(KEY, '1');
  expect(await elsewhere.read(KEY)).toBe('1\n');
  bucket.reads = 0;
  await here.append(KEY, '2');
  expect(await elsewhere.read(KEY)).toBe('1\n2\n');
  expect(bucket.reads).toBe(2); // the record itself, and the new lines
});

test('a line that could not be kept is told, and the next one is tried anew', async () => {
  const bucket = new Bucket();
  const records = new Records(bucket.objects, 0);
  bucket.refusing = true;
  await expect(records.append(KEY, '1')).rejects.toThrow('it is full');
  bucket.refusing = false;
  await records.append(KEY, '2');
  expect(await records.read(KEY)).toBe('2\n');
  expect(await records.read('spending/other')).toBeNull();
});
