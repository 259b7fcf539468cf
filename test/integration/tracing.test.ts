/**
 * Traces of a real run: the command, the orchestration worker and the judge worker are processes of their own, and what they
 * tell a collector is one trace. A collector that takes nothing costs spans, and no work.
 */
import { createServer, type AddressInfo, type Server } from 'node:net';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { EXIT } from '../../cli/errors';
import { Project } from '../support/project';
import { makeTinyModel } from '../support/tiny-model';
import { TraceReceiver, type ReceivedSpan } from '../support/trace-receiver';
import { until } from '../support/until';

const QUESTION = 'How do I water a fern?';
const JUDGE = ['judge', 'answers.csv', '--judge', 'stand-in', '--metric', 'kind=kind.txt'];
const KEY = 'x-collector-key=planted';

const receiver = new TraceReceiver();
const projects: Project[] = [];
let deaf: Server | undefined;

beforeAll(() => {
  makeTinyModel();
});
afterAll(async () => {
  for (const project of projects) await project.dispose();
  receiver.stop();
  deaf?.close();
});

/** What a run with this collector does; the services end with it, and with them their last spans. */
async function judge(endpoint: string, env: NodeJS.ProcessEnv = {}): Promise<{ project: Project; stderr: string }> {
  const project = new Project({ OTEL_EXPORTER_OTLP_ENDPOINT: endpoint, ...env });
  projects.push(project);
  writeFileSync(join(project.folder, 'kind.txt'), 'How kind is this, 0-100?\n{question}\n{answer}\n');
  writeFileSync(join(project.folder, 'answers.csv'), `question,answer\n${QUESTION},Slowly.\n${QUESTION},Gently.\n`);
  const { code, stderr } = await project.flamingo(...JUDGE, '-o', 'judged.csv');
  if (code !== EXIT.done) throw new Error(`exit ${code}\n${stderr}\n${project.logs()}`);
  return { project, stderr };
}

test('a run is one trace, from the command to the judge’s activity', async () => {
  await judge(await receiver.start(), { OTEL_EXPORTER_OTLP_HEADERS: KEY, OTEL_RESOURCE_ATTRIBUTES: 'lab=ferns' });
  const named = (name: string): ReceivedSpan | undefined => receiver.spans.find((span) => span.name === name);
  await until('the last span', () => named('RunWorkflow:experiment') !== undefined);

  const start = named('UpdateWithStartWorkflow:apply');
  const judged = named('RunActivity:judgeShard');
  expect(start?.parent).toBe('');
  expect(new Set(receiver.spans.map(({ trace }) => trace))).toEqual(new Set([start?.trace]));
  // the way back from the activity names each hand-over
  const way: string[] = [];
  for (let at = judged; at !== undefined; at = receiver.spans.find(({ id }) => id === at?.parent)) way.push(at.name);
  expect(way).toEqual([
    'RunActivity:judgeShard',
    'StartActivity:judgeShard',
    'RunWorkflow:configuration',
    'StartChildWorkflow:configuration',
    'RunWorkflow:experiment',
    'UpdateWithStartWorkflow:apply',
  ]);
  expect(judged?.attributes).toMatchObject({ taskQueue: 'flamingo-judge-stand-in', attempt: 1 });
  expect(judged?.resource).toMatchObject({ 'service.name': 'flamingo-judge-stand-in', lab: 'ferns' });
  const processes = new Set(receiver.spans.map(({ resource }) => resource['process.pid']));
  expect(processes.size).toBeGreaterThanOrEqual(3);

  expect(receiver.headers[0]).toMatchObject({ 'x-collector-key': 'planted' });
  const told = JSON.stringify(receiver.spans);
  for (const text of [QUESTION, 'Slowly.', 'How kind', 'planted']) expect(told).not.toContain(text);
});

test('a collector that is gone, or never answers, holds nothing up', async () => {
  const gone = await judge('http://127.0.0.1:9');
  expect(gone.stderr).toContain('no spans reach http://127.0.0.1:9: ');

  deaf = createServer(() => undefined);
  await new Promise<void>((resolve) => deaf?.listen(0, '127.0.0.1', resolve));
  await judge(`http://127.0.0.1:${(deaf.address() as AddressInfo).port}`);
});
