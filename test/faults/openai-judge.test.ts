/**
 * Judges of an OpenAI-compatible server end to end: a killed worker, keys, pauses, and what stands in the files.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'csv-parse/sync';
import { EXIT } from '../../cli/errors';
import { readTokenTable } from '../../experiment/expected-score';
import { startStandIn, type ReceivedRequest, type StandIn } from '../../stand-in/server';
import { Project } from '../support/project';
import { until } from '../support/until';

const IN_FLIGHT = 4;
const ROWS = 50;
const KEY = 'sk-lab-0123456789';

let project: Project;
let server: StandIn;
const received: ReceivedRequest[] = [];

beforeAll(async () => {
  server = await startStandIn({ latencyMs: 100, apiKey: KEY, onRequest: (each) => received.push(each) });
  project = new Project({ LAB_KEY: KEY });
  writeFileSync(join(project.folder, 'helpful.txt'), 'How helpful is this, 0-100?\n{question}\n{answer}\n');
  const rows = Array.from({ length: ROWS }, (_, number) => `How do I water plant ${number}?,Plant ${number}: slowly.`);
  writeFileSync(join(project.folder, 'answers.csv'), ['question,answer', ...rows].join('\n') + '\n');
});
afterAll(async () => {
  await project?.dispose();
  await server?.close();
});

const account = (): string => `openai-127.0.0.1-${server.port}.LAB_KEY`;

function words(...more: string[]): string[] {
  return [
    ...['judge', 'answers.csv', '--metric', 'helpful=helpful.txt', '-o', 'judged.csv', '--json'],
    ...['--judge', 'openai:stand-in-judge-1', '--base-url', `${server.url}/v1`, '--key-variable', 'LAB_KEY'],
    ...['--concurrency', String(IN_FLIGHT), ...more],
  ];
}

/** Requests for verdicts: the check before them is one, too. */
const asked = (): number => server.ledger.paid;

test('a judge worker that is killed in the middle: nothing lost, at most what was in flight paid again', async () => {
  const { finished } = project.start(...words('--score', 'expected'));
  await until('a part is judged', () => asked() >= 15);
  process.kill(project.pid(`judge-worker-${account()}`) as number, 'SIGKILL');
  const { code, stderr } = await finished;
  if (code !== EXIT.done) throw new Error(`exit ${code}\n${stderr}\n${project.logs()}`);
  expect(asked()).toBeLessThanOrEqual(ROWS + IN_FLIGHT + 1);

  const rows = parse(readFileSync(join(project.folder, 'judged.csv')), { columns: true }) as unknown as Record<
    string,
    string
  >[];
  expect(rows).toHaveLength(ROWS);
  for (const row of rows) {
    const table = readTokenTable(row['helpful_raw'] as string)!.filter(({ token }) => /^\d+$/.test(token));
    const mass = table.reduce((sum, { logprob }) => sum + Math.exp(logprob), 0);
    const mean = table.reduce((sum, { token, logprob }) => sum + Math.exp(logprob) * Number(token), 0) / mass;
    expect(row['helpful_status']).toBe('scored');
    expect(Number(row['helpful'])).toBeCloseTo(mean, 5);
  }
  expect(rows.some(({ helpful }) => !Number.isInteger(Number(helpful)))).toBe(true);
});

test('the same again asks nothing; scored by its words it is another judge', async () => {
  const before = asked();
  expect((await project.flamingo(...words('--score', 'expected'))).code).toBe(EXIT.done);
  expect(asked()).toBe(before);
  const text = await project.flamingo(...words());
  if (text.code !== EXIT.done) throw new Error(`exit ${text.code}\n${text.stderr}\n${project.logs()}`);
  expect(asked()).toBe(before + ROWS);
});

test('the key is in the header of requests and in nothing that was written', () => {
  expect(received.every(({ headers }) => headers.authorization === `Bearer ${KEY}`)).toBe(true);
  expect(project.logs()).not.toContain(KEY);
});

test('a model that is not the stand-in is not answered by it', async () => {
  const other = words().map((word) => (word === 'openai:stand-in-judge-1' ? 'openai:gpt-4o' : word));
  const refused = await project.flamingo(...other);
  expect(refused.code).not.toBe(EXIT.done);
  expect(refused.stderr).toContain('answers as stand-in-judge-1');
});
