/**
 * What leaves a process in a span: its name, its times, whether it failed and as what type of error, and attributes with ids
 * and numbers that are named here. Whatever else libraries put into spans stays here: messages of errors, which may quote
 * a dataset or a reply, stack traces, and all that Temporal knows of a workflow.
 */
import type { ReadableSpan, SpanExporter } from '@opentelemetry/sdk-trace-base';

const TOLD = new Set([
  'temporalWorkflowId',
  'temporalActivityId',
  'temporalUpdateId',
  'run_id',
  'workflowId',
  'workflowType',
  'runId',
  'taskQueue',
  'attempt',
]);
const ERROR_TYPE = 'exception.type';

/** An exporter that hands on reduced spans. `failing` hears why they were lost, once until some are taken again. */
export function reducedTo(exporter: SpanExporter, failing: (reason: string) => void): SpanExporter {
  let lost = false;
  return {
    export: (spans, done) =>
      exporter.export(spans.map(reduced), (result) => {
        const failed = Number(result.code) !== 0;
        if (failed && !lost) failing(result.error?.message ?? 'they are not taken');
        lost = failed;
        done(result);
      }),
    shutdown: () => exporter.shutdown(),
  };
}

export function reduced(span: ReadableSpan): ReadableSpan {
  const attributes = only(span.attributes, (name) => TOLD.has(name));
  const events = span.events.map((event) => ({
    ...event,
    attributes: only(event.attributes ?? {}, (name) => name === ERROR_TYPE),
  }));
  // its methods are those of the span
  return Object.create(span, {
    attributes: { value: attributes },
    events: { value: events },
    status: { value: { code: span.status.code } },
  }) as ReadableSpan;
}

function only(attributes: ReadableSpan['attributes'], told: (name: string) => boolean): ReadableSpan['attributes'] {
  return Object.fromEntries(Object.entries(attributes).filter(([name]) => told(name)));
}
