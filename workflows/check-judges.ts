/**
 * Before any GPU works: every judge account that has something to judge says whether its key and models work.
 */
import { ActivityFailure, ApplicationFailure, TimeoutFailure } from '@temporalio/workflow';
import type { ExperimentOutline } from './messages';
import { checkActivities } from './policies';

/** All queues at once; the first that fails refuses the plan. */
export async function checkJudges({ judgeQueue, judgeQueues, judgesToAsk, plan }: ExperimentOutline): Promise<void> {
  await Promise.all(
    (judgeQueues ?? [judgeQueue]).map(async (queue) => {
      try {
        await checkActivities(queue).checkJudge({
          plan,
          ...(judgesToAsk === undefined ? {} : { judges: judgesToAsk }),
        });
      } catch (error) {
        throw isUnanswered(error) ? noWorker(queue) : error;
      }
    }),
  );
}

/** As opposed to a check that was made, and failed until the time was over. */
function isUnanswered(error: unknown): boolean {
  return (
    error instanceof ActivityFailure && error.cause instanceof TimeoutFailure && !(error.cause.cause instanceof Error)
  );
}

function noWorker(queue: string): ApplicationFailure {
  return ApplicationFailure.create({
    type: 'InvalidInput',
    nonRetryable: true,
    message: `no judge worker took the check for the task queue ${queue} within five minutes: start one, or leave out the judges that need it`,
  });
}
