/**
 * Proxies in the environment that lead nowhere: what is on loopback is never asked through them.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { EXIT } from '../../cli/errors';
import { Project } from '../support/project';
import { makeTinyModel } from '../support/tiny-model';

const NOWHERE = 'http://me:secret@127.0.0.1:9';
const PROXIES = Object.fromEntries(
  ['http_proxy', 'https_proxy', 'all_proxy', 'grpc_proxy'].flatMap((name) => [
    [name, NOWHERE],
    [name.toUpperCase(), NOWHERE],
  ]),
);

let project: Project;

beforeAll(() => {
  makeTinyModel();
  project = new Project({ ...PROXIES, no_proxy: 'localhost', NO_PROXY: '' });
  writeFileSync(join(project.folder, 'rubric.txt'), 'Rate.\n{question}\n[ANSWER START]\n{answer}\n[ANSWER END]\n');
  writeFileSync(join(project.folder, 'answers.csv'), 'question,answer\nDo you like tea?,I love tea.\n');
});
afterAll(() => project?.dispose());

test('embedded services come up and judge', async () => {
  const words = ['--metric', 'm=rubric.txt', '--judge', 'stand-in', '-o', 'out.csv'];
  const { code, stderr } = await project.flamingo('judge', 'answers.csv', ...words);
  if (code !== EXIT.done) throw new Error(`exit ${code}\n${stderr}\n${project.logs()}`);
  expect(project.ledger()).toHaveLength(1);
});

test('a server elsewhere that can not be reached: the error names the proxy, without its password', async () => {
  const remote = { TEMPORAL_ADDRESS: 'temporal.invalid:7233' };
  const { code, stderr } = await project.start('account', 'show', 'stand-in', remote).finished;
  expect(code).toBe(EXIT.invalid);
  expect(stderr).toContain('through the proxy 127.0.0.1:9, which grpc_proxy names');
  expect(stderr).not.toContain('secret');
});
