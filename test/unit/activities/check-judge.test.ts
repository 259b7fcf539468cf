/** Which judges a worker checks before any GPU works: those of the queue that it was asked on, with something to judge. */
import type { Client } from '@temporalio/client';
import { MockActivityEnvironment } from '@temporalio/testing';
import { DefaultLogger } from '@temporalio/worker';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { judgeWorker } from '../../../activities/judging';
import { startStandIn, type StandIn } from '../../../stand-in/server';
import { queuesToJudge } from '../../../artifacts/outline';
import { countReuse, judgesWithWork } from '../../../artifacts/reuse';
import { LocalStore } from '../../../artifacts/local/store';
import { storePlan, type StoredPlan } from '../../../artifacts/plans';
import { expand } from '../../../experiment/expand/expand';
import { checkQueue } from '../../../workflows/messages';
import { inputs, SMALL, specOf } from '../experiment/samples';

const FILE = `${SMALL}judge: { kind: stand-in }
judges:
  newer: { model: claude-haiku-5-5, metrics: [alignment] }
`;

let folder: string;
let store: LocalStore;
let standIn: StandIn;
let claude: Server;
let asked: string[];
let lifecycle: string;
let key: string;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'check-judges-'));
  store = await LocalStore.open(join(folder, 'store'));
  asked = [];
  lifecycle = 'active';
  key = 'sk-test';
  standIn = await startStandIn({ onRequest: ({ path }) => asked.push(path) });
  claude = createServer(({ url = '' }, response) => {
    asked.push(url);
    response.setHeader('content-type', 'application/json');
    if (url.includes('/batches')) return void response.writeHead(404).end('{"detail": "Not Found"}');
    response.end(JSON.stringify({ type: 'model', id: url.split('/').at(-1), lifecycle }));
  });
  await new Promise<void>((resolve) => claude.listen(0, '127.0.0.1', resolve));
});
afterEach(async () => {
  await standIn.close();
  await new Promise((resolve) => claude.close(resolve));
  rmSync(folder, { recursive: true, force: true });
});

async function check(judgeQueue: string, judges = ['judge', 'newer'], text = FILE): Promise<void> {
  const spec = specOf(text);
  const { plan } = expand(spec, inputs());
  const stored: StoredPlan = {
    plan,
    spec,
    source: { file: 'small.yaml', text },
    modelFolder: null,
    overrides: [],
  };
  const ref = await storePlan(store, stored);
  const env = {
    ANTHROPIC_API_KEY: key,
    ANTHROPIC_BASE_URL: `http://127.0.0.1:${(claude.address() as AddressInfo).port}`,
    FLAMINGO_STAND_IN_URL: standIn.url,
  };
  const { activities } = judgeWorker(store, env, {
    warn: (message) => void asked.push(message),
    rules: { secret: () => null, allowed: new Set(['judge-endpoints']) },
  });
  // the check asks nobody on Temporal
  const client = { withAbortSignal: (_: AbortSignal, work: () => Promise<unknown>) => work() } as unknown as Client;
  const environment = new MockActivityEnvironment(
    { taskQueue: checkQueue(judgeQueue) },
    { logger: new DefaultLogger('ERROR'), client },
  );
  await environment.run(activities.checkJudge, { plan: ref, judges });
}

test('each queue checks its own judges, by name as well as the first one', async () => {
  await check('flamingo-judge-stand-in');
  expect(asked).toEqual(['/v1/models/stand-in-judge-1']);
  await check('flamingo-judge-anthropic');
  expect(asked.slice(1)).toEqual(['/v1/models/claude-haiku-5-5']);
});

test('a judge with nothing to judge is not checked', async () => {
  await check('flamingo-judge-stand-in', ['newer']);
  expect(asked).toEqual([]);
  await check('flamingo-judge-anthropic', ['newer']);
  expect(asked).toEqual(['/v1/models/claude-haiku-5-5']);
});

test('a further judge that can not judge is refused, on its own queue only', async () => {
  lifecycle = 'retired';
  await check('flamingo-judge-stand-in');
  await expect(check('flamingo-judge-anthropic')).rejects.toMatchObject({
    type: 'JudgeStopped',
    nonRetryable: true,
    message: expect.stringContaining('claude-haiku-5-5 is retired') as string,
  });
});

test('a server without batches refuses a judge that is asked through them, with what to do, before any GPU works', async () => {
  const { port } = claude.address() as AddressInfo;
  const file = (more: string): string =>
    `${SMALL}judge: { kind: openai, model: own-judge, base_url: http://127.0.0.1:${port}/v1${more} }\n`;
  const queue = `flamingo-judge-openai-127.0.0.1-${port}`;
  await check(queue, ['judge'], file(''));
  await expect(check(queue, ['judge'], file(', mode: batch'))).rejects.toMatchObject({
    type: 'JudgeStopped',
    nonRetryable: true,
    message: expect.stringMatching(/has no batches \(404.*`mode: live`/) as string,
  });
  expect(asked.filter((url) => url.includes('/batches'))).toEqual(['/v1/batches?limit=100']);
});

test('a model that writes a number in several tokens may judge by words, and no metric by numbers', async () => {
  const { port } = claude.address() as AddressInfo;
  claude.removeAllListeners('request');
  claude.on('request', (_, response: ServerResponse) => {
    const token = { token: '8', logprob: -0.1 };
    response.setHeader('content-type', 'application/json');
    response.end(
      JSON.stringify({
        ...{ object: 'chat.completion', id: 'c', model: 'own-judge' },
        choices: [
          {
            ...{ index: 0, finish_reason: 'stop', message: { content: '8' } },
            logprobs: { content: [{ ...token, top_logprobs: [token] }] },
          },
        ],
        usage: { prompt_tokens: 9, completion_tokens: 1 },
      }),
    );
  });
  const words = 'rubric: "YES or NO? {question} {answer}", words: { YES: 100, NO: 0 }';
  const file = (more: string): string =>
    `${SMALL.slice(0, SMALL.indexOf('metrics:'))}metrics:\n  cites: { ${words} }\n${more}` +
    `judge: { kind: openai, score: expected, model: own-judge, base_url: http://127.0.0.1:${port}/v1 }\n`;
  const queue = `flamingo-judge-openai-127.0.0.1-${port}`;
  await check(queue, ['judge'], file(''));
  await expect(check(queue, ['judge'], file('  clear: { rubric: "0 to 100: {answer}" }\n'))).rejects.toMatchObject({
    type: 'JudgeStopped',
    message: expect.stringContaining('several tokens') as string,
  });
});

test('a key that is missing refuses the experiment, and pauses no account, which the test’s Temporal could not', async () => {
  key = '';
  await expect(check('flamingo-judge-anthropic')).rejects.toMatchObject({
    type: 'JudgeStopped',
    nonRetryable: true,
    message: expect.stringContaining('ANTHROPIC_API_KEY') as string,
  });
  expect(asked).toEqual([]);
});

test('the queues that are asked are those with something to judge', async () => {
  const spec = specOf(FILE);
  const reuse = await countReuse(store, expand(spec, inputs()).plan);
  expect(judgesWithWork(reuse)).toEqual(['judge', 'newer']);
  expect(queuesToJudge(spec, reuse)).toEqual(['flamingo-judge-stand-in', 'flamingo-judge-anthropic']);
  const first = { ...reuse, byJudge: { ...reuse.byJudge, judge: { new: 0, reused: 9 } } };
  expect(queuesToJudge(spec, first)).toEqual(['flamingo-judge-anthropic']);
});
