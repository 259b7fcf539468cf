/**
 * Traces by OpenTelemetry, of workers and commands: on where the environment names a collector, by OpenTelemetry's own
 * variables. What a span may say is in told-spans.ts. A collector that is slow or gone costs spans, and no work.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { hostname } from 'node:os';
import type { ClientInterceptors } from '@temporalio/client';
import type { WorkerOptions } from '@temporalio/worker';
import { reducedTo } from './told-spans';
import { programVersion } from './version';

const PROTOCOL = 'http/protobuf';
/** How long the end of a process waits for its last spans to be taken. */
const CLOSE_MS = 2_000;

export interface Tracing {
  /** Of a client whose requests begin a trace. */
  clientInterceptors: ClientInterceptors;
  /** Of a worker. */
  activity: NonNullable<NonNullable<WorkerOptions['interceptors']>['activity']>;
  sinks: NonNullable<WorkerOptions['sinks']>;
  /** Sends what is left, as far as that is done in two seconds. Never rejects. */
  close(): Promise<void>;
}

/** A traced run sends its spans here whoever replays it; a worker without a collector drops them. */
export const NO_SPANS: NonNullable<WorkerOptions['sinks']> = {
  exporter: { export: { fn: () => undefined, callDuringReplay: false } },
};

/**
 * Null where the environment names no collector, and then nothing of OpenTelemetry is loaded. Once a process. `service`: how
 * OTEL_SERVICE_NAME is set where it is not; `warn` hears why spans are lost, once until they are taken again.
 */
export async function startTracing(
  env: NodeJS.ProcessEnv,
  service: string,
  warn: (message: string) => void,
): Promise<Tracing | null> {
  const address = env['OTEL_EXPORTER_OTLP_TRACES_ENDPOINT']?.trim() || env['OTEL_EXPORTER_OTLP_ENDPOINT']?.trim();
  if (!address || env['OTEL_SDK_DISABLED']?.toLowerCase() === 'true') return null;
  if ((env['OTEL_TRACES_EXPORTER'] || 'otlp') !== 'otlp') return null;
  const endpoint = originOf(address);
  if (endpoint === null) {
    // the exporter would send to this very machine, and what is no address may hold a password all the same
    warn(
      'no traces are sent: OTEL_EXPORTER_OTLP_ENDPOINT, or the one for traces, is no address such as http://localhost:4318',
    );
    return null;
  }
  const protocol = env['OTEL_EXPORTER_OTLP_TRACES_PROTOCOL'] || env['OTEL_EXPORTER_OTLP_PROTOCOL'] || PROTOCOL;
  if (protocol !== PROTOCOL) {
    warn(
      `no traces are sent to ${endpoint}: the environment asks for ${protocol}, and Flamingo sends ${PROTOCOL} only`,
    );
    return null;
  }
  const [
    api,
    sdk,
    { Resource, envDetectorSync },
    { AsyncLocalStorageContextManager },
    { OTLPTraceExporter },
    temporal,
  ] = await Promise.all([
    import('@opentelemetry/api'),
    import('@opentelemetry/sdk-trace-base'),
    import('@opentelemetry/resources'),
    import('@opentelemetry/context-async-hooks'),
    import('@opentelemetry/exporter-trace-otlp-proto'),
    import('@temporalio/interceptors-opentelemetry'),
  ]);
  const { version } = await programVersion();
  const here = {
    'service.name': service,
    'service.version': version,
    'host.name': hostname(),
    'process.pid': process.pid,
  };
  const resource = Resource.default().merge(new Resource(here)).merge(envDetectorSync.detect());
  const exporter = reducedTo(new OTLPTraceExporter(), (reason) => warn(`no spans reach ${endpoint}: ${reason}`));
  const processor = new sdk.BatchSpanProcessor(exporter);
  const provider = new sdk.BasicTracerProvider({ resource, spanProcessors: [processor] });
  provider.register({ contextManager: new AsyncLocalStorageContextManager().enable() });

  const client = new temporal.OpenTelemetryWorkflowClientInterceptor();
  return {
    clientInterceptors: {
      workflow: [
        // a command looks at what runs twice a second: only what asks for something to be done is worth a span
        {
          startUpdate: (input, next) => client.startUpdate(input, next),
          startUpdateWithStart: (input, next) => client.startUpdateWithStart(input, next),
        },
      ],
    },
    activity: [
      (context) => ({
        inbound: new temporal.OpenTelemetryActivityInboundInterceptor(context),
      }),
      ({ info }) => ({
        inbound: {
          execute: (input, next) => {
            api.trace.getActiveSpan()?.setAttributes({ attempt: info.attempt, taskQueue: info.taskQueue });
            return next(input);
          },
        },
      }),
    ],
    sinks: { exporter: temporal.makeWorkflowExporter(processor, resource) },
    close: () => Promise.race([provider.shutdown().catch(() => undefined), sleep(CLOSE_MS, undefined, { ref: false })]),
  };
}

/** As much of an address as may be logged: the rest can hold a user, a password or a token. Null where it is not of HTTP. */
function originOf(address: string): string | null {
  if (!URL.canParse(address)) return null;
  const { protocol, origin } = new URL(address);
  return protocol === 'http:' || protocol === 'https:' ? origin : null;
}
