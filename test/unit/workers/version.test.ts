import packageJson from '../../../package.json';
import { programVersion } from '../../../workers/version';

test('version and commit of the program that runs, read once', async () => {
  const version = programVersion();
  expect(programVersion()).toBe(version);
  const { commit, version: number } = await version;
  expect(number).toBe(packageJson.version);
  expect(commit ?? '0'.repeat(40)).toMatch(/^[0-9a-f]{40}( with uncommitted changes)?$/);
});
