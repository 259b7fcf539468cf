/**
 * One look at a running experiment: the workflows' own progress, and the heartbeats of their pending activities.
 */
import { WorkflowNotFoundError, type Client } from '@temporalio/client';
import { decodeOptionalSinglePayload } from '@temporalio/common/lib/internal-non-workflow';
import {
  configurationProgress,
  experimentProgress,
  type ConfigurationProgress,
  type ExperimentProgress,
} from '../workflows/messages';

export interface PendingActivity {
  type: string;
  attempt: number;
  started: boolean;
  heartbeat: unknown;
  lastFailure: string | null;
}

export interface ConfigurationSnapshot {
  progress: ConfigurationProgress | null;
  activities: PendingActivity[];
}

export interface Snapshot {
  progress: ExperimentProgress;
  configurations: Record<string, ConfigurationSnapshot>;
}

/** Whether the workflow is open. A closed one (cancelled, terminated, done) still answers queries, as it was at its end. */
export async function isOpen(client: Client, workflowId: string): Promise<boolean> {
  try {
    const { status } = await client.workflow.getHandle(workflowId).describe();
    return status.name === 'RUNNING';
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return false;
    throw error;
  }
}

export async function takeSnapshot(client: Client, workflowId: string): Promise<Snapshot> {
  const progress = await client.workflow.getHandle(workflowId).query(experimentProgress);
  const running = progress.configurations.filter(({ state }) => state === 'running');
  const entries = await Promise.all(
    running.map(async ({ name, workflowId: id }) => [name, await configurationSnapshot(client, id)] as const),
  );
  return { progress, configurations: Object.fromEntries(entries) };
}

async function configurationSnapshot(client: Client, workflowId: string): Promise<ConfigurationSnapshot> {
  const handle = client.workflow.getHandle(workflowId);
  try {
    const [progress, { raw }] = await Promise.all([handle.query(configurationProgress), handle.describe()]);
    const { loadedDataConverter } = client.options;
    const activities = await Promise.all(
      (raw.pendingActivities ?? []).map(async (pending) => ({
        type: pending.activityType?.name ?? '?',
        attempt: pending.attempt ?? 1,
        started: pending.lastStartedTime != null,
        heartbeat: await decodeOptionalSinglePayload(loadedDataConverter, pending.heartbeatDetails?.payloads?.[0]),
        lastFailure: pending.lastFailure?.message ?? null,
      })),
    );
    return { progress, activities };
  } catch {
    // the child has not started yet, or has just ended; the next look will tell
    return { progress: null, activities: [] };
  }
}
