/**
 * A project whose folder's name holds what means something in URLs, shells, patterns and terminals: everything that the
 * embedded services write lies in it, and they start there again and again.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { EXIT } from '../../cli/errors';
import { isRunning } from '../../cli/local/processes';
import { Project } from '../support/project';
import { makeTinyModel } from '../support/tiny-model';
import { until } from '../support/until';

/** Also too long a name for a socket in it. */
const NAME = `-a #1?%20%s;*[b] ünï 火烈鸟'"$(x)\`y\`\n${'long'.repeat(25)}`;

let project: Project;

beforeAll(() => {
  makeTinyModel();
  project = new Project({}, NAME);
  writeFileSync(join(project.folder, 'rubric.txt'), 'Rate.\n{question}\n[ANSWER START]\n{answer}\n[ANSWER END]\n');
});
afterAll(() => project?.dispose());

async function judge(answer: string, out: string): Promise<string> {
  writeFileSync(join(project.folder, 'answers.csv'), `question,answer\nDo you like tea?,${answer}\n`);
  const words = ['--metric', 'm=rubric.txt', '--judge', 'stand-in', '-o', out];
  const { code, stderr } = await project.flamingo('judge', 'answers.csv', ...words);
  if (code !== EXIT.done) throw new Error(`exit ${code}\n${stderr}\n${project.logs()}`);
  return readFileSync(join(project.folder, out), 'utf8');
}

test('judging works there, twice, and nothing is written beside it', async () => {
  expect(await judge('I love tea.', 'one.csv')).toContain('scored');
  expect((await project.flamingo('stop')).code).toBe(EXIT.done);
  expect(await judge('No.', 'two.csv')).toContain('scored');
  expect(readdirSync(join(project.data, 'temporal')).filter((name) => name.endsWith('.db'))).toHaveLength(1);
  expect(readdirSync(project.above)).toEqual([NAME]);
});

test('so does an experiment, with its trainer', async () => {
  const file = project.experiment({ configurations: ['flamingo'], epochs: 1, samples: 1 });
  const { code, stderr } = await project.flamingo('run', file);
  if (code !== EXIT.done) throw new Error(`exit ${code}\n${stderr}\n${project.logs()}`);
  expect(Object.keys(project.results())).toContain('flamingo/out-of-domain/default/judgements.jsonl');
  expect(readdirSync(project.above)).toEqual([NAME]);
});

test('a server that outlived its supervisor is adopted, and ended with everything else', async () => {
  expect((await project.flamingo('server', '--detach')).code).toBe(EXIT.done);
  const first = project.services as NonNullable<typeof project.services>;
  await killed(first.supervisor);
  expect((await project.flamingo('server', '--detach')).code).toBe(EXIT.done);
  const second = project.services as NonNullable<typeof project.services>;
  expect(second.supervisor).not.toBe(first.supervisor);
  expect(second.serverPid).toBe(first.serverPid);
  await killed(second.supervisor);
  expect(isRunning(first.serverPid as number)).toBe(true);
  expect((await project.flamingo('stop')).stderr).toContain('Stopped.');
  expect(isRunning(first.serverPid as number)).toBe(false);
});

async function killed(supervisor: number): Promise<void> {
  process.kill(supervisor, 'SIGKILL');
  await until('the supervisor is gone', () => !isRunning(supervisor));
}
