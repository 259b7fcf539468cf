/**
 * The judge worker of one account: many requests at a time, no GPU.
 *
 *     node dist/workers/judge.js      environment: FLAMINGO_STORE, FLAMINGO_JUDGE_ACCOUNT (anthropic | stand-in),
 *                                     ANTHROPIC_API_KEY, ANTHROPIC_BASE_URL or FLAMINGO_STAND_IN_URL, TEMPORAL_ADDRESS
 */
import { judgeActivities } from '../activities/judge/activity';
import { openStore } from '../artifacts/open-store';
import { judgeQueue } from '../workflows/messages';
import { runWorker } from './run-worker';

async function main(): Promise<void> {
  const account = process.env['FLAMINGO_JUDGE_ACCOUNT'] ?? 'anthropic';
  await runWorker({
    name: `judge-${account}`,
    taskQueue: judgeQueue(account),
    activities: judgeActivities(await openStore(), process.env),
    // shards share the worker's requests in flight; a few at once keep it busy at their ends
    maxConcurrentActivityTaskExecutions: 8,
    maxHeartbeatThrottleInterval: '4s',
    // requests in flight are awaited by the activity itself, so it must hear of the shutdown at once
    shutdownGraceTime: 0,
  });
}

main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
});
