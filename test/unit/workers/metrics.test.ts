/**
 * The worker's own metrics through the SDK's real exporter, and the dashboard held against what it serves.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Runtime } from '@temporalio/worker';
import getPort from 'get-port';
import { installationRoot } from '../../../workers/places';
import { RequestFailed } from '../../../judge/errors';
import type { JudgeClient } from '../../../judge/client';
import type { JudgeCall } from '../../../judge/request';
import { failure, FAILURES } from '../../../workflows/failures';
import { ActivityCount } from '../../../workers/activity-count';
import { WorkerMetrics } from '../../../workers/metrics';

let port: number;
let metrics: WorkerMetrics;

beforeAll(async () => {
  port = await getPort({ host: '127.0.0.1' });
  const runtime = Runtime.install({
    telemetryOptions: { metrics: { prometheus: { bindAddress: `127.0.0.1:${port}` } } },
  });
  metrics = new WorkerMetrics(runtime.metricMeter);
});
afterAll(() => Runtime.instance().shutdown());

/** Values by name and labels, without the labels that the SDK adds. */
async function served(): Promise<Record<string, number>> {
  const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
  const lines = text.split('\n').filter((line) => line.startsWith('flamingo_'));
  return Object.fromEntries(
    lines.map((line) => {
      const [, name = '', labels = '', value] = /^(\w+)(?:\{(.*)\})? (\S+)$/.exec(line) ?? [];
      const own = labels.split(',').filter((label) => label !== '' && !/^(service_name|namespace)=/.test(label));
      return [own.length === 0 ? name : `${name}{${own.sort().join(',')}}`, Number(value)];
    }),
  );
}

const LIMITS = { requestsPerMinute: 4000, inputTokensPerMinute: null, outputTokensPerMinute: null };
const MODEL = 'claude-haiku-4-5-20251001';
const CALL = { params: { model: MODEL }, body: 'secret words of an answer' } as unknown as JudgeCall;
const OPTIONS = { signal: new AbortController().signal, deadlineMs: 1000 };

function judge(send: JudgeClient['send']): JudgeClient {
  return metrics.judge({ judge: 'claude', send, model: () => Promise.reject(new Error('not asked')) });
}

it('counts activities, requests and steps', async () => {
  const count = new ActivityCount(undefined, metrics);
  await count.during('finetune', () => Promise.resolve());
  const preempted = count.during('finetune', () => Promise.reject(failure(FAILURES.Preempted, 'going away')));
  await expect(preempted).rejects.toThrow('going away');
  void count.during('judgeShard', () => new Promise(() => undefined));

  const reply = {
    inputTokens: 1000,
    outputTokens: 10,
    latencyMs: 1234.5,
    limits: { limits: LIMITS, exhausted: false },
  };
  await judge(() => Promise.resolve(reply as Awaited<ReturnType<JudgeClient['send']>>)).send(CALL, OPTIONS);
  const overloaded = new RequestFailed({ kind: 'overloaded', message: 'busy' } as ConstructorParameters<
    typeof RequestFailed
  >[0]);
  await expect(judge(() => Promise.reject(overloaded)).send(CALL, OPTIONS)).rejects.toThrow('busy');

  metrics.trainer({ event: 'progress', id: 1, step: 41, of: 60, tokensPerSecond: 512.5, memoryBytes: 2e9 });
  metrics.trainer({ event: 'progress', id: 1, step: 42, of: 60 });
  metrics.trainer({ event: 'checkpoint', id: 1, step: 42, path: '/x', sha256: 'y' });
  metrics.backlog('flamingo-gpu', 3);

  expect(await served()).toMatchObject({
    'flamingo_activities_total{activity="finetune",outcome="done"}': 1,
    'flamingo_activities_total{activity="finetune",outcome="preempted"}': 1,
    'flamingo_activities_running{activity="finetune"}': 0,
    'flamingo_activities_running{activity="judgeShard"}': 1,
    [`flamingo_judge_requests_total{model="${MODEL}",outcome="answered"}`]: 1,
    [`flamingo_judge_requests_total{model="${MODEL}",outcome="overloaded"}`]: 1,
    [`flamingo_judge_tokens_total{kind="input",model="${MODEL}"}`]: 1000,
    [`flamingo_judge_limit{limit="requestsPerMinute",model="${MODEL}"}`]: 4000,
    flamingo_trainer_steps_total: 2,
    flamingo_trainer_step: 42,
    flamingo_trainer_steps_planned: 60,
    flamingo_trainer_tokens_per_second: 512.5,
    flamingo_trainer_checkpoints_total: 1,
    'flamingo_queue_backlog{queue="flamingo-gpu"}': 3,
  });
  const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
  expect(text).not.toContain('secret words');
});

it('the dashboard shows metrics that are served, every one of them', async () => {
  const dashboard = readFileSync(join(installationRoot(), 'recipes', 'grafana', 'flamingo.json'), 'utf8');
  const shown = new Set([...dashboard.matchAll(/\bflamingo_\w+/g)].map(([name]) => name));
  const names = new Set(Object.keys(await served()).map((each) => each.replace(/\{.*/, '')));
  expect([...shown].filter((name) => !names.has(name))).toEqual([]);
  const unshown = [...names].filter((name) => !shown.has(name) && !/_(sum|count)$/.test(name));
  expect(unshown).toEqual([]);
  const { panels } = JSON.parse(dashboard) as { panels: { title: string; targets: { expr: string }[] }[] };
  for (const { title, targets } of panels)
    expect(`${title} ${targets.map(({ expr }) => expr).join(' ')}`).toMatch(/flamingo_|temporal_/);
});
