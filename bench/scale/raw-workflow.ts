/**
 * What the server can do at most, in the same run: a workflow that does nothing but activities that do nothing.
 */
import { proxyActivities } from '@temporalio/workflow';

const { nothing } = proxyActivities<{ nothing(): Promise<void> }>({ startToCloseTimeout: '1 minute' });

/** One after the other. */
export async function raw(count: number): Promise<void> {
  for (let done = 0; done < count; done++) await nothing();
}
