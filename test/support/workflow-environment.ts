/**
 * Workflows on a real Temporal server with activities that tests control: what each was asked, when each may end. With
 * FLAMINGO_RECORD=1 histories are written to test/replay/histories, which the replay tests hold later code against.
 */
import {
  bundleWorkflowCode,
  DefaultLogger,
  Runtime,
  Worker,
  type WorkerOptions,
  type WorkflowBundleWithSourceMap,
} from '@temporalio/worker';
import type { WorkflowHandle } from '@temporalio/client';
import type { Priority } from '@temporalio/common';
import { historyToJSON } from '@temporalio/common/lib/proto-utils';
import { TestWorkflowEnvironment } from '@temporalio/testing';
import { Context } from '@temporalio/activity';
import { randomUUID } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DYNAMIC_CONFIGURATION, dynamicArguments } from '../../cli/local/temporal-server';
import { installationRoot } from '../../workers/places';
import { temporalPath } from '../../workers/toolchain';
import { SEARCH_ATTRIBUTES } from '../../workflows/search-attributes';
import type { GpuActivities, JudgeActivities, PlanningActivities } from '../../workflows/activity-types';
import type { experiment } from '../../workflows/experiment';
import {
  checkQueue,
  ORCHESTRATION_QUEUE,
  type ConfigurationOutline,
  type ExperimentOutline,
  type ExperimentRequest,
} from '../../workflows/messages';

export type Activities = PlanningActivities & GpuActivities & JudgeActivities;

/** Start input; the plan activity of a test decides what it means. */
export const REQUEST: ExperimentRequest = { yaml: 'name: demo' };

export class WorkflowEnvironment {
  private constructor(
    readonly temporal: TestWorkflowEnvironment,
    private readonly bundle: WorkflowBundleWithSourceMap,
  ) {}

  static async start(): Promise<WorkflowEnvironment> {
    Runtime.install({ logger: new DefaultLogger('ERROR') });
    const [temporal, bundle] = await Promise.all([
      TestWorkflowEnvironment.createLocal({
        server: {
          executable: { type: 'existing-path', path: temporalPath().path },
          searchAttributes: SEARCH_ATTRIBUTES,
          extraArgs: dynamicArguments(DYNAMIC_CONFIGURATION),
        },
      }),
      bundleWorkflows(),
    ]);
    return new WorkflowEnvironment(temporal, bundle);
  }

  /** Runs `scenario` beside workers that serve all queues of these activities. */
  async run<T>(
    activities: Activities,
    scenario: (queue: string) => Promise<T>,
    options: Pick<WorkerOptions, 'maxConcurrentActivityTaskExecutions'> = {},
  ): Promise<T> {
    const taskQueue = `test-${randomUUID()}`;
    const connection = this.temporal.nativeConnection;
    const checks = await Worker.create({ connection, taskQueue: checkQueue(taskQueue), activities });
    const worker = await Worker.create({
      connection,
      taskQueue,
      workflowBundle: this.bundle,
      activities,
      maxHeartbeatThrottleInterval: '200ms',
      ...options,
    });
    return checks.runUntil(worker.runUntil(scenario(taskQueue)));
  }

  /** Runs `scenario` beside a worker of the accounts' workflows, which real judge workers ask for their shares. */
  async withAccounts<T>(scenario: () => Promise<T>): Promise<T> {
    const worker = await Worker.create({
      connection: this.temporal.nativeConnection,
      taskQueue: ORCHESTRATION_QUEUE,
      workflowBundle: this.bundle,
    });
    return worker.runUntil(scenario());
  }

  /** Starts an experiment under a name of its own; `priority`: as `handOver` gives it, default none. */
  start(taskQueue: string, priority?: Priority): Promise<WorkflowHandle<typeof experiment>> {
    return this.temporal.client.workflow.start<typeof experiment>('experiment', {
      workflowId: `demo-${randomUUID().slice(0, 8)}`,
      taskQueue,
      args: [REQUEST],
      ...(priority !== undefined && { priority }),
    });
  }

  /** Keeps the history of the experiment, and of the named configurations, when asked to record. */
  async record(scenario: string, handle: WorkflowHandle<typeof experiment>, children: string[] = []): Promise<void> {
    if (process.env['FLAMINGO_RECORD'] !== '1') return;
    const folder = join(installationRoot(), 'test', 'replay', 'histories');
    mkdirSync(folder, { recursive: true });
    const ids = [handle.workflowId, ...children.map((name) => `${handle.workflowId}/${name}`)];
    for (const [index, id] of ids.entries()) {
      const history = await this.temporal.client.workflow.getHandle(id).fetchHistory();
      const name = index === 0 ? scenario : `${scenario}.${children[index - 1]}`;
      // stack traces in failures name the folder they were recorded in: nobody else's business
      const text = historyToJSON(history).replaceAll(installationRoot(), '/flamingo');
      writeFileSync(join(folder, `${name}.json`), text + '\n');
    }
  }

  async stop(): Promise<void> {
    await this.temporal.teardown();
  }
}

export function bundleWorkflows(): Promise<WorkflowBundleWithSourceMap> {
  return bundleWorkflowCode({
    workflowsPath: join(installationRoot(), 'workflows', 'index.ts'),
    workflowInterceptorModules: [join(installationRoot(), 'workflows', 'tracing.ts')],
    logger: new DefaultLogger('ERROR'),
  });
}

export function configurationOutline(
  name: string,
  cells = ['ood/default'],
  trained = true,
  key = `${name}-key`,
): ConfigurationOutline {
  return {
    name,
    label: name,
    key,
    recipeKey: trained ? `${name}-recipe` : null,
    measurements: [],
    cells: cells.map((cell) => ({ id: `${name}/${cell}`, completions: 4, judgements: 8, answersStored: false })),
  };
}

export function experimentOutline(
  queue: string,
  configurations: ExperimentOutline['configurations'],
  rest: Partial<ExperimentOutline> = {},
): ExperimentOutline {
  return {
    experiment: 'demo',
    plan: { uri: 'blobs/00/plan.json', sha256: '0', bytes: 1 },
    planKey: configurations.map(({ key }) => key).join(' '),
    output: '/results/demo',
    configurations,
    gpuQueue: queue,
    judgeQueue: queue,
    judgeQueues: [queue],
    judgesToAsk: [],
    parallel: 2,
    budget: { maxUsd: null, approval: false },
    estimatedUsd: 0,
    newWork: 1,
    ...rest,
  };
}

/** Activities that all succeed at once; `log` lists the calls in order. Override the ones a test is about. */
export function fakeActivities(log: string[], overrides: Partial<Activities> = {}): Activities {
  const note = (name: string, what: string): void => void log.push(`${name} ${what}`);
  return {
    planExperiment: () => Promise.reject(new Error('a test gives its own plan')),
    readOutline: () => Promise.reject(new Error('a test that gives only heads gives their outlines, too')),
    checkJudge: () => Promise.resolve(note('checkJudge', 'ok')),
    finetune: ({ configuration }) => {
      note('finetune', configuration);
      return Promise.resolve({ reused: false, adapterSha256: 'a', steps: 10, seconds: 1 });
    },
    generate: ({ cell }) => {
      note('generate', cell);
      return Promise.resolve({ reused: 0, made: 4, seconds: 1 });
    },
    judgeLocally: ({ shard }) => {
      note('judgeLocally', shard.key);
      return Promise.resolve({ judged: shard.count, missing: 0, usd: 0, requests: 0 });
    },
    handOff: ({ configuration, handoff }) => {
      note('handOff', `${configuration} ${handoff}`);
      return Promise.resolve({ reused: false, seconds: 1 });
    },
    measure: ({ configuration, condition }) => {
      note('measure', `${configuration} ${condition}`);
      return Promise.resolve({ reused: false, pairs: 3, seconds: 1 });
    },
    planJudging: ({ cell }) => {
      note('planJudging', cell);
      const requests = { uri: 'blobs/11/requests.jsonl', sha256: '1', bytes: 1 };
      const shared = { group: cell, judge: 'judge', requests, count: 4 };
      const shard = (metric: string) => ({ ...shared, key: `${cell}-${metric}`, metric });
      return Promise.resolve({ reused: 0, shards: [shard('alignment'), shard('coherence')], cut: null });
    },
    scoreShard: ({ shard }) => {
      note('scoreShard', shard.key);
      return Promise.resolve({ judged: shard.count, missing: 0, usd: 0, requests: 0 });
    },
    judgeShard: ({ shard }) => {
      note('judgeShard', shard.key);
      return Promise.resolve({ judged: 4, missing: 0, usd: 0.5, requests: 4 });
    },
    judgeBatch: ({ shard }) => {
      note('judgeBatch', shard.key);
      return Promise.resolve({ requests: 4, left: 0, reason: null, usd: 0.25 });
    },
    cancelBatch: ({ shard }) => {
      note('cancelBatch', shard.key);
      return Promise.resolve({ requests: 0, left: 4, reason: null, usd: 0 });
    },
    publishCell: ({ cell }) => {
      note('publishCell', cell);
      return Promise.resolve({ completions: 4, judgements: 8, missing: 0, paid: null });
    },
    buildReport: ({ results }) => {
      note('buildReport', results.map(({ name, failure }) => (failure === undefined ? name : `${name}!`)).join(' '));
      return Promise.resolve({
        folder: '/results/demo',
        html: '/results/demo/report.html',
        expectations: { passed: 0, failed: 0 },
        judging: [],
      });
    },
    ...overrides,
  };
}

/** An activity body that goes on until it is cancelled, as a trainer does; `onCancel` is told why. */
export async function untilCancelled(onCancel: (reason: string) => void): Promise<never> {
  const context = Context.current();
  const beat = setInterval(() => context.heartbeat({ step: 1 }), 50);
  try {
    await context.cancelled;
    throw new Error('unreachable');
  } catch (error) {
    onCancel((error as Error).message);
    throw error;
  } finally {
    clearInterval(beat);
  }
}
