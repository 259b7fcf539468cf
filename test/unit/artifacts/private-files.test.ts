/** Who can read what is written, with a umask that forbids nothing. */
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LocalStore } from '../../../artifacts/local/store';
import { writeWhole } from '../../../artifacts/whole-file';
import { LocalFiles, type LocalState } from '../../../cli/local/state';

let folder: string;
let umask: number;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'flamingo-modes-'));
  umask = process.umask(0);
});
afterEach(() => {
  process.umask(umask);
  rmSync(folder, { recursive: true, force: true });
});

/** Paths that somebody else could read or write. */
function open(root: string): string[] {
  const paths = [root, ...readdirSync(root, { recursive: true, encoding: 'utf8' }).map((path) => join(root, path))];
  return paths.filter((path) => (statSync(path).mode & 0o077) !== 0);
}

async function fill(store: LocalStore): Promise<void> {
  await store.putBytes('text', '.txt');
  await store.writeRecord('experiments', 'one', '{}');
  await store.appendRecord('spending', 'one', '{}');
  const work = { stage: 'completions', group: 'ab', key: 'cd' } as never;
  await store.lease(work, 'me', 60);
  const attempt = await store.attempt(work, 'first');
  await attempt.write('part.json', '{}');
  const log = await attempt.openLog('log.jsonl');
  log.append('{}');
  await log.close();
  await store.commit(work, { results: {}, provenance: {} } as never);
}

test('the data folder and its store are the owner’s alone', async () => {
  const data = join(folder, '.flamingo');
  const files = new LocalFiles(data);
  files.addClient();
  files.detached = true;
  files.writeState({ supervisor: process.pid } as LocalState);
  await fill(await LocalStore.open(join(data, 'store')));
  expect(readdirSync(data, { recursive: true }).length).toBeGreaterThan(20);
  expect(open(data)).toEqual([]);
});

test('a data folder that was open is closed, and a folder of the person’s is left as it is', () => {
  const data = join(folder, '.flamingo');
  mkdirSync(join(data, 'logs'), { recursive: true, mode: 0o755 });
  const own = join(folder, 'scratch');
  mkdirSync(own, { mode: 0o755 });
  new LocalFiles(data);
  new LocalFiles(own);
  expect(open(data)).toEqual([]);
  expect(open(own)).toEqual([own]);
});

test('a store in a folder that somebody made to share has that folder’s permissions', async () => {
  const shared = join(folder, 'shared');
  mkdirSync(shared);
  chmodSync(shared, 0o770);
  await fill(await LocalStore.open(shared));
  const modes = readdirSync(shared, { recursive: true, encoding: 'utf8' }).map(
    (path) => statSync(join(shared, path)).mode & 0o777,
  );
  expect(new Set(modes)).toEqual(new Set([0o770, 0o660]));
});

test('results follow the umask', async () => {
  await writeWhole(join(folder, 'results', 'report.html'), '');
  expect(statSync(join(folder, 'results', 'report.html')).mode & 0o777).toBe(0o666);
});
