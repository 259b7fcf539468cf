/**
 * The judge worker of one account: many requests at a time, no GPU.
 *
 *     node dist/workers/judge.js      environment: FLAMINGO_STORE, FLAMINGO_JUDGE_ACCOUNT (anthropic | openai | openai-HOST |
 *                                     stand-in), ANTHROPIC_API_KEY, ANTHROPIC_BASE_URL, the variables that judges of kind
 *                                     openai name, or FLAMINGO_STAND_IN_URL, TEMPORAL_ADDRESS
 */
import { setFlagsFromString } from 'node:v8';
import { accountOf, judgeWorker } from '../activities/judging';
import { openStore } from './open-store';
import type { JudgeActivities } from '../workflows/activity-types';
import { checkQueue, judgeQueue } from '../workflows/messages';
import { keyCommands } from './key-command';
import type { WorkerMetrics } from './metrics';
import { pacedSlots } from './paced-slots';
import { isEmbedded, runWorker } from './run-worker';
import { workerLogger } from './runtime';
import { clientRules } from './secret';
import { runProcess } from './worker-process';

/** V8 lets a heap grow to several times what lives in it before it collects; many of these workers may share a host. */
const HEAP_GROWING_PERCENT = 60;

async function main(): Promise<void> {
  setFlagsFromString(`--heap-growing-percent=${HEAP_GROWING_PERCENT}`);
  const name = `judge-${accountOf(process.env)}`;
  const logger = workerLogger(name);
  const queue = judgeQueue(accountOf(process.env));
  const store = await openStore();
  let metrics: WorkerMetrics | undefined;
  const { activities, full } = judgeWorker(store, process.env, {
    warn: (message) => logger.warn(message),
    counted: (client) => metrics?.judge(client) ?? client,
    rules: clientRules(),
    renewKey: keyCommands(process.env),
  });
  await runWorker({
    name,
    taskQueue: queue,
    storeId: store.id,
    onMetrics: (counted) => (metrics = counted),
    kin: isEmbedded() ? 'trusted' : 'checked',
    activities,
    tuner: {
      activityTaskSlotSupplier: pacedSlots(full),
      workflowTaskSlotSupplier: NONE,
      localActivityTaskSlotSupplier: NONE,
      nexusTaskSlotSupplier: NONE,
    },
    // each poll holds a slot that was free when it began: with more of them a full worker would still be given shards
    activityTaskPollerBehavior: { type: 'simple-maximum', maximum: 2 },
    maxHeartbeatThrottleInterval: '4s',
    beside: {
      taskQueue: checkQueue(queue),
      activities: { checkJudge: (input) => activities.checkJudge(input) } satisfies Pick<JudgeActivities, 'checkJudge'>,
      maxConcurrentActivityTaskExecutions: CHECKS_AT_ONCE,
      maxConcurrentActivityTaskPolls: 1,
    },
  });
}

const CHECKS_AT_ONCE = 4;

/** This worker runs activities only, but the SDK wants a number for every kind. */
const NONE = { type: 'fixed-size', numSlots: 1 } as const;

runProcess(main);
