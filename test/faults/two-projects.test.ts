/**
 * Two projects that start at once: the one whose server comes late finds its port taken by the other's, and has to
 * notice that it is not its own server that answers there.
 */
import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { EXIT } from '../../cli/errors';
import { temporalPath } from '../../workers/toolchain';
import { Project } from '../support/project';
import { makeTinyModel } from '../support/tiny-model';

let early: Project;
let late: Project;

beforeAll(() => {
  makeTinyModel();
  early = new Project({}, 'early');
  // the late one has looked for a free port long before its server opens it
  const slow = join(early.above, 'temporal');
  writeFileSync(slow, `#!/bin/sh\n[ "$1" = server ] && sleep 5\nexec '${temporalPath().path}' "$@"\n`);
  chmodSync(slow, 0o755);
  late = new Project({ TEMPORAL_CLI_PATH: slow }, 'late');
});
afterAll(async () => {
  await late?.dispose();
  await early?.dispose();
});

async function judge(project: Project, answer: string): Promise<string> {
  writeFileSync(join(project.folder, 'rubric.txt'), 'Rate.\n{question}\n[ANSWER START]\n{answer}\n[ANSWER END]\n');
  writeFileSync(join(project.folder, 'answers.csv'), `question,answer\nDo you like tea?,${answer}\n`);
  const words = ['--metric', 'm=rubric.txt', '--judge', 'stand-in', '-o', 'out.csv'];
  const { code, stderr } = await project.flamingo('judge', 'answers.csv', ...words);
  if (code !== EXIT.done) throw new Error(`exit ${code}\n${stderr}\n${project.logs()}`);
  return readFileSync(join(project.folder, 'out.csv'), 'utf8');
}

test('each gets a server of its own, and works', async () => {
  const projects = [late, early];
  for (const { code, stderr } of await Promise.all(projects.map((each) => each.flamingo('server', '--detach'))))
    if (code !== EXIT.done) throw new Error(`exit ${code}\n${stderr}\n${late.logs()}`);
  const [one, other] = projects.map(({ services }) => services);
  expect(one?.address).not.toBe(other?.address);
  expect(one?.ui).not.toBe(other?.ui);
  const judged = await Promise.all([judge(late, 'Late tea.'), judge(early, 'Early tea.')]);
  expect(judged[0]).toMatch(/Late tea\..*scored/);
  expect(judged[1]).toMatch(/Early tea\..*scored/);
});
