/**
 * Interceptors of all workflows: a run whose start carries a trace's context hands it on to its activities, its children and
 * its next run, and has spans of its own (traced.ts). Any other run is left as it is, to the last microtask.
 *
 * Whether a run is traced is read from its history alone, so it replays on every worker, whether that one exports spans or not.
 */
import type { Headers, WorkflowInterceptors } from '@temporalio/workflow';
import type { TracedRun } from './traced';

/** Where Temporal's OpenTelemetry interceptors keep the context; their own constant would load OpenTelemetry. */
export const TRACE_HEADER = '_tracer-data';

export function interceptors(): WorkflowInterceptors {
  let run: TracedRun | null = null;
  return {
    inbound: [
      {
        execute: (input, next) => {
          if (!isTraced(input.headers)) return next(input);
          run = tracedRun();
          return run.execute(input, next);
        },
        handleUpdate: (input, next) =>
          run !== null && isTraced(input.headers) ? run.handleUpdate(input, next) : next(input),
      },
    ],
    outbound: [
      {
        scheduleActivity: (input, next) => run?.scheduleActivity(input, next) ?? next(input),
        scheduleLocalActivity: (input, next) => run?.scheduleLocalActivity(input, next) ?? next(input),
        startChildWorkflowExecution: (input, next) => run?.startChildWorkflowExecution(input, next) ?? next(input),
        continueAsNew: (input, next) => run?.continueAsNew(input, next) ?? next(input),
      },
    ],
  };
}

function isTraced(headers: Headers): boolean {
  return headers[TRACE_HEADER] !== undefined;
}

/** Each run evaluates its modules anew, so that OpenTelemetry would cost those runs, too, that nobody traces. */
function tracedRun(): TracedRun {
  // eslint-disable-next-line no-restricted-globals, @typescript-eslint/no-require-imports -- an import is never lazy
  return new (require('./traced') as { TracedRun: new () => TracedRun }).TracedRun();
}
