/**
 * `--exit-when-idle 10m`: ends a worker that has had nothing to do for so long, so that a rented machine can be given back.
 */
import type { WorkflowService } from '@temporalio/client';
import { duration } from './duration';

/** Of an orchestration worker: an experiment that waits for a GPU for hours is not over. */
export async function noExperimentIsOpen(service: WorkflowService, namespace: string): Promise<boolean> {
  const { count } = await service.countWorkflowExecutions({
    namespace,
    query: `ExecutionStatus = 'Running' AND WorkflowType IN ('experiment', 'configuration')`,
  });
  return Number(count ?? 0) === 0;
}

/** Milliseconds, null where the environment asks for nothing. Throws when what it asks for is no duration. */
export function idleLimit(env: NodeJS.ProcessEnv): number | null {
  const text = env['FLAMINGO_EXIT_WHEN_IDLE'];
  return text ? duration(text, 'FLAMINGO_EXIT_WHEN_IDLE') : null;
}

export interface Idleness {
  limitMs: number;
  /** How long nothing has run. */
  idleMs: () => number;
  /** Asked once the limit is reached; true: nothing will come by itself. */
  nothingOpen: () => Promise<boolean>;
  end: () => void;
}

/** Calls `end` once. Returns what stops the watch; a server that can not be asked is asked again. */
export function endWhenIdle({ limitMs, idleMs, nothingOpen, end }: Idleness): () => void {
  let asking = false;
  const look = async (): Promise<void> => {
    if (asking || idleMs() < limitMs) return;
    asking = true;
    const over = await nothingOpen().catch(() => false);
    asking = false;
    if (!over || idleMs() < limitMs) return;
    clearInterval(timer);
    end();
  };
  const timer = setInterval(() => void look(), Math.max(50, Math.min(5_000, limitMs / 10)));
  return () => clearInterval(timer);
}
