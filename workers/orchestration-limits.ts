/**
 * How much an orchestration worker does at once. The benchmark's worker has the same limits.
 */
import type { WorkerOptions } from '@temporalio/worker';

export const ORCHESTRATION_LIMITS = {
  // a report of a large experiment holds all its rows in memory: not many at once
  maxConcurrentActivityTaskExecutions: 8,
  // cutting and publishing small cells, within workflow tasks
  maxConcurrentLocalActivityExecutions: 8,
  maxCachedWorkflows: 200,
  maxHeartbeatThrottleInterval: '3s',
  shutdownGraceTime: '2s',
} satisfies Partial<WorkerOptions>;
