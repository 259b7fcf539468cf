/**
 * Timeouts, heartbeats and retries of each activity class, chosen in this one place. Which failures are not retried, and
 * which name the time of their next attempt, is decided in failures.ts.
 *
 * Every class has a heartbeat timeout: a killed server can leave an activity 'started' on no worker, and only a
 * heartbeat timeout finds that. GPU and judge classes wait for an acknowledged cancellation, so that a checkpoint or
 * the requests in flight are saved before the workflow goes on (unset, the SDK behaves as TRY_CANCEL).
 */
import {
  ActivityCancellationType,
  proxyActivities,
  proxyLocalActivities,
  workflowInfo,
  type ActivityOptions,
  type LocalActivityOptions,
} from '@temporalio/workflow';
import type { RetryPolicy } from '@temporalio/common';
import type { GpuActivities, JudgeActivities, PlanningActivities } from './activity-types';
import { NEVER_RETRIED } from './failures';
import { checkQueue } from './messages';

/** Fails for good after 20 attempts (about ten minutes), because a full disk or a damaged store needs a person. */
const STORE_RETRY: RetryPolicy = {
  initialInterval: '1 second',
  maximumInterval: '1 minute',
  maximumAttempts: 20,
  nonRetryableErrorTypes: NEVER_RETRIED,
};

/** Reading and writing the store: seconds. The heartbeat (sent every second by the activities) finds a dead worker in 10 s. */
export const PLANNING: ActivityOptions = {
  startToCloseTimeout: '10 minutes',
  heartbeatTimeout: '10 seconds',
  cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
  retry: STORE_RETRY,
};

/**
 * Planning a request: seconds, or minutes for a large table or experiment, whose plan is read as one piece of JSON. How large it is
 * shows only then; a file's inputs may have to be downloaded, too.
 */
export const REQUEST: ActivityOptions = {
  ...PLANNING,
  startToCloseTimeout: '2 hours',
  heartbeatTimeout: '1 minute',
};

/**
 * Hours of training. Preemptions, pauses and busy leases use up attempts, so attempts are unlimited; what bounds them
 * is the rule in activities/attempts.ts: no checkpoint progress in five attempts ends it (`NoProgress`).
 * Heartbeats every 4 s while the trainer makes progress: a dead host is noticed in 20 s, a hung trainer by its phase's deadline.
 */
export const GPU: ActivityOptions = {
  startToCloseTimeout: '24 hours',
  heartbeatTimeout: '20 seconds',
  cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
  retry: { initialInterval: '2 seconds', maximumInterval: '1 minute', nonRetryableErrorTypes: NEVER_RETRIED },
};

/**
 * A shard of at most some hundred requests: a minute or so, longer when the provider makes us wait. The journal keeps
 * what was paid, so an attempt repeats only what was in flight. Waiting for a rate limit or a busy lease and preemption
 * use up attempts, so they are unlimited; five unexpected failures in a row end the shard (activities/attempts.ts).
 */
export const JUDGE: ActivityOptions = {
  startToCloseTimeout: '2 hours',
  heartbeatTimeout: '15 seconds',
  cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
  retry: {
    initialInterval: '1 second',
    maximumInterval: '1 minute',
    nonRetryableErrorTypes: NEVER_RETRIED,
  },
};

/**
 * Checking the judge: seconds, on a queue of its own, so that shards are never in its way. Five minutes bound the wait for a
 * judge worker that may not exist.
 */
export const CHECK: ActivityOptions = { ...JUDGE, scheduleToCloseTimeout: '5 minutes' };

/**
 * A program of the experiment's own over some thousand answers; it has a time limit of its own. How often it may die is
 * decided by the activity.
 */
export const SCORING: ActivityOptions = { ...JUDGE, startToCloseTimeout: '24 hours' };

export const planning = proxyActivities<PlanningActivities>(PLANNING);

export const requestPlanning = proxyActivities<Pick<PlanningActivities, 'planExperiment'>>(REQUEST);

/**
 * The light work of a large table or experiment, whose rows a worker has in memory: the statistics of its largest cell and collecting
 * garbage may keep it from its heartbeats for a minute, and an attempt beside a living one would need the memory twice.
 */
export const LARGE: ActivityOptions = { ...PLANNING, startToCloseTimeout: '2 hours', heartbeatTimeout: '3 minutes' };

export const largePlanning = proxyActivities<PlanningActivities>(LARGE);

export function scoringActivities(summary: string): Pick<PlanningActivities, 'scoreShard'> {
  return proxyActivities<PlanningActivities>({ ...SCORING, summary });
}

/** The light work of a configuration. */
export type LightActivities = Pick<PlanningActivities, 'readOutline' | 'planJudging' | 'publishCell'>;

/**
 * The same work within the workflow task: milliseconds each, for which scheduling an activity would be most of the server's work.
 * Only for small cells: queries and signals wait until it is done, and a place for workflow tasks is taken. So an attempt is
 * short, and longer pauses between two are timers. A worker that dies is noticed by the task's own timeout (10 s).
 */
export const LIGHT: LocalActivityOptions = {
  startToCloseTimeout: '1 minute',
  localRetryThreshold: '1 second',
  cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
  retry: STORE_RETRY,
};

export const lightWork = proxyLocalActivities<LightActivities>(LIGHT);

/** Judgements of a cell up to which its light work takes well under a second. */
export const LIGHT_CELL = 2_000;

/** Temporal's priorities go from 1, first, to 5. */
const USUAL_PRIORITY = 3;
const LAST_PRIORITY = 5;

/** GPU work on the given queue, named in the UI by `summary`. */
export function gpuActivities(taskQueue: string, summary: string, urgent: boolean): GpuActivities {
  // generating outranks fine-tuning, so results and judging start early; an experiment's own priority moves both
  const own = workflowInfo().priority?.priorityKey ?? USUAL_PRIORITY;
  const priorityKey = urgent ? Math.max(1, own - 1) : own;
  return proxyActivities<GpuActivities>({ ...GPU, taskQueue, summary, priority: { priorityKey } });
}

/**
 * Judging on the GPU, after fine-tuning and generating: the worker then changes from one model to the other once and not for
 * every cell.
 */
export function localJudging(taskQueue: string, summary: string): Pick<GpuActivities, 'judgeLocally'> {
  const own = workflowInfo().priority?.priorityKey ?? USUAL_PRIORITY;
  const priority = { priorityKey: Math.min(LAST_PRIORITY, own + 1) };
  return proxyActivities<GpuActivities>({ ...GPU, taskQueue, summary, priority });
}

export function checkActivities(judgeQueue: string): Pick<JudgeActivities, 'checkJudge'> {
  return proxyActivities<JudgeActivities>({
    ...CHECK,
    taskQueue: checkQueue(judgeQueue),
    summary: 'check the judge',
  });
}

export function judgeActivities(taskQueue: string, summary: string): JudgeActivities {
  return proxyActivities<JudgeActivities>({ ...JUDGE, taskQueue, summary });
}
