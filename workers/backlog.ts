/**
 * How much waits in the task queues that a worker serves, asked of Temporal for the metrics.
 */
import type { WorkflowService } from '@temporalio/client';
import { temporal } from '@temporalio/proto';
import type { WorkerMetrics } from './metrics';

const EVERY_MS = 15_000;

/** Counts until what it returns is called; a server that does not answer is asked again. */
export function countBacklog(
  service: WorkflowService,
  namespace: string,
  queues: readonly string[],
  metrics: Pick<WorkerMetrics, 'backlog'>,
): () => void {
  const look = async (queue: string): Promise<void> => {
    const { stats } = await service.describeTaskQueue({
      namespace,
      taskQueue: { name: queue },
      taskQueueType: temporal.api.enums.v1.TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY,
      reportStats: true,
    });
    metrics.backlog(queue, Number(stats?.approximateBacklogCount ?? 0));
  };
  const lookAtAll = (): void => {
    for (const queue of queues) look(queue).catch(() => undefined);
  };
  lookAtAll();
  const timer = setInterval(lookAtAll, EVERY_MS);
  return () => clearInterval(timer);
}
