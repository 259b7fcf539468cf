/** Checkpoints that travel between machines: what another host finds after this one is gone, disk and all. */
import fs, { existsSync, mkdirSync, readdirSync, renameSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { WorkKey, Workspace } from '../../artifacts/store';
import { sha256 } from '../../experiment/canonical';
import type { Request } from '../support/fault-proxy';
import { type ObjectStorage, SharedPlace } from '../support/s3-machines';

const work: WorkKey = { stage: 'adapters', key: sha256('recipe') };
const ATTEMPT = 'r1-1';
const root = `adapters/${work.key}/synced/${ATTEMPT}`;

function write(workspace: Workspace, files: Record<string, string>): void {
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(workspace.path, name)), { recursive: true });
    writeFileSync(join(workspace.path, name), text);
  }
}

function checkpoint(step: number): Record<string, string> {
  const folder = `checkpoints/step-${String(step).padStart(6, '0')}`;
  return { [`${folder}/adapter.bin`]: `adapter ${step}`, [`${folder}/random/state.bin`]: `random ${step}` };
}

function found({ path }: Workspace): string[] {
  return readdirSync(path, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(path.length + 1))
    .sort();
}

/** `storage`: once tests run. */
export function workspaceSuite(storage: () => ObjectStorage): void {
  describe('working copies', () => {
    let place: SharedPlace;
    beforeEach(() => (place = new SharedPlace(storage().server)));
    afterEach(() => {
      storage().proxy.faults = () => null;
      place.remove();
    });

    /** The attempt's working copy on a machine that has never seen it. */
    const onNewMachine = async (): Promise<Workspace> =>
      (await (await place.open()).attempt(work, ATTEMPT)).workspace();
    const fileOf = (text: string): string => place.fileOf(`${root}/files/${sha256(text)}`);
    const uploads = (): Request[] =>
      storage().proxy.requests.filter(({ method, path }) => method === 'PUT' && path.includes('/files/'));

    test('a checkpoint is found as it was, what is still written is not', async () => {
      const here = await onNewMachine();
      write(here, {
        ...checkpoint(25),
        'log.jsonl': '{}\n',
        'checkpoints/.step-50/a': 'half',
        'more.partial/b': 'half',
      });
      await here.sync();
      expect(found(await onNewMachine())).toEqual([...Object.keys(checkpoint(25)), 'log.jsonl'].sort());
    });

    test('what did not change is not uploaded again, and what was dropped is forgotten in time', async () => {
      const here = await onNewMachine();
      for (const step of [25, 50, 75]) {
        write(here, checkpoint(step));
        if (step > 50) rmSync(join(here.path, 'checkpoints', 'step-000025'), { recursive: true });
        const before = uploads().length;
        await here.sync();
        await here.sync();
        expect(uploads().length - before).toBe(2);
      }
      expect(found(await onNewMachine())).toEqual(
        [...Object.keys(checkpoint(50)), ...Object.keys(checkpoint(75))].sort(),
      );
      expect(existsSync(fileOf('adapter 25'))).toBe(true); // in the index before
      write(here, checkpoint(100));
      await here.sync();
      expect(existsSync(fileOf('adapter 25'))).toBe(false);
    });

    test('the machine is lost while it uploads: the checkpoint before wins', async () => {
      const here = await onNewMachine();
      write(here, checkpoint(25));
      await here.sync();
      write(here, checkpoint(50));
      let puts = 0;
      storage().proxy.faults = ({ method }) =>
        method === 'PUT' && ++puts > 1 ? { status: 403, code: 'AccessDenied' } : null;
      await expect(here.sync()).rejects.toThrow('AccessDenied');
      storage().proxy.faults = () => null;
      expect(found(await onNewMachine())).toEqual(Object.keys(checkpoint(25)).sort());
      // and the same machine, were it still there, goes on where it was
      const before = uploads().length;
      await here.sync();
      expect(uploads().length - before).toBe(1);
      expect(found(await onNewMachine())).toHaveLength(4);
    });

    test.each([
      ['damaged', (): void => writeFileSync(fileOf('adapter 50'), 'adapter 5O')],
      ['gone', (): void => rmSync(fileOf('random 50'))],
    ])(
      'a checkpoint whose file is %s is left out as a whole, and what the index before had comes in its place',
      async (_, damage) => {
        const here = await onNewMachine();
        write(here, checkpoint(25));
        await here.sync();
        rmSync(join(here.path, 'checkpoints', 'step-000025'), { recursive: true });
        write(here, checkpoint(50));
        await here.sync();
        damage();
        expect(found(await onNewMachine())).toEqual(Object.keys(checkpoint(25)).sort());
      },
    );

    test('a checkpoint that was written in place and not finished is never there', async () => {
      const here = await onNewMachine();
      write(here, checkpoint(25));
      const declared = Date.now();
      const later = new Date(declared + 1000);
      write(here, checkpoint(50));
      utimesSync(join(here.path, 'checkpoints/step-000050/adapter.bin'), later, later);
      write(here, { 'progress.jsonl': '{}\n' });
      utimesSync(join(here.path, 'progress.jsonl'), later, later);
      await here.sync(declared + 500);
      expect(found(await onNewMachine())).toEqual([...Object.keys(checkpoint(25)), 'progress.jsonl'].sort());
      await here.sync();
      expect(found(await onNewMachine())).toHaveLength(5);
    });

    test('one that grows while it is uploaded is not there yet', async () => {
      const here = await onNewMachine();
      write(here, checkpoint(25));
      storage().proxy.faults = ({ method, path }) => {
        if (method === 'PUT' && path.includes(sha256('adapter 25')))
          write(here, { 'checkpoints/step-000025/later.bin': 'x' });
        return null;
      };
      await here.sync();
      expect(found(await onNewMachine())).toEqual([]);
      await here.sync();
      expect(found(await onNewMachine())).toHaveLength(3);
    });

    test.each(['EIO', 'EACCES'])('with %s on its disk a checkpoint is not forgotten', async (code) => {
      const here = await onNewMachine();
      write(here, checkpoint(25));
      await here.sync();
      const { readdir } = fs.promises as unknown as { readdir: (...args: unknown[]) => Promise<unknown> };
      const spy = jest.spyOn(fs.promises, 'readdir').mockImplementation((async (...args: unknown[]) => {
        if (String(args[0]).endsWith('step-000025')) throw Object.assign(new Error(`${code}: refused`), { code });
        return readdir(...args);
      }) as never);
      await expect(here.sync()).rejects.toThrow(code);
      spy.mockRestore();
      expect(found(await onNewMachine())).toEqual(Object.keys(checkpoint(25)).sort());
    });

    test('work that is done leaves no working copy on the machine', async () => {
      const here = await onNewMachine();
      write(here, checkpoint(25));
      renameSync(join(here.path, 'checkpoints/step-000025'), join(here.path, 'adapter'));
      const [store] = place.stores;
      const results = { weights: await here.keep('adapter/adapter.bin') };
      const committed = { attempt: ATTEMPT, host: 'here', at: '2026-01-01T00:00:00Z' };
      await store!.commit(work, { ...work, results, provenance: {}, facts: {}, committed });
      expect(existsSync(here.path)).toBe(false);
    });

    test('nothing outside the working copies is kept', async () => {
      const here = await onNewMachine();
      await expect(here.keep('/etc/hostname')).rejects.toThrow('does not lie in a working copy');
    });
  });
}
