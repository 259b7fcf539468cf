/**
 * A worker as in production (same code, same limits, a process of its own) whose activities do nothing, so that what is
 * measured is orchestration alone.
 *
 *     node dist/bench/scale/instant-worker.js orchestration | gpu | judge | raw
 */
import { join } from 'node:path';
import { bundleWorkflowCode } from '@temporalio/worker';
import { installationRoot } from '../../workers/places';
import { ORCHESTRATION_LIMITS } from '../../workers/orchestration-limits';
import { runWorker } from '../../workers/run-worker';
import { checkQueue, ORCHESTRATION_QUEUE } from '../../workflows/messages';
import { instantActivities } from './instant-activities';
import { GPU_QUEUE, JUDGE_QUEUE, RAW_QUEUE } from './queues';

/** No store is opened, and all workers of a run are started by it. */
const OWN = { storeId: 'none', kin: 'trusted' } as const;

const bundled = (name: string): string => join(installationRoot(), 'dist', name);

async function main(kind: string | undefined): Promise<void> {
  const activities = instantActivities();
  if (kind === 'orchestration') {
    const workflowBundle = { codePath: bundled('workflow-bundle.js') };
    await runWorker({
      ...OWN,
      name: 'bench-orchestration',
      taskQueue: ORCHESTRATION_QUEUE,
      workflowBundle,
      activities,
      ...ORCHESTRATION_LIMITS,
    });
  } else if (kind === 'gpu') {
    await runWorker({ ...OWN, name: 'bench-gpu', taskQueue: GPU_QUEUE, activities });
  } else if (kind === 'judge') {
    const beside = { taskQueue: checkQueue(JUDGE_QUEUE), activities };
    await runWorker({ ...OWN, name: 'bench-judge', taskQueue: JUDGE_QUEUE, activities, beside });
  } else {
    const workflowBundle = await bundleWorkflowCode({ workflowsPath: bundled('bench/scale/raw-workflow.js') });
    const nothing = (): Promise<void> => Promise.resolve();
    await runWorker({
      ...OWN,
      name: 'bench-raw',
      taskQueue: RAW_QUEUE,
      workflowBundle,
      activities: { nothing },
      ...ORCHESTRATION_LIMITS,
    });
  }
}

main(process.argv[2]).catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
