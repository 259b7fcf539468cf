/**
 * Before any GPU works: every judge account that has something to judge says whether its key and models work.
 */
import { ActivityFailure, TimeoutFailure, type ApplicationFailure } from '@temporalio/workflow';
import { failure, FAILURES } from './failures';
import type { ExperimentOutline } from './messages';
import { checkActivities } from './policies';

/** All queues at once; the first that fails refuses the plan. */
export async function checkJudges({ judgeQueues, judgesToAsk, plan }: ExperimentOutline): Promise<void> {
  await Promise.all(
    judgeQueues.map(async (queue) => {
      try {
        await checkActivities(queue).checkJudge({ plan, judges: judgesToAsk });
      } catch (error) {
        throw isUnanswered(error) ? noWorker(queue) : error;
      }
    }),
  );
}

/** No worker took the check; one that was made and failed until the time was over has a cause. */
function isUnanswered(error: unknown): boolean {
  return (
    error instanceof ActivityFailure && error.cause instanceof TimeoutFailure && !(error.cause.cause instanceof Error)
  );
}

function noWorker(queue: string): ApplicationFailure {
  return failure(
    FAILURES.InvalidInput,
    `no judge worker took the check for the task queue ${queue} within five minutes: start one, or leave out the judges that need it`,
  );
}
