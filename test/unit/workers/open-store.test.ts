/** The store of a project: made at first use, and never again where one was. */
import fs, { mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { S3Store } from '../../../artifacts/s3/store';
import { StoreAbsent, StoreMisconfigured } from '../../../artifacts/store';
import { openStore } from '../../../workers/open-store';

let folder: string;
let place: string;
const before = { ...process.env };
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'flamingo-open-'));
  place = join(folder, 'mount', 'store');
  Object.assign(process.env, { FLAMINGO_HOME: join(folder, 'home'), FLAMINGO_STORE: place });
});
afterEach(() => {
  jest.restoreAllMocks();
  process.env = { ...before };
  rmSync(folder, { recursive: true, force: true });
});

test('the first use makes it and says so, later ones find it', async () => {
  const said: string[] = [];
  const first = (line: string): number => said.push(line);
  const { id } = await openStore(undefined, { first });
  expect((await openStore(undefined, { first })).id).toBe(id);
  expect(said).toEqual([`${place} (${id}) is the store of this project from now on`]);
});

test.each([
  ['an empty folder', (): void => void mkdirSync(place)],
  ['no folder', (): void => undefined],
])('a store that was used before and is %s now is no new one', async (_, leave) => {
  const { id } = await openStore();
  renameSync(place, join(folder, 'away'));
  leave();
  await expect(openStore()).rejects.toThrow(`the store ${place} is not there: it was the store ${id}`);
  await expect(openStore()).rejects.toThrow('known-stores');
  expect(readdirSync(join(folder, 'mount')).flatMap((name) => readdirSync(join(folder, 'mount', name)))).toEqual([]);
  rmSync(place, { recursive: true, force: true });
  renameSync(join(folder, 'away'), place);
  expect((await openStore()).id).toBe(id);
});

test('a store that was used before and has lost its empty folders takes files again', async () => {
  const { id } = await openStore();
  rmSync(join(place, 'tmp'), { recursive: true });
  expect((await openStore(place, { onlyRead: true })).id).toBe(id);
  expect(readdirSync(place)).toEqual(['store.json']);
  const store = await openStore();
  expect((await store.read(await store.putBytes('hello', '.txt'))).toString()).toBe('hello');
});

test('another store in its place is refused, until somebody says that it is meant', async () => {
  const { id } = await openStore();
  rmSync(place, { recursive: true });
  const other = await openStore(join(folder, 'other'));
  renameSync(join(folder, 'other'), place);
  const refusal = await openStore().then(
    () => '',
    (error: Error) => error.message,
  );
  expect(refusal).toContain(`it was ${id}, and is ${other.id}`);
  rmSync(/delete (\S+):/.exec(refusal)?.[1] as string);
  expect((await openStore()).id).toBe(other.id);
});

test('the one of the data folder may be deleted with it, or from it', async () => {
  delete process.env['FLAMINGO_STORE'];
  const { id } = await openStore();
  rmSync(join(folder, 'home', 'store'), { recursive: true });
  expect((await openStore()).id).not.toBe(id);
});

test('the same address at a server that is named beside it is another place', async () => {
  const open = jest.spyOn(S3Store, 'open');
  const opened = (id: string, endpoint?: string): Promise<unknown> => {
    open.mockResolvedValue({ id } as S3Store);
    return openStore(undefined, { connection: endpoint === undefined ? {} : { endpoint } });
  };
  Object.assign(process.env, { FLAMINGO_STORE: 's3://bucket/prefix', AWS_ENDPOINT_URL_S3: 'https://one.example' });
  await opened('one');
  await expect(opened('two', 'https://two.example')).resolves.toEqual({ id: 'two' });
  await expect(opened('one', 'https://one.example')).resolves.toEqual({ id: 'one' });
  await expect(opened('two')).rejects.toThrow('it was one, and is two');
  await expect(opened('one', 'https://two.example')).rejects.toThrow('it was two, and is one');
});

test('what is only looked at is not made', async () => {
  await expect(openStore(place, { onlyRead: true })).rejects.toThrow(StoreAbsent);
  expect(readdirSync(folder)).toEqual([]);
});

test('a machine whose data folder can not be written opens it all the same', async () => {
  const { writeFile } = fs.promises as unknown as { writeFile: (...args: unknown[]) => Promise<void> };
  let refused = 0;
  const spy = jest.spyOn(fs.promises, 'writeFile').mockImplementation((async (...args: unknown[]) => {
    if (!String(args[0]).includes('known-stores')) return writeFile(...args);
    refused += 1;
    throw Object.assign(new Error('EROFS: read-only file system'), { code: 'EROFS' });
  }) as never);
  const { id } = await openStore();
  spy.mockRestore();
  expect(refused).toBe(1);
  expect((await openStore(place)).id).toBe(id);
});

test.each<[string, () => void]>([
  ['is a file', (): void => writeFileSync(join(folder, 'home'), '')],
  [
    'has a file in the place of its notes',
    (): void => {
      mkdirSync(join(folder, 'home'));
      writeFileSync(join(folder, 'home', 'known-stores'), '');
    },
  ],
  ['belongs to somebody else', refuseTheDataFolder],
])('a machine whose data folder %s opens it all the same', async (_, spoil) => {
  spoil();
  const { id } = await openStore();
  expect((await openStore()).id).toBe(id);
});

function refuseTheDataFolder(): void {
  for (const name of ['readFile', 'mkdir'] as const) {
    const real = fs.promises[name] as (...args: unknown[]) => Promise<unknown>;
    jest
      .spyOn(fs.promises, name)
      .mockImplementation(((...args: unknown[]) =>
        String(args[0]).includes('known-stores')
          ? Promise.reject(Object.assign(new Error('EACCES: permission denied'), { code: 'EACCES' }))
          : real(...args)) as never);
  }
}

test.each(['s3:/bucket/prefix', 'gs://bucket'])('%s makes no folder of that name', async (address) => {
  process.env['FLAMINGO_STORE'] = address;
  await expect(openStore()).rejects.toThrow(StoreMisconfigured);
  await expect(openStore(address, { onlyRead: true })).rejects.toThrow('did you mean s3://bucket');
});

test('what is to be set for object storage is said with the SDK’s words', async () => {
  Object.assign(process.env, { FLAMINGO_STORE: 's3://bucket', AWS_ENDPOINT_URL_S3: 'http://127.0.0.1:1' });
  const cause = Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' });
  jest.spyOn(S3Store, 'open').mockRejectedValue(new Error('s3://bucket/store.json: connect', { cause }));
  await expect(openStore()).rejects.toThrow(StoreMisconfigured);
  await expect(openStore()).rejects.toThrow(/AWS_ENDPOINT_URL_S3 is http:\/\/127\.0\.0\.1:1: nothing listens there/);
  await expect(openStore(undefined, { connection: { endpoint: 'localhost:9000' } })).rejects.toThrow(/expected a URL/);
});
