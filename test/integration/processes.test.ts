/**
 * What the embedded services really are given of the person's environment, read from the running processes.
 */
import { existsSync, readFileSync } from 'node:fs';
import { EXIT } from '../../cli/errors';
import { Project } from '../support/project';

const SECRETS = [
  'ANTHROPIC_API_KEY',
  'HF_TOKEN',
  'OPENAI_API_KEY',
  'AWS_SECRET_ACCESS_KEY',
  'OTEL_EXPORTER_OTLP_HEADERS',
  'GITHUB_TOKEN',
  'MY_TOKEN',
];
const COLLECTOR = 'OTEL_EXPORTER_OTLP_HEADERS';
let project: Project;

beforeAll(() => {
  project = new Project(Object.fromEntries(SECRETS.map((name) => [name, 'planted'])));
});
afterAll(() => project?.dispose());

/** Which of the planted variables the process has; `pid` null: it does not run. */
function secretsOf(pid: number | null): string[] {
  if (pid === null) throw new Error(`a service does not run\n${project.logs()}`);
  const variables = readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0');
  expect(variables.some((each) => each.startsWith('PATH='))).toBe(true);
  return SECRETS.filter((name) => variables.includes(`${name}=planted`));
}

(existsSync('/proc/self/environ') ? test : test.skip)('a secret reaches only whom it concerns', async () => {
  const started = await project.flamingo('server', '--account', 'stand-in', '--detach');
  if (started.code !== EXIT.done) throw new Error(`${started.stderr}\n${project.logs()}`);
  expect(secretsOf(project.services!.supervisor)).toEqual(['HF_TOKEN', COLLECTOR]);

  const both = ['--account', 'stand-in', '--account', 'anthropic', '--variable', 'MY_TOKEN', '--variable', 'NOT_SET'];
  const again = await project.flamingo('server', ...both, '--detach');
  if (again.code !== EXIT.done) throw new Error(`${again.stderr}\n${project.logs()}`);
  expect(again.stderr).toContain('Restarting the services with the judge anthropic and the variable MY_TOKEN');
  const given = {
    'the supervisor': secretsOf(project.services!.supervisor),
    ...Object.fromEntries(project.services!.services.map(({ name, pid }) => [name, secretsOf(pid)])),
  };
  expect(given).toEqual({
    'the supervisor': ['ANTHROPIC_API_KEY', 'HF_TOKEN', COLLECTOR, 'MY_TOKEN'],
    temporal: [],
    'stand-in-judge': [],
    'orchestration-worker': [COLLECTOR],
    'judge-worker-stand-in': [COLLECTOR],
    'judge-worker-anthropic': ['ANTHROPIC_API_KEY', COLLECTOR],
    'gpu-worker': ['HF_TOKEN', COLLECTOR, 'MY_TOKEN'],
  });
});
