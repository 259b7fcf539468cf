/**
 * A collector of traces for tests: takes OTLP over HTTP as protobuf, and keeps the spans.
 */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import protobuf from 'protobufjs';

/** What tests read of https://github.com/open-telemetry/opentelemetry-proto; a reader skips what it does not know. */
const { root } = protobuf.parse(`
  syntax = "proto3";
  message Request { repeated ResourceSpans resource_spans = 1; }
  message ResourceSpans { Resource resource = 1; repeated ScopeSpans scope_spans = 2; }
  message Resource { repeated KeyValue attributes = 1; }
  message ScopeSpans { repeated Span spans = 2; }
  message Span {
    bytes trace_id = 1; bytes span_id = 2; bytes parent_span_id = 4; string name = 5;
    repeated KeyValue attributes = 9; repeated Event events = 11; Status status = 15;
  }
  message Event { string name = 2; repeated KeyValue attributes = 3; }
  message Status { string message = 2; int32 code = 3; }
  message KeyValue { string key = 1; AnyValue value = 2; }
  message AnyValue { oneof value { string string_value = 1; bool bool_value = 2; int64 int_value = 3; double double_value = 4; } }
`);

type Attributes = Record<string, unknown>;

export interface ReceivedSpan {
  name: string;
  trace: string;
  id: string;
  /** Empty for the first one of its trace. */
  parent: string;
  attributes: Attributes;
  resource: Attributes;
  status: { code: number; message: string };
  events: { name: string; attributes: Attributes }[];
}

interface KeyValue {
  key: string;
  value?: Record<string, unknown>;
}
interface Decoded {
  resourceSpans: {
    resource: { attributes: KeyValue[] };
    scopeSpans: {
      spans: (Omit<ReceivedSpan, 'trace' | 'id' | 'parent' | 'attributes' | 'events' | 'resource'> & {
        traceId: string;
        spanId: string;
        parentSpanId: string;
        attributes: KeyValue[];
        events: { name: string; attributes: KeyValue[] }[];
      })[];
    }[];
  }[];
}

export class TraceReceiver {
  readonly spans: ReceivedSpan[] = [];
  /** Headers of the requests. */
  readonly headers: NodeJS.Dict<string | string[]>[] = [];
  private server: Server | undefined;

  /** Returns the address that OTEL_EXPORTER_OTLP_ENDPOINT is to name. */
  async start(): Promise<string> {
    this.server = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        const known = request.method === 'POST' && request.url === '/v1/traces';
        if (known) this.spans.push(...spansOf(Buffer.concat(chunks)));
        if (known) this.headers.push(request.headers);
        response.writeHead(known ? 200 : 404, { 'content-type': 'application/x-protobuf' }).end();
      });
    });
    await new Promise<void>((resolve) => this.server?.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(this.server?.address() as AddressInfo).port}`;
  }

  stop(): void {
    this.server?.close();
    this.server?.closeAllConnections();
  }
}

function spansOf(body: Buffer): ReceivedSpan[] {
  const type = root.lookupType('Request');
  const options = { bytes: String, longs: Number, defaults: true, arrays: true } as const;
  const { resourceSpans } = type.toObject(type.decode(body), options) as Decoded;
  const hex = (base64: string): string => Buffer.from(base64, 'base64').toString('hex');
  return resourceSpans.flatMap(({ resource, scopeSpans }) =>
    scopeSpans.flatMap(({ spans }) =>
      spans.map(({ name, traceId, spanId, parentSpanId, attributes, status, events }) => ({
        name,
        trace: hex(traceId),
        id: hex(spanId),
        parent: hex(parentSpanId),
        attributes: attributesOf(attributes),
        resource: attributesOf(resource.attributes),
        status: { code: status?.code ?? 0, message: status?.message ?? '' },
        events: events.map((event) => ({ name: event.name, attributes: attributesOf(event.attributes) })),
      })),
    ),
  );
}

function attributesOf(pairs: KeyValue[]): Attributes {
  return Object.fromEntries(pairs.map(({ key, value }) => [key, Object.values(value ?? {})[0]]));
}
