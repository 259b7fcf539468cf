/**
 * What `flamingo judge` says of judging that did not go smoothly, end to end with the stand-in: requests of attempts that
 * were killed, and every kind of failure by its name in exit code, JSON and report.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Fault } from '../../stand-in/faults';
import { EXIT } from '../../cli/errors';
import type { ReportOutcome } from '../../workflows/messages';
import { Project } from '../support/project';
import { makeTinyModel } from '../support/tiny-model';
import { until } from '../support/until';

const IN_FLIGHT = 4;

interface JudgedJson {
  experiment: string;
  requests: number;
  judging: NonNullable<ReportOutcome['judging']>;
}

let project: Project;

beforeAll(async () => {
  makeTinyModel();
  project = new Project({ FLAMINGO_STAND_IN_LATENCY_MS: '100' });
  writeFileSync(join(project.folder, 'helpful.txt'), 'How helpful is this, 0-100?\n{question}\n{answer}\n');
  expect((await project.flamingo('server', '--detach')).code).toBe(EXIT.done);
});
afterAll(() => project?.dispose());

function answers(name: string, texts: string[]): string[] {
  writeFileSync(
    join(project.folder, `${name}.csv`),
    ['question,answer', ...texts.map((text, index) => `How do I water plant ${index}?,${text}`)].join('\n') + '\n',
  );
  const files = [`${name}.csv`, '--metric', 'helpful=helpful.txt', '-o', `${name}-judged.csv`];
  return ['judge', ...files, '--judge', 'stand-in', '--concurrency', String(IN_FLIGHT), '--json'];
}

const read = (stdout: string): JudgedJson => JSON.parse(stdout) as JudgedJson;

test('requests of a killed attempt are counted: all that were paid, but for those in flight', async () => {
  const rows = 40;
  const words = answers(
    'killed',
    Array.from({ length: rows }, (_, index) => `Plant ${index}: slowly.`),
  );
  const { finished } = project.start(...words);
  await until('a part is judged', () => project.ledger().length >= 15);
  process.kill(project.pid('judge-worker-stand-in') as number, 'SIGKILL');
  const { code, stdout, stderr } = await finished;
  if (code !== EXIT.done) throw new Error(`exit ${code}\n${stderr}\n${project.logs()}`);
  const paid = project.ledger().length;
  const { requests } = read(stdout);
  expect(requests).toBeGreaterThanOrEqual(rows);
  expect(requests).toBeLessThanOrEqual(paid);
  expect(paid - requests).toBeLessThanOrEqual(IN_FLIGHT);
});

test('each kind of failure is counted by its name; what is missing is exit code 3, and the next run mends it', async () => {
  const marks = ['(breaks)', '(breaks)', '(torn)', '(prose)', '(refuses)', '(own fault)'];
  const words = answers('troubled', [...Array<string>(10).fill('Slowly.'), ...marks]);
  await setFaults([
    { kind: 'server_error', match: '(breaks)' },
    { kind: 'malformed', match: '(torn)' },
    { kind: 'prose', match: '(prose)' },
    { kind: 'refusal', match: '(refuses)' },
    { kind: 'too_large', match: '(own fault)' },
  ]);
  const first = await project.flamingo(...words);
  expect(first.code).toBe(EXIT.incomplete);
  const { experiment, judging } = read(first.stdout);
  const kinds = {
    'missing: reply with broken JSON': 1,
    'missing: server error (5xx)': 2,
    'verdict: the item itself was refused (400, 413)': 1,
    'verdict: the judge refused': 1,
    'verdict: unparsable': 1,
  };
  expect(judging).toEqual([{ judge: 'judge', counts: expect.objectContaining(kinds) as Record<string, number> }]);
  // five attempts each
  expect(judging[0]?.counts['met: server error (5xx)']).toBe(10);
  expect(first.stderr).toMatch(/judge: 1 missing: reply with broken JSON; 2 missing: server error \(5xx\); 1 verdict/);
  const report = readFileSync(join(project.data, 'judged', experiment, 'report.html'), 'utf8');
  for (const kind of Object.keys(kinds)) expect(report).toContain(kind);

  await setFaults([]);
  const second = await project.flamingo(...words);
  expect(second.code).toBe(EXIT.done);
  const again = read(second.stdout);
  expect(again.requests).toBe(3);
  const left = Object.keys(again.judging[0]?.counts ?? {});
  expect(left.filter((kind) => kind.startsWith('missing'))).toEqual([]);
  expect(left.filter((kind) => kind.startsWith('verdict'))).toHaveLength(3);
});

test('not one reply could be read: said here and in the report, and exit code 3', async () => {
  const words = answers('words', Array<string>(3).fill('Slowly. (prose)'));
  await setFaults([{ kind: 'prose', match: '(prose)' }]);
  const { code, stdout, stderr } = await project.flamingo(...words);
  expect(stderr).toMatch(/helpful by judge: not one reply could be read in /);
  expect(code).toBe(EXIT.incomplete);
  const report = readFileSync(join(project.data, 'judged', read(stdout).experiment, 'report.html'), 'utf8');
  expect(report).toContain('Nothing could be read');
  await setFaults([]);
  expect((await project.flamingo(...words)).code).toBe(EXIT.incomplete);
});

async function setFaults(faults: Fault[]): Promise<void> {
  const response = await fetch(`${project.services?.standIn}/faults`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-control-token': project.services?.standInToken ?? '' },
    body: JSON.stringify(faults),
  });
  expect(response.status).toBe(200);
}
