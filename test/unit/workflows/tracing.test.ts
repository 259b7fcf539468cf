/** A run without a trace's context is left alone; that a traced one works is in test/replay. */
import { TRACE_HEADER as THEIRS } from '@temporalio/interceptors-opentelemetry/lib/instrumentation';
import type { WorkflowInterceptors } from '@temporalio/workflow';
import { interceptors, TRACE_HEADER } from '../../../workflows/tracing';

it('looks for the header that Temporal’s interceptors write', () => {
  expect(TRACE_HEADER).toBe(THEIRS);
});

it('hands the very promise on where a run is not traced', async () => {
  const { inbound, outbound } = interceptors() as Required<WorkflowInterceptors>;
  const result = Promise.resolve('done');
  const next = (): Promise<never> => result as Promise<never>;
  expect(inbound[0]?.execute?.({ args: [], headers: {} }, next)).toBe(result);
  const update = { name: 'apply', updateId: '1', args: [], headers: { [TRACE_HEADER]: {} } };
  expect(inbound[0]?.handleUpdate?.(update, next)).toBe(result);
  const activity = { activityType: 'finetune', args: [], headers: {}, options: {}, seq: 1 } as never;
  expect(outbound[0]?.scheduleActivity?.(activity, next)).toBe(result);
  await result;
});
