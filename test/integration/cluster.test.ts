/**
 * A Temporal server elsewhere: behind mutual TLS, with a namespace that nobody has made, and histories that are encrypted.
 * Commands and workers are real processes.
 */
import { randomBytes, randomUUID } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { spawn, type ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { TestWorkflowEnvironment } from '@temporalio/testing';
import { DefaultLogger, Runtime } from '@temporalio/worker';
import { EXIT } from '../../cli/errors';
import { freePort } from '../../cli/local/ports';
import { prepareNamespace } from '../../workers/namespace';
import { installationRoot } from '../../workers/places';
import { temporalPath } from '../../workers/toolchain';
import { EXPERIMENT } from '../../workflows/search-attributes';
import { Project } from '../support/project';
import { makeTinyModel } from '../support/tiny-model';
import { tlsFront, type TlsFront } from '../support/tls-front';
import { until } from '../support/until';

jest.setTimeout(180_000);

let server: TestWorkflowEnvironment;
let front: TlsFront;
let project: Project;
const processes: ChildProcess[] = [];

beforeAll(async () => {
  Runtime.install({ logger: new DefaultLogger('ERROR') });
  makeTinyModel();
  project = new Project();
  server = await TestWorkflowEnvironment.createLocal({
    server: { executable: { type: 'existing-path', path: temporalPath().path } },
  });
  front = await tlsFront(Number(server.address.split(':').at(-1)));
});
afterAll(async () => {
  for (const child of processes) child.kill('SIGTERM');
  await project?.dispose();
  await front?.close();
  await server?.teardown();
});

function profile(namespace: string, { cert, key }: { cert: string; key: string }): NodeJS.ProcessEnv {
  const file = join(project.folder, `${namespace}.toml`);
  writeFileSync(
    file,
    `[profile.lab]\naddress = "${front.address}"\nnamespace = "${namespace}"\n[profile.lab.tls]\n` +
      `server_ca_cert_path = "${front.files.ca}"\nclient_cert_path = "${cert}"\nclient_key_path = "${key}"\n`,
  );
  return { TEMPORAL_CONFIG_FILE: file, TEMPORAL_PROFILE: 'lab' };
}

test('cluster init makes namespace and search attributes, once', async () => {
  const namespace = `lab-${randomUUID().slice(0, 8)}`;
  const env = profile(namespace, front.files);
  const first = await project.start('cluster', 'init', env).finished;
  expect(first).toMatchObject({ code: EXIT.done, stdout: expect.stringContaining('created, with 30 days') as string });
  const again = await project.start('cluster', 'init', '--json', env).finished;
  expect(JSON.parse(again.stdout)).toEqual({ namespace, created: false, added: [] });
});

test('a certificate that the server does not take, and a server that is not there, are said in plain words', async () => {
  const { strangeCert: cert, strangeKey: key } = front.files;
  const nowhere = { TEMPORAL_ADDRESS: `127.0.0.1:${await freePort(0)}` };
  // each waits ten seconds for a server that may be waking up
  const init = (env: NodeJS.ProcessEnv) => project.start('cluster', 'init', env).finished;
  const [strange, absent] = await Promise.all([init(profile('default', { cert, key })), init(nowhere)]);
  expect(strange.code).toBe(EXIT.invalid);
  expect(strange.stderr).toMatch(/client certificate/);
  expect(absent.code).toBe(EXIT.invalid);
  expect(absent.stderr).toContain('can not be reached: nothing listens there');
});

test('a workflow starts at once in a namespace that is ready', async () => {
  for (let round = 0; round < 5; round += 1) {
    const namespace = `fresh-${randomUUID().slice(0, 8)}`;
    // two at once, as workers and commands come
    const both = await Promise.all(
      [1, 2].map(() => prepareNamespace({ connection: { address: server.address }, namespace, retention: false })),
    );
    expect(both.filter(({ created }) => created)).toHaveLength(1);
    await server.connection.workflowService.startWorkflowExecution({
      namespace,
      workflowId: 'demo',
      requestId: randomUUID(),
      workflowType: { name: 'experiment' },
      taskQueue: { name: 'flamingo' },
      searchAttributes: {
        indexedFields: { [EXPERIMENT.name]: { metadata: KEYWORD, data: Buffer.from('"demo"') } },
      },
    });
  }
});

const KEYWORD = { encoding: Buffer.from('json/plain'), type: Buffer.from('Keyword') };

test('workers and a command, started at once, judge through mutual TLS, and the histories show nothing', async () => {
  const namespace = `lab-${randomUUID().slice(0, 8)}`;
  const keys = join(project.folder, 'keys');
  const key = randomBytes(32).toString('base64');
  writeFileSync(keys, `k1 ${key}\n`, { mode: 0o600 });
  const port = await freePort(0);
  const env = {
    ...profile(namespace, front.files),
    FLAMINGO_CODEC_KEY_FILE: keys,
    FLAMINGO_STAND_IN_URL: `http://127.0.0.1:${port}`,
  };
  const standIn = ['--port', String(port), '--ledger', join(project.folder, 'ledger.jsonl')];
  processes.push(spawn(process.execPath, [join(installationRoot(), 'dist', 'stand-in', 'main.js'), ...standIn]));
  const workers = [
    project.start('worker', 'orchestration', env),
    project.start('worker', 'judge', '--account', 'stand-in', env),
  ];
  processes.push(...workers.map(({ child }) => child));
  writeFileSync(join(project.folder, 'rubric.txt'), 'Rate.\n{question}\n[ANSWER START]\n{answer}\n[ANSWER END]\n');
  writeFileSync(join(project.folder, 'answers.csv'), 'question,answer\nDo you like tea?,I love tea.\n');
  const words = ['answers.csv', '--metric', 'm=rubric.txt', '--judge', 'stand-in', '-o', 'out.csv'];
  const judged = await project.start('judge', ...words, env).finished;
  if (judged.code !== EXIT.done) throw new Error(`exit ${judged.code}\n${judged.stderr}`);

  const service = server.connection.workflowService;
  const { executions } = await service.listWorkflowExecutions({ namespace });
  expect(executions.length).toBeGreaterThan(1);
  for (const { execution } of executions) {
    const { history } = await service.getWorkflowExecutionHistory({ namespace, execution: execution ?? null });
    const text = JSON.stringify(history);
    const encodings = [...text.matchAll(/"encoding":"([^"]+)"/g)].map(([, base64]) =>
      Buffer.from(base64!, 'base64').toString(),
    );
    // search attributes are for the server to read
    expect(text).not.toContain(Buffer.from('"output"').toString('base64').slice(0, 8));
    expect(encodings).toContain('binary/encrypted');
    expect(text).not.toContain(key);
  }

  // a worker without the key says so at its start, while something runs
  await service.startWorkflowExecution({
    namespace,
    workflowId: 'open',
    requestId: randomUUID(),
    workflowType: { name: 'experiment' },
    taskQueue: { name: 'nobody' },
    searchAttributes: { indexedFields: { [EXPERIMENT.name]: { metadata: KEYWORD, data: Buffer.from('"demo"') } } },
    input: { payloads: [{ metadata: ENCRYPTED, data: randomBytes(40) }] },
  });
  await until('the open workflow is listed', async () => {
    const listed = await service.listWorkflowExecutions({
      namespace,
      query: "ExecutionStatus = 'Running' AND WorkflowId = 'open'",
    });
    return listed.executions.length > 0;
  });
  const keyless = await project.start('worker', 'orchestration', { ...env, FLAMINGO_CODEC_KEY_FILE: '' }).finished;
  expect(keyless.code).not.toBe(0);
  expect(keyless.stderr).toContain('encrypted with the key k1, and there is none here');

  for (const { child } of workers) child.kill('SIGTERM');
  for (const { finished } of workers) expect((await finished).stderr).not.toContain(key);
  expect(readFileSync(join(project.folder, 'out.csv'), 'utf8')).toContain('I love tea');
});

const ENCRYPTED = { encoding: Buffer.from('binary/encrypted'), 'encryption-key-id': Buffer.from('k1') };
