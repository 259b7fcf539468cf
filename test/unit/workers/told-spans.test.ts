/** What of a span leaves the process. */
import { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base';
import { reduced, reducedTo } from '../../../workers/told-spans';

const TEXT = 'How do I water a fern?';

it('tells ids, times and types of errors, and no text', () => {
  const inner = new InMemorySpanExporter();
  const provider = new BasicTracerProvider({
    spanProcessors: [new SimpleSpanProcessor(reducedTo(inner, () => undefined))],
  });
  const span = provider.getTracer('test').startSpan('RunActivity:judgeShard');
  span.setAttributes({ temporalWorkflowId: 'experiment/ferns', attempt: 2, prompt: TEXT });
  span.recordException(new TypeError(TEXT));
  span.setStatus({ code: 2, message: TEXT });
  span.end();

  const [told] = inner.getFinishedSpans();
  expect(told).toMatchObject({ name: 'RunActivity:judgeShard', status: { code: 2 }, kind: 0, ended: true });
  expect(told?.attributes).toEqual({ temporalWorkflowId: 'experiment/ferns', attempt: 2 });
  expect(told?.events.map(({ name, attributes }) => ({ name, attributes }))).toEqual([
    { name: 'exception', attributes: { 'exception.type': 'TypeError' } },
  ]);
  expect(told?.status).toEqual({ code: 2 });
  expect(told?.spanContext()).toEqual(span.spanContext());
  expect(JSON.stringify([told?.attributes, told?.events, told?.status])).not.toContain(TEXT);
});

it('says once why spans are lost, and again after some were taken', () => {
  const said: string[] = [];
  let error: Error | undefined = new Error('ECONNREFUSED');
  const failing = reducedTo(
    {
      export: (_spans, done) => done(error === undefined ? { code: 0 } : { code: 1, error }),
      shutdown: () => Promise.resolve(),
    },
    (reason) => said.push(reason),
  );
  const send = (): void => failing.export([], () => undefined);
  send();
  send();
  expect(said).toEqual(['ECONNREFUSED']);
  error = undefined;
  send();
  error = new Error('429');
  send();
  expect(said).toEqual(['ECONNREFUSED', '429']);
});

it('changes no span that others may still read', () => {
  const span = new BasicTracerProvider().getTracer('test').startSpan('work') as unknown as Parameters<
    typeof reduced
  >[0];
  Object.assign(span.attributes, { prompt: TEXT });
  reduced(span);
  expect(span.attributes).toEqual({ prompt: TEXT });
});
